"""Who the called party is told that calls: From, the identity headers and Privacy (RFC 3323, RFC 3325; guide 2680-2820, 13881-13966).

1. The number: the caller's as the pipeline found it, or the one that `replacecalleroncalls` names; `identityrewrite` stands in for
   one that `identityforward` does not let through.
2. Hidden or not: what the caller asked for (Privacy, an anonymous From), unless `cli` says otherwise.
3. The identity: the same number, or the one that `forcedcallernidentity` names. It goes to who shall have it (`sendidentity`, `cli`);
   a hidden caller's never to a party that is not trusted (RFC 3325 §7).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from apps.numbers.engine.countries import is_international
from switch.sip.message import BadMessage, Header, Message

if TYPE_CHECKING:
    from switch.call.model import Caller
    from switch.world.settings import Settings
    from switch.world.world import World

TRUNKS = frozenset({"customer_trunk", "carrier"})
ANONYMOUS = "anonymous"
NOWHERE = "anonymous.invalid"
_HIDING = frozenset(("id", "user", "header"))
SHOWN = frozenset(("none",))
"""What a caller asks for who wants its number to be shown."""
_TELEPHONE = frozenset("0123456789")
_PLAIN_USER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/")


class Shown(NamedTuple):
    """What an INVITE says of its caller. `host` is "" for an address of ours."""

    display: str
    user: str
    host: str
    hidden: bool
    identity: str  # the number of the identity header; "" for none
    header: str  # its name


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a caller and of who is called."""

    number: str  # as the pipeline found it
    ruled: str  # the one that a rule shows, whatever settings say; "": none does
    ruled_identity: str  # the same for the identity header
    display: str
    username: str
    own_number: str
    from_user: str
    contact_user: str
    asserted: str  # of P-Asserted-Identity or P-Preferred-Identity
    remote_party: str  # of Remote-Party-ID
    everybodys: str  # the choice of a number that holds where accounts have none of their own
    called_username: str
    called_number: str
    privacy: frozenset[str]
    carrier: bool  # the called is one
    trusted: bool  # the called may know a hidden caller


def claim(account: Caller, settings: Settings, world: World, number: str) -> str:
    """A number that the caller names itself, if it may show it: a trunk any, a phone those that it has a right to (guide 9157)."""
    if account.kind in TRUNKS or settings.allowcalleridchange or not number:
        return number
    shown = number.removeprefix("+")
    own = (one.caller_number.removeprefix("+") for one_id in account.path if (one := world.account(one_id)))
    return number if shown in own or world.lists.may_show(shown, account.path) else ""


def trusted(account: Caller, settings: Settings) -> bool:
    """Whether the party belongs to the network of those who assert identities and keep them to themselves (RFC 3325 §5)."""
    if settings.trustedidentity == "auto":
        return account.kind in TRUNKS
    return settings.trustedidentity == "yes"


def privacy_of(message: Message) -> frozenset[str]:
    """The values of Privacy (RFC 3323 §4.2); an anonymous From asks for the same as `user`."""
    text = message.get("Privacy")
    asked = (
        frozenset(part.strip().lower() for part in text.replace(",", ";").split(";")) if text else frozenset()
    )
    if "none" in asked or asked & _HIDING:
        return asked
    from_ = message.from_
    user = from_.uri_text.partition(":")[2].partition("@")[0].lower()
    return asked | {"user"} if user == ANONYMOUS else asked


def user_of(message: Message, header: str) -> str:
    """The user part of the first address of a header; "" when there is none that can be read."""
    if message.get(header) is None:
        return ""
    try:
        return message.addresses(header)[0].uri.user
    except (BadMessage, IndexError):
        return ""


def display_of(message: Message, header: str) -> str:
    """The display name there."""
    if message.get(header) is None:
        return ""
    try:
        return message.addresses(header)[0].display
    except (BadMessage, IndexError):
        return ""


