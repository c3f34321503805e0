"""What the stages of a call hand to each other: plain values, no sockets, no database, no clock.

Times are epoch seconds (float), durations whole seconds, money micros (millionths of the currency unit),
numbers digits without "+". Ids are those of the office's tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.pricing.engine import Terms
from apps.pricing.engine.payers import Commission, Payer
from apps.pricing.engine.price_lists import INBOUND
from switch.call.causes import Cause
from switch.sip.locate import Place

AUTO = "auto"
"""The transport of a carrier for which DNS chooses it."""


class Diversion(NamedTuple):
    """One forward on a call's way: who forwarded it, from which number, and why (the reasons of RFC 5806)."""

    account_id: int
    number: str
    reason: str


class Party(NamedTuple):
    """Somebody who rings: the phones of an account of ours, or (without one) a number that the called account pays for."""

    number: str
    account: Caller | None = None
    delay: int = 0
    seconds: int = 0  # 0: as the setting says


class Ring(NamedTuple):
    """How an account of ours is rung, step by step, and where the call goes on to when nobody takes it ("": nowhere)."""

    steps: tuple[tuple[Party, ...], ...]
    busy: str = ""
    no_answer: str = ""
    no_answer_after: int = 0
    unreachable: str = ""


@dataclass(slots=True)
class CallRequest:
    """An INVITE outside a dialog, reduced to what decides about it."""

    call_id: str  # UUIDv7, text form: the call's id everywhere
    received_at: float
    source_host: str
    source_port: int
    transport: str
    sip_call_id: str
    from_user: str
    from_display: str
    called: str  # user part of the Request-URI, as dialled
    called_host: str
    max_forwards: int = 70
    digest_username: str = ""  # set once a digest has been proved
    certified: tuple[str, ...] = ()  # names that the sender has proved by a certificate
    asserted_number: str = ""  # P-Asserted-Identity or Remote-Party-ID, heeded from trusted parties only
    asserted_display: str = ""
    anonymous: bool = False  # the caller does not want its number to be shown
    diversions: tuple[Diversion, ...] = ()  # forwards that led here, the last one first
    shown_number: str = ""  # the caller number of a call that was forwarded here
    upper: int = 0  # the carrier that the call came from by a registration of ours
    named: tuple[str, ...] = ()  # host names that lead to the address it came from
    from_us: bool = False  # it came from an address of ours
    trunk: int = 0  # the account that brought it, where the caller is known by its number or its PIN
    dialled: bool = True  # by a phone itself, so that codes for the switch are heeded
    original: str = ""  # the called number as it came, once a rule has changed it
    steps: tuple[str, ...] = ()  # what rules did to it, in words


@dataclass(frozen=True, slots=True)
class Caller:
    """An account as the switch sees it, whoever it is: who calls, who is called, a reseller, a carrier."""

    id: int
    username: str
    kind: str
    path: tuple[int, ...]  # ids from the top of the tree down to itself
    enabled: bool  # itself and everybody above it
    billing: str  # "prepaid" | "postpaid"
    currency: str
    vat_ppm: int  # VAT rate in millionths: 27 % is 270_000
    time_zone: str
    caller_number: str
    tech_prefix: str  # with which its calls may come; several with commas
    max_calls: int
    calls_per_second: int
    max_call_seconds: int
    payer: int = 0  # who pays for its calls, if it does not itself
    offpeak_calls: int = -1  # as max_calls, outside the peak time; -1: the same
    country: str = ""  # two letters of ISO 3166; "": it is not known


@dataclass(frozen=True, slots=True)
class TrunkAddress:
    """Where and how a carrier is reached. `port` 0 and `transport` "auto": as DNS says (RFC 3263)."""

    host: str
    port: int
    transport: str
    strip_digits: int
    prefix: str
    max_calls: int
    answer_seconds: int
    response_seconds: int
    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    registers: bool = False  # it registers with us, and is called there
    backup_host: str = ""  # where it is called when the first place does not answer; "": nowhere
    backup_port: int = 0  # 0: the same port

    @property
    def place(self) -> Place:
        """What is to be found before it can be called."""
        return Place(self.host, self.port, "" if self.transport == AUTO else self.transport)

    @property
    def places(self) -> tuple[Place, ...]:
        """That, and the second place if it has one."""
        if not self.backup_host:
            return (self.place,)
        return self.place, self.place._replace(host=self.backup_host, port=self.backup_port or self.port)


class Direct(NamedTuple):
    """A place outside the telephone network where the called party can be reached. `user`: who it is there; "": the number."""

    host: str
    port: int  # 0: as DNS says
    transport: str
    user: str


