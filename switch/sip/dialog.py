"""Dialogs: what two parties remember between the requests of one call (RFC 3261 §12)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from switch.sip.message import BadMessage, Header, Message, Request, Response

EARLY, CONFIRMED, TERMINATED = "early", "confirmed", "terminated"
FIRST_CSEQ = 1
MAX_ROUTES = 32
"""Proxies that may want to stay on the way; every request of the dialog names them all."""
_REFRESHING = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"))
"""Methods that renew the remote target, and so carry our Contact (RFC 3261 §12.2, RFC 3311, RFC 6665, RFC 3515)."""


class DialogId(NamedTuple):
    """What names a dialog at our side (RFC 3261 §12). A peer of RFC 2543 has no tag: then it is ""."""

    call_id: str
    local_tag: str
    remote_tag: str

    @classmethod
    def of_request(cls, request: Request) -> "DialogId":
        """The dialog that a request from the peer belongs to."""
        return cls(request.call_id, request.to.tag or "", request.from_.tag or "")

    @classmethod
    def of_response(cls, response: Response) -> "DialogId":
        """The dialog that a response to a request of ours belongs to."""
        return cls(response.call_id, response.from_.tag or "", response.to.tag or "")


class Dialog:
    """One dialog at our side. `local` and `remote` are From/To values with tags; `target` is the peer's Contact URI.

    The headers that each request repeats are joined once and kept until the route set or the target changes.
    """

    __slots__ = (
        "_repeated", "_uri", "contact", "id", "invite_cseq", "local", "local_cseq", "remote", "remote_cseq", "route_set", "state", "target",
    )  # fmt: skip

    def __init__(
        self,
        dialog_id: DialogId,
        *,
        local: str,
        remote: str,
        target: str,
        contact: str,
        route_set: Sequence[str] = (),
        local_cseq: int = FIRST_CSEQ - 1,
        remote_cseq: int = -1,
        state: str = CONFIRMED,
    ) -> None:
        self.id = dialog_id
        self.local = local
        self.remote = remote
        self.contact = contact
        self.local_cseq = local_cseq
        self.invite_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.state = state
        self._aim(target, list(route_set))

    @classmethod
    def of_caller(cls, invite: Request, response: Response, contact: str) -> Self:
        """The dialog of our INVITE, from a 101-199 with a To tag or a 2xx (RFC 3261 §12.1.2)."""
        return cls(
            DialogId.of_response(response),
            local=invite.get("From") or "",
            remote=response.get("To") or "",
            target=_contact_uri(response) or invite.uri,
            contact=contact,
            route_set=recorded_routes(response)[::-1],
            local_cseq=invite.cseq.number,
            state=CONFIRMED if response.status >= 200 else EARLY,
        )

    @classmethod
    def of_callee(cls, invite: Request, local_tag: str, contact: str) -> Self:
        """The dialog of an INVITE to us that we answer with `local_tag` (RFC 3261 §12.1.1). It begins early: `confirm` it by the 2xx."""
        to = invite.get("To") or ""
        return cls(
            DialogId(invite.call_id, local_tag, invite.from_.tag or ""),
            local=to if invite.to.tag else f"{to};tag={local_tag}",
            remote=invite.get("From") or "",
            target=_contact_uri(invite) or invite.from_.uri_text,
            contact=contact,
            route_set=recorded_routes(invite),
            remote_cseq=invite.cseq.number,
            state=EARLY,
        )

    # --- what happens to it -----------------------------------------------------------------------------------------------------

    def confirm(self) -> None:
        if self.state == EARLY:
            self.state = CONFIRMED

    def terminate(self) -> None:
        self.state = TERMINATED

    def on_response(self, response: Response) -> None:
        """A response within this dialog: a 2xx renews the target (RFC 3261 §12.2.1.2); of the INVITE that made the dialog, a 2xx
        confirms it, and every response sets target and route set anew until then (§13.2.2.4).
        """
        method, status = response.cseq.method, response.status
        making = self.state == EARLY and method == "INVITE"
        if status >= 300 or method not in _REFRESHING or (status < 200 and not making):
            return
        target = _contact_uri(response) or self.target
        routes = recorded_routes(response)[::-1] if making else self.route_set
        if making and status >= 200:
            self.state = CONFIRMED
        if target != self.target or routes != self.route_set:
            self._aim(target, routes)

    def accepts(self, request: Request) -> bool:
        """Check the order of a request from the peer and note its CSeq and Contact. False: answer 500 (RFC 3261 §12.2.2).

        ACK and CANCEL repeat the number of their INVITE and are not checked.
        """
        if request.method in {"ACK", "CANCEL"}:
            return True
        number = request.cseq.number
        if number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        if request.method in _REFRESHING:
            target = _contact_uri(request)
            if target and target != self.target:
                self._aim(target, self.route_set)
        return True

    # --- what we send in it -----------------------------------------------------------------------------------------------------

    def request(self, method: str, via: str, headers: Iterable[Header] = (), body: bytes = b"") -> Request:
        """The next request of ours; `via` comes from `Ids.via`. For CANCEL and ACK see the transaction and `ack`."""
        self.local_cseq += 1
        if method == "INVITE":
            self.invite_cseq = self.local_cseq
        made = self._build(method, self.local_cseq, via, headers, body)
        if method in _REFRESHING:
            made.headers.append(("Contact", self.contact))
        return made

    def ack(
        self, via: str, headers: Iterable[Header] = (), body: bytes = b"", *, cseq: int | None = None
    ) -> Request:
        """The ACK to a 2xx, for our latest INVITE unless `cseq` says another (RFC 3261 §13.2.2.4)."""
        return self._build("ACK", self.invite_cseq if cseq is None else cseq, via, headers, body)

    def _build(self, method: str, cseq: int, via: str, headers: Iterable[Header], body: bytes) -> Request:
        return Request(
            method, self._uri, [("Via", via), *self._repeated, ("CSeq", f"{cseq} {method}"), *headers], body
        )

    def _aim(self, target: str, route_set: list[str]) -> None:
        """Prepare Request-URI, Route, From, To and Call-ID (RFC 3261 §12.2.1.1)."""
        self.target = target
        self.route_set = route_set
        self._uri = target
        routes = route_set
        if route_set and not _is_loose(route_set[0]):
            self._uri = _bare_uri(route_set[0])
            routes = [*route_set[1:], f"<{target}>"]
        self._repeated: list[Header] = [
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.id.call_id),
        ]

    def __repr__(self) -> str:
        return f"<Dialog {'/'.join(self.id)} {self.state}>"


def recorded_routes(message: Message) -> list[str]:
    """The members of Record-Route as written. BadMessage when one is malformed, or there are more than `MAX_ROUTES`."""
    if message.get("Record-Route") is None:
        return []
    routes = message.members("Record-Route")
    if len(routes) > MAX_ROUTES:
        raise message.refuse(400, "Too many Record-Route")
    message.record_routes  # noqa: B018 - each is parsed: it will be written into requests of ours
    return routes


def _contact_uri(message: Message) -> str:
    """The URI of the first Contact; "" when there is none. BadMessage when it is malformed."""
    text = message.get("Contact")
    if not text:
        return ""
    contact = message.contact
    return "" if contact is None else contact.uri_text


def _route(value: str) -> Message:
    return Message([("Route", value)], b"")


def _is_loose(value: str) -> bool:
    try:
        return "lr" in _route(value).routes[0].uri.params
    except (BadMessage, IndexError):
        return True


def _bare_uri(value: str) -> str:
    return _route(value).routes[0].uri_text
