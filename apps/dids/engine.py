"""Where a call to one of our numbers goes, and which number of ours a call shows. Pure: the switch and the office ask the same.

Numbers of people come in many spellings: with the country code, with `0` or `00` before it, or without either. Two are the same
when one is the other's end and lacks no more than a country code (`same`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

KEY = 6
"""Digits at the end by which numbers are found."""
COUNTRY = 3
"""The most digits of a country code."""
HOUR, DAY = 3600.0, 86_400.0
SOON, LATER, LONG = 2 * HOUR, DAY, 7 * DAY


class Did(NamedTuple):
    """One of our numbers that somebody has, or that is shared."""

    number: str
    shared: bool = False
    holders: tuple[int, ...] = ()
    company: int = 0  # account; 0: none
    carrier: int = 0  # account; 0: any


class Contact(NamedTuple):
    """Somebody in an account's phone book. `ways`: user name and numbers, the best first."""

    account: int
    did: str
    ways: tuple[str, ...]


class Last(NamedTuple):
    """The last call between an account and a party outside by a shared number."""

    account: int
    did: str
    party: str
    at: float


class Recent(Protocol):
    """Whoever remembers the last calls by shared numbers."""

    def between(self, did: str, party: str) -> Last | None:
        """The last one of the party by this number."""

    def with_party(self, party: str) -> Last | None:
        """By whichever number."""

    def of_account(self, account: int, party: str) -> Last | None:
        """By whichever number, of this account."""

    def by(self, did: str) -> Last | None:
        """Of the number, with whomever."""


class Nothing:
    """No call is remembered."""

    def between(self, did: str, party: str) -> Last | None:
        return None

    def with_party(self, party: str) -> Last | None:
        return None

    def of_account(self, account: int, party: str) -> Last | None:
        return None

    def by(self, did: str) -> Last | None:
        return None


def bare(number: str) -> str:
    """Without `+` and zeros before it; a user name in small letters."""
    return number.removeprefix("+").lstrip("0").lower()


def key_of(number: str) -> str:
    """By which the same number is found, however it is spelt."""
    return bare(number)[-KEY:]


def same(one: str, other: str) -> bool:
    """Whether two spellings are of one number."""
    long, short = bare(one), bare(other)
    if long == short:
        return bool(long)
    if len(long) < len(short):
        long, short = short, long
    return (
        len(short) >= KEY
        and len(long) - len(short) <= COUNTRY
        and long.endswith(short)
        and long.isdigit()
        and short.isdigit()
    )


@dataclass(slots=True)
class Dids:
    """The part `dids` of a snapshot."""

    numbers: dict[str, Did] = field(default_factory=dict)
    stock: set[str] = field(default_factory=set)
    """Numbers of ours that nobody has."""
    held: dict[int, tuple[str, ...]] = field(default_factory=dict)
    short: dict[str, list[int]] = field(default_factory=dict)
    contacts: dict[int, list[Contact]] = field(default_factory=dict)
    shared: list[Did] = field(default_factory=list)
    _by_key: dict[str, list[Contact]] = field(default_factory=dict)

    def take(self, section: str, rows: Iterable[Sequence[Any]]) -> None:
        """Rows of `apps.dids.snapshot`."""
        if section == "dids":
            for number, shared, holders, company, carrier in rows:
                did = self.numbers[number] = Did(number, shared, tuple(holders), company or 0, carrier or 0)
                if shared:
                    self.shared.append(did)
        elif section == "did_stock":
            self.stock.update(rows)  # type: ignore[arg-type]  # a row is a number
        elif section == "held":
            self.held.update((account, tuple(numbers)) for account, numbers in rows)
        elif section == "short_numbers":
            for number, account in rows:
                self.short.setdefault(number, []).append(account)
        elif section == "contacts":
            for account, did, ways in rows:
                self._contact(Contact(account, did, tuple(way for way in ways if way)))

    def _contact(self, contact: Contact) -> None:
        self.contacts.setdefault(contact.account, []).append(contact)
        for key in {key_of(way) for way in contact.ways}:
            self._by_key.setdefault(key, []).append(contact)

    def of(self, number: str) -> Did | None:
        """Whose it is; None: nobody's."""
        return self.numbers.get(number)

    def ours(self, number: str) -> bool:
        """Whether it belongs to us, held or not."""
        return number in self.numbers or number in self.stock

    def first_of(self, account: int) -> str:
        """The number that the account shows; "" without any."""
        held = self.held.get(account)
        return held[0] if held else ""

    def short_number(self, path: Sequence[int], number: str, above: Callable[[int], int]) -> int | None:
        """The account that has the short number among those below the caller, else beside it, else beside who is above it.

        `above`: the account that another one stands below; 0: none.
        """
        having = self.short.get(number)
        if not having:
            return None
        places = {above(account): account for account in reversed(having)}
        return next((places[one] for one in (*reversed(path), 0) if one in places), None)

    def known_to(self, names: Iterable[str], did: str | None = None) -> Iterator[Contact]:
        """Contacts that somebody with these names and numbers is; with `did`, those that have this shared number."""
        for name in names:
            for contact in self._by_key.get(key_of(name), ()):
                if did is not None and contact.did != did:
                    continue
                if any(same(way, name) for way in contact.ways):
                    yield contact


