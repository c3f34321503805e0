"""A REGISTER, read and judged: what it would change, or why it is refused (RFC 3261 §10.3, RFC 5626 §6). Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from switch.registrar.binding import Binding
from switch.registrar.table import KEPT_AFTER_END
from switch.sip.message import Header, Request, seconds
from switch.sip.uri import NameAddr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from switch.net import Flow
    from switch.world.settings import Settings

LONGEST_AGENT = 128
LONGEST_CONTACT = 1024
LONGEST_INSTANCE = 128
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer that refuses the request."""

    status: int
    reason: str | None = None
    headers: tuple[Header, ...] = ()


def changes(
    request: Request, flow: Flow, known: Sequence[Binding], settings: Settings, now: float
) -> list[Binding] | Refusal:
    """The bindings as they shall be; `known` are all of the account that are remembered.

    1. `*` with Expires 0 ends all. 2. A Contact that is too long, too brief (423) or out of order (500) refuses the
    whole request. 3. With more phones than `max_contacts` those go that would expire first: a phone that was
    restarted elsewhere must not be locked out.
    """
    alive = [one for one in known if one.expires_at > now]
    contacts = request.contacts
    if contacts is None:
        if request.expires != 0 or len(request.members("Contact")) != 1:
            return Refusal(400, "Contact: * needs Expires: 0")
        return [_over(one, request, now) for one in alive]
    if len(contacts) > settings.max_contacts and any(wanted(one, request, settings) for one in contacts):
        return Refusal(403, "Too many contacts")
    if len(contacts) > 1 and any("reg-id" in one.params for one in contacts):
        return Refusal(400, "One Contact with reg-id at a time")
    changed: list[Binding] = []
    for contact in contacts:
        found = _binding(contact, request, flow, known, settings, now)
        if isinstance(found, Refusal):
            return found
        changed.append(found)
    return changed + _crowded_out(alive, changed, settings.max_contacts, now)


def _binding(
    contact: NameAddr, request: Request, flow: Flow, known: Sequence[Binding], settings: Settings, now: float
) -> Binding | Refusal:
    asked = wanted(contact, request, settings)
    if len(contact.uri_text) > LONGEST_CONTACT:
        return Refusal(403, "The Contact is too long")
    if 0 < asked < settings.upperexpiremin and asked < HOUR:
        return Refusal(423, None, (("Min-Expires", str(settings.upperexpiremin)),))
    instance, reg_id = outbound(contact, request)
    before = _same(contact, instance, reg_id, known)
    call_id, cseq = request.call_id, request.cseq.number
    if (
        before is not None
        and before.call_id == call_id
        and before.cseq >= cseq
        and before.expires_at > now - KEPT_AFTER_END
    ):
        return Refusal(500, "CSeq out of order", (("Retry-After", "1"),))
    uri = before.uri if before is not None and not reg_id else contact.uri_text
    agent = (request.get("User-Agent") or "")[:LONGEST_AGENT]
    expires = now + granted(asked, settings) if asked else now - 1
    path = tuple(request.members("Path"))
    return Binding(uri, flow, expires, _q(contact), call_id, cseq, path, agent, now, instance, reg_id)


def wanted(contact: NameAddr, request: Request, settings: Settings) -> int:
    """Seconds that the phone asks for: of the Contact, else of the header, else what the settings say.

    A phone that asks for nothing, and is told nothing, counts as there for `userofflinemin` minutes (guide 11531).
    """
    for asked in (seconds(contact.params.get("expires")), request.expires):
        if asked is not None:
            return asked
    if settings.sendbackregcontact in {"none", "plain"}:
        return max(settings.userofflinemin * 60, settings.upperexpiremin)
    return settings.upperexpire


def granted(asked: int, settings: Settings) -> int:
    """What it gets: what it asks for within the limits, `upperexpire` if that is too long (guide 11528-11529, 11537)."""
    return min(asked if asked <= settings.upperexpiremax else settings.upperexpire, settings.maxregelivetime)


def outbound(contact: NameAddr, request: Request) -> tuple[str, int]:
    """Instance and reg-id of a phone that keeps several flows (RFC 5626 §6); ("", 0) for any other."""
    reg_id, instance = seconds(contact.params.get("reg-id")), contact.params.get("+sip.instance")
    if not reg_id or not instance or len(instance) > LONGEST_INSTANCE:
        return "", 0
    return instance.strip('"'), reg_id


def lacks_outbound(request: Request) -> bool:
    """Whether the phone wants outbound, but a proxy between us does not do its part (RFC 5626 §6: 439)."""
    contacts = request.contacts or []
    if not any("reg-id" in one.params for one in contacts) or "outbound" not in _options(
        request, "Supported"
    ):
        return False
    if len(request.members("Via")) == 1:
        return False
    path = request.addresses("Path")
    return not path or "ob" not in path[0].uri.params


def _options(request: Request, name: str) -> set[str]:
    return {one.lower() for one in request.members(name)}


def _over(one: Binding, request: Request, now: float) -> Binding:
    return Binding(
        one.uri, one.flow, now - 1, one.q, request.call_id, request.cseq.number, one.path, one.agent, one.seen_at,
        one.instance, one.reg_id,
    )  # fmt: skip


def _same(contact: NameAddr, instance: str, reg_id: int, known: Sequence[Binding]) -> Binding | None:
    """The binding of the same flow, or of an equivalent Contact (RFC 3261 §19.1.4)."""
    if reg_id:
        return next((one for one in known if (one.instance, one.reg_id) == (instance, reg_id)), None)
    others = [one for one in known if not one.reg_id]
    found = next((one for one in others if one.uri == contact.uri_text), None)
    if found is not None or not others:
        return found
    uri = contact.uri
    return next((one for one in others if NameAddr(one.uri).uri.same_as(uri)), None)


def _crowded_out(alive: Sequence[Binding], changed: list[Binding], most: int, now: float) -> list[Binding]:
    fresh = {one.key for one in changed}
    others = sorted((one for one in alive if one.key not in fresh), key=lambda one: one.expires_at)
    room = most - sum(one.expires_at > now for one in changed)
    return [one.ended(now - 1) for one in others[: max(0, len(others) - room)]]


def _q(contact: NameAddr) -> float:
    """Preference from 0 to 1; 1 when absent or malformed."""
    given = contact.params.get("q")
    if given is None:
        return 1.0
    try:
        return min(1.0, max(0.0, float(given)))
    except ValueError:
        return 1.0