def present(facts: Facts, caller: Settings, called: Settings) -> Shown:
    """Decide it, from the settings of both accounts; the called's own choice of a number goes before the caller's."""
    hidden = _hidden(facts, caller)
    number = facts.ruled or _chosen(facts, caller, called)
    if not facts.ruled and called.rewriteaddress and not (caller.identityforward or caller.identityrewrite):
        number = called.rewriteaddress.removeprefix("+")
    rewritten = _rewritten(number, caller)
    asserting = caller.cli in {"asserted", "asserted_to_trusted"}
    if not (asserting and caller.identityrwmode == "identity"):
        number = rewritten
    display = facts.display
    if number == ANONYMOUS:
        hidden = True
    header = _header(facts, caller, called, rewritten, hidden=hidden)
    if called.rewriteaddress == ANONYMOUS and number == ANONYMOUS:
        header = ""
    identity = ""
    if header:
        choice = _first(called.forcedcallernidentity, caller.forcedcallernidentity)
        identity = facts.ruled_identity or _identity(choice, facts, caller, rewritten)
    if hidden:
        host = "" if called.usephysicalfromaddr == "local" else NOWHERE
        return Shown("Anonymous", ANONYMOUS, host, True, identity, header)
    return Shown(display, number, "", False, identity, header)


def _chosen(facts: Facts, caller: Settings, called: Settings) -> str:
    """The number of From, before what stands in for it.

    1. The house's only number, to carriers (`globaldidout`).
    2. Where a subscriber of ours is called, the usual one (`useorigcallerforeu`).
    3. One that a numbering plan knows (`userealphonenumbercallerid`), if there is any.
    4. The one that `replacecalleroncalls` names; accounts' own values count if `replacecalleroncallsusercheck` says so.
    """
    if facts.carrier and caller.globaldidout:
        return caller.globaldidout.removeprefix("+")
    if caller.useorigcallerforeu and not facts.carrier:
        return facts.number
    if caller.userealphonenumbercallerid:
        named = (facts.number, facts.own_number, facts.asserted, facts.remote_party, facts.from_user)
        real = next((one for one in named if is_real(one.removeprefix("+"))), "")
        if real:
            return real.removeprefix("+")
    choice = _first(called.replacecalleroncalls, caller.replacecalleroncalls)
    return _number(choice if caller.replacecalleroncallsusercheck else facts.everybodys, facts, caller)


@lru_cache(maxsize=4096)
def is_real(number: str) -> bool:
    """Whether some country's numbering plan has the number."""
    return is_telephone(number) and is_international(number)


def _first(*choices: str) -> str:
    return next((one for one in choices if one != "auto"), "auto")


def _hidden(facts: Facts, caller: Settings) -> bool:
    if caller.cli in {"hide", "hide_all"}:
        return True
    return caller.cli != "forward" and "none" not in facts.privacy and bool(facts.privacy & _HIDING)


def _rewritten(number: str, caller: Settings) -> str:
    """identityrewrite in place of a number that identityforward does not let through."""
    if caller.identityrwmode == "no" or not caller.identityrewrite or number == ANONYMOUS:
        return number
    if any(number.startswith(prefix) for prefix in caller.identityforward):
        return number
    return caller.identityrewrite


def _identity(choice: str, facts: Facts, caller: Settings, rewritten: str) -> str:
    if choice == "auto":
        if caller.cli == "hide":
            return facts.asserted or facts.number
        rewrites = caller.identityrwmode != "no" and caller.identityrewrite
        return rewritten if rewrites else facts.asserted or rewritten
    return _number(choice, facts, caller)


def _header(facts: Facts, caller: Settings, called: Settings, number: str, *, hidden: bool) -> str:
    """The name of the header that carries the identity; "" when none goes out."""
    forced = _first(called.forcedcallernidentity, caller.forcedcallernidentity)
    send = called.sendidentity
    enforced = caller.cli not in {"normal", "hide_all"} or forced not in {"auto", "no"} or hidden
    if caller.cli == "hide_all" or send == "never" or (hidden and not facts.trusted):
        return ""
    if caller.cli == "asserted_to_trusted" and not facts.trusted:
        return ""
    always = send in {"always", "preferred", "asserted"} or enforced
    if forced == "no" and caller.cli == "normal" and not hidden:
        return ""
    if not always and not (send == "required" and facts.carrier and is_telephone(number)):
        return ""
    if send == "preferred":
        return "P-Preferred-Identity"
    return "Remote-Party-ID" if called.cansendremotepartyid == "remote_party" else "P-Asserted-Identity"