class Found(NamedTuple):
    """Where a call goes: to an account of ours, or to a number outside that `account` calls. `step`: of the look-up."""

    account: int
    number: str
    step: int
    why: str


class Asked(NamedTuple):
    """A call to a shared number, or to none that means anything (`did` ""). `account`: who calls, if that is one of ours."""

    did: str
    number: str  # the caller's
    now: float
    account: int = 0
    names: tuple[str, ...] = ()  # what else the caller is known by


class Ways(NamedTuple):
    """What the settings let the look-up use."""

    contacts: bool = True
    calls: bool = True
    longest: float = LATER  # how old the last call may be
    last_user: bool = False  # else to who used the number last
    inside: bool = True  # a contact's number that is ours rings inside


Rank = Callable[[int], int | None]
"""How well an account can be reached: the least is best, None: not at all."""
Local = Callable[[str], int | None]
AVAILABLE = 0


def look_up(dids: Dids, recent: Recent, asked: Asked, ways: Ways, rank: Rank, local: Local) -> Found | None:
    """The five steps of the guide (2342-2353), in their order:

    1. The caller has a contact with this number: to the contact, by the way that is best.
    2. The caller is somebody's contact with this number: to that account.
    3. Somebody spoke with the caller by this number within two hours: to that account.
    4. The caller is somebody's contact with another number or none: to that account.
    5. As 3, within a day (or what the settings say).

    Of several accounts the best is taken: with a phone, and not in a call.
    """
    steps = (_to_contact, _of_contact, _spoke_lately, _known_anyhow, _spoke_before)
    for step in steps:
        found = step(dids, recent, asked, ways, rank, local)
        if found is not None:
            return found
    last = recent.by(asked.did) if ways.last_user and asked.did else None
    if last is not None and rank(last.account) is not None:
        return Found(last.account, "", 6, "it used the number last")
    return None


def _to_contact(dids: Dids, _r: Recent, asked: Asked, ways: Ways, rank: Rank, local: Local) -> Found | None:
    if not (ways.contacts and asked.account and asked.did):
        return None
    options = [
        option
        for contact in dids.contacts.get(asked.account, ())
        if contact.did == asked.did
        for way in contact.ways
        if (option := _option(way, ways, rank, local)) is not None
    ]
    if not options:
        return None
    _, account, number = min(options, key=lambda one: one[0])
    return Found(account, number, 1, "it is the caller's contact by this number")


def _option(way: str, ways: Ways, rank: Rank, local: Local) -> tuple[int, int, str] | None:
    """One way to a contact: how good it is, the account of ours or 0, and the number outside."""
    outside = bare(way).isdigit()
    account = local(way.removeprefix("+")) if ways.inside or not outside else None
    if account is None:
        return (AVAILABLE + 1, 0, way.removeprefix("+")) if outside else None
    place = rank(account)
    return None if place is None else (2 * place, account, "")


