"""What the calls of a worker ask of STIR: is the caller's number proved, and how do we sign our own (settings of `apps.config.registry.stir`).

1. A call that comes is judged by its first Identity header of SHAKEN. Is its certificate known, that takes a fifth of a
   millisecond; else the certificate is fetched while nobody waits but the call.
2. What a carrier gets is the caller's own signature, if it still fits, or one of ours, with the attestation that our accounts
   support: A for a number that is the customer's, B for a customer who shows another, C for what only passes through us.
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from switch.call.causes import BAD_IDENTITY
from switch.call.identity import TRUNKS, is_telephone
from switch.call.resume import resume
from switch.sip.grammar import BadValue, split_list
from switch.stir.credentials import BadCredential, read_authorities, read_chain, read_key
from switch.stir.identity import (
    FAILED,
    NO_INFO,
    NONE,
    PASSED,
    UNSUPPORTED,
    Claim,
    Verdict,
    claim_of,
    failed,
    header_of,
    judged,
    place_of,
)
from switch.stir.passport import Passport, sign

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Caller
    from switch.sip.message import Header, Request
    from switch.stir.fetch import Fetcher
    from switch.stir.store import Store
    from switch.world.settings import Settings
    from switch.world.world import World

log = logging.getLogger("switch.stir")

IDENTITY = "Identity"


@dataclass(frozen=True, slots=True)
class Signer:
    """Our own key, until its certificate ends."""

    key: ec.EllipticCurvePrivateKey
    place: str
    until: float


class Stir:
    """One worker's. `look` reads files again that have changed."""

    def __init__(
        self, store: Store, fetcher: Fetcher | None, secret: bytes, wall: Callable[[], float]
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._secret = secret
        self._wall = wall
        self._seen: dict[str, object] = {}
        self._settings: Settings | None = None
        self._var = Path()
        self.trusting = False
        """Whether there is anybody whose certificates we believe; without them nothing is checked."""
        self.signer: Signer | None = None

    # --- files ------------------------------------------------------------------------------------------------------------------

    def follow(self, settings: Settings, var: Path) -> None:
        """Take over the settings."""
        self._settings, self._var = settings, var
        self.look()

    def look(self) -> None:
        """Read what the settings name, if it is another file than before. What cannot be used is said, once, and changes nothing."""
        settings = self._settings
        if settings is None:
            return
        self._when_new("authorities", (settings.stir_ca,), self._trust)
        self._when_new("servers", (settings.stir_tls_ca,), self._servers)
        self._when_new("own", (settings.stir_key, settings.stir_certificate), self._own, settings.stir_url)

    def _when_new(self, what: str, names: tuple[str, ...], take: Callable[..., None], *more: str) -> None:
        paths = [self._var / name for name in names if name]
        seen = (tuple(map(_stamp, paths)), names, more)
        if self._seen.get(what) == seen:
            return
        self._seen[what] = seen
        try:
            take(paths if all(names) else [], *more)
        except (BadCredential, OSError, ValueError) as error:
            log.error("STIR: %s; what was in use stays", error)

    def _trust(self, paths: list[Path]) -> None:
        authorities = read_authorities(paths[0]) if paths else []
        self._store.trust(authorities)
        self.trusting = bool(authorities)

    def _servers(self, paths: list[Path]) -> None:
        if self._fetcher is not None:
            self._fetcher.follow(paths[0] if paths else None)

    def _own(self, paths: list[Path], url: str) -> None:
        if not paths or not url:
            self.signer = None
            return
        key, certificate = read_key(paths[0]), read_chain(paths[1].read_bytes())[0]
        if key.public_key() != certificate.public_key():
            raise BadCredential(f"{paths[0]} is not the key of {paths[1]}")
        self.signer = Signer(key, url, certificate.not_valid_after_utc.timestamp())

    # --- a call that comes ------------------------------------------------------------------------------------------------------

    def check(self, call: Call, go: Callable[[], None]) -> None:
        """Judge the caller's number, then go on; or refuse the call, if its account's setting says so."""
        settings = call.board.world().settings_of(call.account)
        mode = settings.stir_verify
        if not self.trusting or mode == "no":
            go()
            return
        claim = claim_of(
            identities(call.invite),
            calling=_calling(call),
            called=_called(call),
            now=call.wall_now(),
            within=settings.stir_within,
        )
        if isinstance(claim, Verdict):
            self._judged(call, claim, mode, go)
            return
        place = place_of(claim.place, settings.stir_hosts)
        if not place:
            self._judged(
                call, failed(NO_INFO, "its certificate is at a place that stir_hosts does not name"), mode, go
            )
            return
        known = self._store.known(place)
        if known is not None:
            self._judged(call, verdict_of(claim, known), mode, go)
        else:
            self._store.find(
                place,
                lambda found: resume(call, partial(self._judged, call, verdict_of(claim, found), mode, go)),
            )

    def _judged(self, call: Call, verdict: Verdict, mode: str, go: Callable[[], None]) -> None:
        if call.state not in {"trying", "ringing"}:
            return
        call.verdict = verdict
        if call.decision is not None:
            call.decision.trace.append(f"{verdict.told}.")
        log.info(
            "call=%s account=%s verstat=%s %s", call.id, call.account.username, verdict.verstat, verdict.told
        )
        refused = (verdict.verstat == FAILED and mode in {"strict", "required"}) or (
            verdict.verstat == NONE and mode == "required"
        )
        if refused:
            call.refuse(BAD_IDENTITY, status=verdict.status, comment=verdict.why)
        else:
            go()

    # --- a call that goes out ---------------------------------------------------------------------------------------------------

    def sign(self, call: Call, carrier: Caller, shown: str, called: str) -> list[Header]:
        """The Identity header for a carrier: the caller's own, if it is about these numbers; else one of ours."""
        world = call.board.world()
        settings = world.settings_of(carrier)
        number = digits(shown)
        if settings.stir_sign == "no" or not is_telephone(number) or not is_telephone(called):
            return []
        passed = _passed_on(call, number, called)
        if passed:
            return [(IDENTITY, one) for one in passed]
        attest = attestation(call.account, number, world)
        signer, now = self.signer, self._wall()
        if settings.stir_sign != "yes" or not attest or signer is None:
            return []
        if now >= signer.until:
            log.error("STIR: our certificate has expired; calls go out without a signature")
            return []
        claims = Passport(attest, number, (called,), int(now), self._origin(call.account), signer.place)
        return [(IDENTITY, header_of(sign(claims, signer.key), signer.place))]

    def _origin(self, account: Caller) -> str:
        """Which customer a call came from: a name that only we can trace (RFC 8588 §5)."""
        digest = hmac.digest(self._secret, f"origid {account.id}".encode(), "sha256")
        return str(uuid.UUID(bytes=digest[:16], version=4))


def verdict_of(claim: Claim, found: str | object) -> Verdict:
    """The verdict, with the certificate or with what is wrong with it."""
    from switch.stir.credentials import Credential

    if isinstance(found, Credential):
        return judged(claim, found)
    return failed(
        NO_INFO if str(found).startswith("it cannot be fetched") else UNSUPPORTED, f"its certificate: {found}"
    )


def attestation(account: Caller, number: str, world: World) -> str:
    """What we can vouch for: A, B or C; "" for nothing. The setting of the account, else by whose the number is."""
    said = world.settings_of(account).attestation
    if said != "auto":
        return "" if said == "no" else said
    if account.kind == "carrier":
        return "C"
    above = [world.account(one) for one in account.path]
    if any(one is not None and one.caller_number.removeprefix("+") == number for one in above):
        return "A"
    owner = world.local(number)
    holder = world.account(owner) if owner is not None else None
    return "A" if holder is not None and (account.id in holder.path or holder.id in account.path) else "B"


def verstat_of(call: Call, shown: str) -> str:
    """What a phone is told of the number that it is shown; "" when nobody has looked."""
    verdict = call.verdict
    if verdict is None:
        return ""
    if verdict.verstat == PASSED and verdict.orig != digits(shown):
        return NONE  # it is not the number that was proved
    return verdict.verstat


def identities(invite: Request) -> list[str]:
    """All Identity headers."""
    if invite.get(IDENTITY) is None:
        return []
    try:
        return [one.strip() for line in invite.all(IDENTITY) for one in split_list(line)]
    except BadValue:
        return ["unreadable;ppt=shaken"]


def digits(number: str) -> str:
    """A number as tokens have it."""
    plain = number.partition(";")[0]
    return plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("00")


def _calling(call: Call) -> set[str]:
    request, decision = call.request, call.decision
    received = request.asserted_number or request.from_user
    return {digits(received), decision.caller_number if decision is not None else ""} - {""}


def _called(call: Call) -> set[str]:
    decision = call.decision
    known = {digits(call.request.called), digits(call.invite.to.uri.user)}
    return (known | {decision.called if decision is not None else ""}) - {""}


def _passed_on(call: Call, number: str, called: str) -> list[str]:
    """Signatures of a trunk's call that still fit: of SHAKEN about both numbers, and what else came with it."""
    if call.account.kind not in TRUNKS or (call.verdict is not None and call.verdict.verstat == FAILED):
        return []
    found = identities(call.invite)
    good = claim_of(found, calling={number}, called={called}, now=call.started, within=60) if found else None
    return found if isinstance(good, Claim) else []


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
