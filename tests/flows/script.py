"""SIPp scenarios written as the flow that they play, a line for each message.

A `Script` is one party's side. `says` sends a request, `hears` waits for a response; `asked` waits for a request,
`answers` sends a response to the last one. The party's part of the dialog (tags, sequence numbers, routes) follows by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self
from xml.sax.saxutils import quoteattr

from tests.flows.sipp import Server, Sipp
from tests.support import free_port

OFFER = "v=0\no=- 1 {version} IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio {port} RTP/AVP 0\n"
REASONS = {180: "Ringing", 200: "OK", 302: "Moved Temporarily", 480: "Temporarily Unavailable", 486: "Busy Here",
           487: "Request Terminated"}  # fmt: skip


def sdp(port: int, version: int = 1) -> str:
    """One stream of G.711 at this port."""
    return OFFER.format(port=port, version=version)


class Script:
    """One party's side of a flow: the user `user`, who calls or registers at `switch` (a port), or is called."""

    def __init__(self, name: str, user: str, *, password: str = "", peer: str = "") -> None:
        self.name, self.user, self.password = name, user, password
        self.peer = peer or user  # whom requests outside of a dialog name
        self._steps: list[str] = []
        self._tags = "c[pid]x[call_number]", "[peer_tag_param]"
        self._asking = ""
        self._cseq = 0
        self._invited = 0
        self._variables = 0

    # --- as the one who asks ------------------------------------------------------------------------------------------------------

    def says(
        self, method: str, *, contact: str = "", body: str = "", proof: bool = False, more: str = "", inside: bool = False
    ) -> Self:  # fmt: skip
        """Send a request; `proof`: with the answer to the last challenge; `inside`: of the dialog that is up."""
        self._asking = method
        if method not in {"ACK", "CANCEL"}:
            self._cseq += 1
        if method == "INVITE":
            self._invited = self._cseq
        number = self._invited if method in {"ACK", "CANCEL"} else self._cseq
        own = f"<sip:{self.user}@[local_ip]:[local_port]>"
        lines = [
            f"{method} {'[next_url]' if inside else self._target(method)} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self._branch(method, inside)}",
            *(["[routes]"] if inside else []),
            f"From: <sip:{self.user}@127.0.0.1>;tag={self._tags[0]}",
            f"To: <sip:{self.peer}@127.0.0.1>{self._tags[1] if inside else ''}",
            "Call-ID: [call_id]",
            f"CSeq: {number} {method}",
            *([f"Contact: {contact or own}"] if contact or method == "INVITE" else []),
            *([f"[authentication username={self.user} password={self.password}]"] if proof else []),
            *([more] if more else []),
            "Max-Forwards: 70",
        ]
        self._send(lines, body, retransmitted=method != "ACK")
        return self

    def _target(self, method: str) -> str:
        return (
            "sip:[remote_ip]:[remote_port]"
            if method == "REGISTER"
            else f"sip:{self.peer}@[remote_ip]:[remote_port]"
        )

    def _branch(self, method: str, inside: bool) -> str:
        """CANCEL, and the ACK of a refusal, have that of their INVITE (RFC 3261 9.1, 17.1.1.3)."""
        if method in {"ACK", "CANCEL"} and not inside:
            return f"z9hG4bK-c[pid]-[call_number]-{self._invited}"
        return f"z9hG4bK-c[pid]-[call_number]-{self._cseq}{'a' if method == 'ACK' else ''}"

    def hears(
        self, status: int, *, header: str = "", without: str = "", body: str = "", optional: bool = False
    ) -> Self:
        """Wait for a response. `header`, `body`: what must be found there, `without`: what must not; regular expressions."""
        auth = ' auth="true"' if status in {401, 407} else ""
        routes = ' rrs="true"' if status == 200 and self._asking == "INVITE" else ""
        self._receive(f'response="{status}"{auth}{routes}', header, body, optional, without)
        return self

    def refused(self, status: int) -> Self:
        """Wait for a refusal of the INVITE and acknowledge it."""
        self.hears(status)
        lines = [
            f"ACK {self._target('INVITE')} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self._branch('ACK', False)}",
            "[last_From:]", "[last_To:]", "Call-ID: [call_id]", f"CSeq: {self._invited} ACK", "Max-Forwards: 70",
        ]  # fmt: skip
        self._send(lines, "", retransmitted=False)
        return self

    # --- as the one who is asked --------------------------------------------------------------------------------------------------

    def asked(self, method: str, *, header: str = "", body: str = "") -> Self:
        called = method == "INVITE" and not self._asking
        routes = ' rrs="true"' if called else ""
        self._receive(f'request="{method}"{routes}', header, body, False, callers_tag=called)
        return self

    def answers(self, status: int, *, body: str = "", of: str = "") -> Self:
        """Answer the last request; or, where another came between, that INVITE (`of`: its CSeq method)."""
        lines = [
            f"SIP/2.0 {status} {REASONS[status]}",
            "[last_Via:]",
            "[last_From:]",
            "[last_To:];tag=s[pid]x[call_number]",
            "[last_Call-ID:]",
            f"CSeq: [last_cseq_number] {of}" if of else "[last_CSeq:]",
            f"Contact: <sip:{self.user}@[local_ip]:[local_port]>",
        ]
        self._send(lines, body, retransmitted=status >= 200 and (bool(body) or bool(of) or status >= 300))
        return self

    def agrees(self, body: str = "") -> Self:
        """Answer a request inside the dialog, whose To has a tag already."""
        lines = [
            "SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]",
            f"Contact: <sip:{self.user}@[local_ip]:[local_port]>",
        ]  # fmt: skip
        self._send(lines, body, retransmitted=bool(body))
        return self

    def waits(self, seconds: float) -> Self:
        self._steps.append(f'<pause milliseconds="{int(seconds * 1000)}"/>')
        return self

    # --- as XML -------------------------------------------------------------------------------------------------------------------

    def _send(self, lines: list[str], body: str, *, retransmitted: bool) -> None:
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        text = "\n".join([*lines, f"Content-Length: {'[len]' if body else 0}", "", body])
        again = ' retrans="500"' if retransmitted else ""
        self._steps.append(f"<send{again}><![CDATA[\n{text}\n]]></send>")

    def _receive(
        self, what: str, header: str, body: str, optional: bool, without: str = "", callers_tag: bool = False
    ) -> None:
        wanted = (
            ("msg", header, "check_it"),
            ("body", body, "check_it"),
            ("msg", without, "check_it_inverse"),
        )
        checks = "".join(self._check(part, text, how) for part, text, how in wanted if text)
        if callers_tag:  # SIPp itself keeps the peer's tag for callers only
            whole, tag = self._variables + 1, self._variables + 2
            self._variables = tag
            checks += f'<ereg regexp="tag=([^;[:space:]]+)" search_in="hdr" header="From:" assign_to="{whole},{tag}"/>'
            self._tags = "s[pid]x[call_number]", f";tag=[${tag}]"
        inner = f"<action>{checks}</action>" if checks else ""
        may_miss = ' optional="true"' if optional else ""
        self._steps.append(f"<recv {what}{may_miss}>{inner}</recv>")

    def _check(self, part: str, text: str, how: str) -> str:
        self._variables += 1
        return (
            f'<ereg regexp={quoteattr(text)} search_in="{part}" {how}="true" assign_to="{self._variables}"/>'
        )

    def xml(self) -> str:
        seen = ",".join(str(one + 1) for one in range(self._variables))
        reference = f'<Reference variables="{seen}"/>' if seen else ""
        head = ['<?xml version="1.0" encoding="UTF-8"?>', f'<scenario name="{self.name}">']
        return "\n".join([*head, *self._steps, reference, "</scenario>"])


def asking(folder: Path, script: Script, switch: int, *, port: int = 0, call_id: str = "") -> Sipp:
    """Plays the side of one who registers or calls; use it as a context manager, and `finish()`."""
    words = [f"127.0.0.1:{switch}", "-t", "u1", "-m", "1", *(["-cid_str", call_id] if call_id else [])]
    return Sipp(folder, script.name, script.xml(), words, port=port or free_port())


def asked_at(folder: Path, script: Script, port: int) -> Sipp:
    """Plays the side of one who is called at this port, once, and listens by now."""
    return Server(folder, script.name, script.xml(), ["-t", "u1", "-m", "1"], port=port)
