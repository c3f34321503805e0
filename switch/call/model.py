"""What the stages of a call hand to each other: plain values, no sockets, no database, no clock.

Times are epoch seconds (float), durations whole seconds, money micros (millionths of the currency unit),
numbers digits without "+". Ids are those of the office's tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.pricing.engine import Terms
from switch.call.causes import Cause


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
    asserted_number: str = ""  # P-Asserted-Identity, heeded from trunks only
    anonymous: bool = False  # the caller does not want its number to be shown
    diversions: tuple[Diversion, ...] = ()  # forwards that led here, the last one first
    shown_number: str = ""  # the caller number of a call that was forwarded here
    dialled: bool = True  # by a phone itself, so that codes for the switch are heeded


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
    tech_prefix: str
    max_calls: int
    calls_per_second: int
    max_call_seconds: int
    media: str  # "direct" | "relay"


@dataclass(frozen=True, slots=True)
class TrunkAddress:
    """Where and how a carrier is reached."""

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


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who pays for the call while it runs, and by which terms. `terms` is in the payer's currency."""

    account_id: int
    kind: str  # "retail" | "reseller"
    terms: Terms


@dataclass(frozen=True, slots=True)
class Target:
    """One way the call may take: a carrier, or a subscriber of ours. `why` says in words why it stands where it does.

    "forward": the account lets the call go on to the number, and pays for that. "service": the number is a code that
    the caller dialled.
    """

    kind: str  # "carrier" | "local" | "forward" | "service"
    account: Caller
    number: str  # what goes into the Request-URI
    trunk: TrunkAddress | None = None
    rule: str = ""
    cost: Terms | None = None  # the carrier's price, in the installation's currency
    why: str = ""
    ring: Ring | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """The call ends here: the cause, and a sentence for the operator at 3 a.m."""

    cause: Cause
    detail: str = ""
    caller: Caller | None = None
    trace: tuple[str, ...] = ()  # what the stages before found


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
    media: (
        str  # what the caller asks for; the call is relayed when the target that is dialled asks for it too
    )
    world_version: str
    failover_statuses: frozenset[int]
    reseller_id: int | None = None
    other_prices: list[tuple[str, int, Terms]] = field(
        default_factory=list
    )  # (sales|company, account id, terms)
    trace: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The part of the call record that is known before it is dialled (see `switch.charging.record`)."""
        return {
            "caller": self.caller.id,
            "caller_number": self.caller_number,
            "called_number": self.called,
            "destination": self.destination,
            "reseller": self.reseller_id,
            "payers": [[p.kind, p.account_id, p.terms.as_list()] for p in self.payers],
            "other_prices": [[kind, account, terms.as_list()] for kind, account, terms in self.other_prices],
            "world": self.world_version,
        }