@dataclass(frozen=True, slots=True)
class TrunkLogin:
    """An account that a carrier has given us."""

    carrier: int
    id: int
    priority: int  # the lowest is used first
    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    caller_number: str  # shown instead of the caller's own; "": not
    registers: bool  # we register with it
    expires: int  # seconds; 0: the setting registerival


@dataclass(frozen=True, slots=True)
class Free:
    """What a call may use before its retail payer's money: allowances of seconds, and one of money with the terms that it pays by."""

    seconds: tuple[int, ...] = ()
    packet: int | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One way the call may take: a carrier, or a subscriber of ours. `why` says in words why it stands where it does.

    "forward": the account lets the call go on to the number, and pays for that. "service": the number is a code that
    the caller dialled. "dial_in": the account is an access number.
    """

    kind: str  # "carrier" | "local" | "forward" | "service" | "dial_in"
    account: Caller
    number: str  # what goes into the Request-URI
    trunk: TrunkAddress | None = None
    rule: str = ""
    cost: Terms | None = None  # the carrier's price, in the installation's currency
    why: str = ""
    ring: Ring | None = None
    route: int = 0  # the target of the route rule, whose calls are counted
    login: int = 0  # the account that we have there and call by (`TrunkLogin`)
    shown: str = ""  # the caller number that goes with our account there, instead of the caller's own
    ruled: str = ""  # the caller number that a rule shows this way; "anonymous": none
    identity: str = ""  # the number that a rule has put into the identity header
    display: str = ""  # the caller's name that a rule shows
    ask: str = ""  # why the caller has to press a key before this one gets the call; "": it has not


@dataclass(frozen=True, slots=True)
class Rejection:
    """The call ends here: the cause, and a sentence for the operator at 3 a.m."""

    cause: Cause
    detail: str = ""
    caller: Caller | None = None
    trace: tuple[str, ...] = ()  # what the stages before found
    called: str = ""  # the number as far as it was made out
    play: str = ""  # a recording that the caller hears before


class Ask(NamedTuple):
    """A question that somebody outside answers (`switch.call.lookups`)."""

    kind: str  # "enum" | "http"
    number: str


@dataclass(frozen=True, slots=True)
class Unanswered(Rejection):
    """The call cannot be decided before this is answered. Whoever cannot wait refuses it."""

    question: Ask | None = None


@dataclass(frozen=True, slots=True)
class NeedsDigest:
    """Nobody is known by that address: ask for a digest."""


@dataclass(slots=True)
class Decision:
    """What the pipeline made of a request: who calls whom, who pays, which ways to try in which order."""

    caller: Caller
    caller_number: str
    caller_display: str
    called: str  # normalised, without tech prefix
    destination: str
    payers: list[Payer]
    targets: list[Target]
    max_seconds: int  # the longest the call may last for other reasons than money; 0: no limit
    world_version: str
    failover_statuses: frozenset[int]
    reseller_id: int | None = None
    other_prices: list[tuple[str, int, Terms]] = field(
        default_factory=list
    )  # (sales|company, account id, terms)
    commission: Commission | None = None
    free: Free | None = None
    trace: list[str] = field(default_factory=list)
    privacy: str = ""  # "hide" or "show" the caller's number, whatever the INVITE asks for
    shown: str = ""  # the caller number that a rule shows, whatever settings say
    trunk: int = 0  # that brought it, where the caller is known by its number
    tech_prefix: str = ""
    by_callee: bool = False  # who is called pays
    ask: str = ""  # why the caller has to press a key first; "": it has not

    def as_json(self) -> dict[str, Any]:
        """The part of the call record that is known before it is dialled (see `switch.charging.record`)."""
        found: dict[str, Any] = {
            "caller": self.caller.id,
            "caller_number": self.caller_number,
            "called_number": self.called,
            "destination": self.destination,
            "reseller": self.reseller_id,
            "payers": [[p.kind, p.account_id, p.terms.as_list()] for p in self.payers],
            "other_prices": [[kind, account, terms.as_list()] for kind, account, terms in self.other_prices],
            "world": self.world_version,
        }
        if self.by_callee:
            found["service"] = INBOUND
        if self.trunk:
            found["trunk"] = self.trunk
        if self.tech_prefix:
            found["tech_prefix"] = self.tech_prefix
        if self.commission:
            one = self.commission
            found["commission"] = [one.account_id, one.share_ppm, one.reduction_ppm, one.terms.as_list()]
        return found