def is_telephone(number: str) -> bool:
    """Digits, as a telephone number has them."""
    return bool(number) and _TELEPHONE.issuperset(number.removeprefix("+"))


def _number(choice: str, facts: Facts, caller: Settings) -> str:
    """The number that a choice names; the pipeline's where it names none that there is."""
    named = {
        "username": facts.username,
        "number": facts.own_number,
        "with_number": facts.own_number,
        "anonymous": ANONYMOUS,
        "from": facts.from_user,
        "contact": facts.contact_user,
        "remote_party": facts.remote_party,
        "called_username": facts.called_username,
        "called_number": facts.called_number,
    }.get(choice)
    if named is None:
        named = _best(choice, facts, caller.minassertedidentitylen)
    return named.removeprefix("+") or facts.number


def _best(choice: str, facts: Facts, least: int) -> str:
    client = (facts.asserted, facts.remote_party, facts.from_user, facts.contact_user)
    office = (facts.number, facts.own_number)
    if choice == "long_enough":
        return facts.number if len(facts.number) >= least else facts.own_number
    order = {
        "default": office,
        "best": office,
        "first_good": (*office, *client),
        "best_of_client": client,
        "best_of_all": (*client, *office),
    }.get(choice, ())
    good = [one for one in order if is_telephone(one)]
    if choice == "first_good":
        return good[0] if good else ""
    return next((one for one in good if len(one.removeprefix("+")) >= least), good[0] if good else "")


def with_verstat(shown: Shown, verstat: str, where: str) -> Shown:
    """The same, with a word on whether the number is proved (3GPP TS 24.229 §7.2A.20); nothing of who is hidden."""
    if not verstat or where == "no" or shown.hidden or not is_telephone(shown.user):
        return shown
    word = f";verstat={verstat}"
    if where == "from":
        return shown._replace(user=shown.user + word)
    header = shown.header or "P-Asserted-Identity"
    asserted = (shown.identity or shown.user) + word
    user = shown.user + word if where == "both" else shown.user
    return shown._replace(user=user, identity=asserted, header=header)


# --- headers --------------------------------------------------------------------------------------------------------------------


def from_value(shown: Shown, host: str, *, phone: bool = False) -> str:
    """The value of From, without a tag; `host` where the caller's is not anonymous; `phone`: say that it is a telephone number."""
    marked = ";user=phone" if phone and is_telephone(shown.user) else ""
    return f"{quoted(shown.display)}<sip:{escaped(shown.user)}@{shown.host or host}{marked}>"


def identity_headers(shown: Shown, host: str, *, critical: bool = False) -> list[Header]:
    """Identity and Privacy for a party that gets them."""
    if not shown.header or not shown.identity:
        return []
    display = "" if shown.hidden else quoted(shown.display)
    place = NOWHERE if shown.identity == ANONYMOUS else host
    value = f"{display}<sip:{escaped(shown.identity)}@{place}>"
    if shown.header == "Remote-Party-ID":
        hidden = "full" if shown.hidden else "off"
        return [(shown.header, f"{value};party=calling;privacy={hidden};screen=yes")]
    if not shown.hidden:
        return [(shown.header, value)]
    return [(shown.header, value), ("Privacy", "id;critical" if critical else "id")]


def quoted(display: str) -> str:
    """A display name as it stands before `<`; nothing for none."""
    name = display.strip().strip('"').replace("\\", "").replace('"', "")
    return f'"{name}" ' if name else ""


def escaped(user: str) -> str:
    """A user part as a URI has it."""
    return (
        user
        if _PLAIN_USER.issuperset(user)
        else quote(user, safe="-_.!~*'()&=+$,;?/", errors="surrogateescape")
    )