def _of_contact(dids: Dids, _r: Recent, asked: Asked, ways: Ways, rank: Rank, _l: Local) -> Found | None:
    if not (ways.contacts and asked.did):
        return None
    mine = dids.known_to((asked.number, *asked.names), asked.did)
    return _best(mine, rank, 2, "the caller is its contact by this number")


def _known_anyhow(dids: Dids, _r: Recent, asked: Asked, ways: Ways, rank: Rank, _l: Local) -> Found | None:
    if not ways.contacts:
        return None
    return _best(dids.known_to((asked.number, *asked.names)), rank, 4, "the caller is its contact")


def _best(contacts: Iterable[Contact], rank: Rank, step: int, why: str) -> Found | None:
    account = best(dict.fromkeys(one.account for one in contacts), rank)
    return None if account is None else Found(account, "", step, why)


def _spoke_lately(_d: Dids, recent: Recent, asked: Asked, ways: Ways, rank: Rank, _l: Local) -> Found | None:
    return _spoke(recent, asked, ways, rank, min(SOON, ways.longest), 3)


def _spoke_before(_d: Dids, recent: Recent, asked: Asked, ways: Ways, rank: Rank, _l: Local) -> Found | None:
    return _spoke(recent, asked, ways, rank, ways.longest, 5)


def _spoke(recent: Recent, asked: Asked, ways: Ways, rank: Rank, longest: float, step: int) -> Found | None:
    if not (ways.calls and asked.number):
        return None
    last = recent.between(asked.did, asked.number) if asked.did else recent.with_party(asked.number)
    if last is None or asked.now - last.at > longest or rank(last.account) is None:
        return None
    return Found(last.account, "", step, "it spoke with the caller last by this number")


def best(accounts: Iterable[int], rank: Rank) -> int | None:
    """Who can be reached best; of equals the first."""
    ranked = [(place, account) for account in accounts if (place := rank(account)) is not None]
    return min(ranked, key=lambda one: one[0])[1] if ranked else None


def shown(
    dids: Dids, recent: Recent, mode: str, *, path: Sequence[int], called: Sequence[str], now: float
) -> str:
    """Which number of ours an outgoing call shows (`replaceanumwithdid`); "": its own as ever.

    `path`: ids down to the caller; `called`: the number, and names, of who is called.
    1. The shared number of the caller's contact that is called.
    2. last: by which the two spoke last, within a day.
    3. company: the first number of the nearest account above that has one.
    4. shared: of the shared numbers that the caller may use, the one that begins most like the called number.
    """
    if mode == "no":
        return ""
    steps = {
        "auto": (_contacts_own,),
        "shared": (_contacts_own, _nearest),
        "company": (_companys,),
        "last": (_lasts,),
    }.get(mode, (_contacts_own, _lasts, _companys, _nearest))
    longest = LONG if mode == "extended" else LATER
    for step in steps:
        found = step(dids, recent, path, called, now - longest)
        if found:
            return found
    return ""


def _contacts_own(dids: Dids, _r: Recent, path: Sequence[int], called: Sequence[str], _since: float) -> str:
    for account in reversed(path):
        for contact in dids.contacts.get(account, ()):
            if contact.did and any(same(way, name) for way in contact.ways for name in called):
                return contact.did
    return ""


def _lasts(_d: Dids, recent: Recent, path: Sequence[int], called: Sequence[str], since: float) -> str:
    last = recent.of_account(path[-1], called[0])
    return last.did if last is not None and last.at >= since else ""


def _companys(dids: Dids, _r: Recent, path: Sequence[int], _called: Sequence[str], _since: float) -> str:
    return next((found for one in reversed(path[:-1]) if (found := dids.first_of(one))), "")


def _nearest(dids: Dids, _r: Recent, path: Sequence[int], called: Sequence[str], _since: float) -> str:
    mine = [one for one in dids.shared if not one.company or one.company in path]
    if not mine:
        return ""
    return max(mine, key=lambda one: _alike(one.number, called[0])).number


def _alike(one: str, other: str) -> int:
    """How many digits they have in common at the beginning."""
    number = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        number += 1
    return number
