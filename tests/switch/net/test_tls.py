"""SIP over TLS on real sockets: who is shown which certificate, who is believed, and what half a handshake costs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from switch.net import Flow, Reason, TlsFiles
from switch.net.certificates import matches, names_of
from tests.certificates import Authority
from tests.support import free_port
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start, Worker

END = b" SIP/2.0\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """A peer's end of TLS over a socket that does not block, so that the switch's reactor may turn meanwhile."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        context: ssl.SSLContext,
        *,
        server: bool = False,
        host: str | None = None,
    ) -> None:
        self._loop, self._sock = loop, sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=host)
        self.error: Exception | None = None

    def _try(self, do: Callable[[], Any]) -> Any:
        result = None
        try:
            result = do() or True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error
        self._flush()
        return self.error or result or self._pull()

    def _flush(self) -> None:
        if self._out.pending:
            try:
                self._sock.sendall(self._out.read())
            except OSError as error:
                self.error = self.error or error

    def _pull(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.error = error
            return
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def shake(self) -> Wire:
        self._loop.until(lambda: self._try(self.tls.do_handshake), "the handshake")
        return self

    def send(self, data: bytes) -> None:
        self._try(lambda: self.tls.write(data))

    def receive(self) -> bytes:
        got: list[bytes] = []
        self._loop.until(lambda: self._try(lambda: got.append(self.tls.read(65536)) or True), "data over TLS")
        return got[0] if got else b""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def believing(authority: Authority | None, show: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path) if authority else None)
    if show is not None:
        context.load_cert_chain(show)
    return context


def serving(certificate: Path, ask: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if ask is not None:
        context.load_verify_locations(ask)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def secured(start: Start, files: TlsFiles, **given: Any) -> Worker:
    worker = start(tls_port=free_port(), **given)
    worker.net.secure(files)
    return worker


def call(loop: Loop, worker: Worker, context: ssl.SSLContext, host: str = "sip.example.net") -> Wire:
    sock = loop.tcp(("127.0.0.1", worker.config.tls_port))
    return Wire(loop, sock, context, host=host)


def shown(wire: Wire) -> set[str]:
    der = wire.tls.getpeercert(binary_form=True)
    assert der is not None
    return set(names_of(x509.load_der_x509_certificate(der)))


# -- we are called


@pytest.mark.req("sip-071", "tunnel-encryption-024")
def test_a_phone_speaks_sip_over_tls_and_is_answered_on_its_connection(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net"),)))
    phone = call(loop, worker, believing(authority)).shake()
    assert phone.tls.version() in {"TLSv1.2", "TLSv1.3"}
    phone.send(b"REGISTER one" + END)
    loop.until(lambda: worker.heard, "the message")
    data, flow = worker.heard[0]
    assert data == b"REGISTER one" + END
    assert (flow.transport, flow.reliable, flow.peer) == ("tls", True, "")
    assert worker.net.local_address(flow) == ("127.0.0.1", worker.config.tls_port)
    worker.net.send(flow, b"SIP/2.0 200 OK")
    assert phone.receive() == b"SIP/2.0 200 OK"


def test_without_a_certificate_there_is_no_port_and_with_the_first_there_is(
    loop: Loop, start: Start, authority: Authority, tmp_path: Path
) -> None:
    folder = tmp_path / "tls"
    worker = secured(start, TlsFiles((folder,)))
    with pytest.raises(ConnectionRefusedError):
        loop.tcp(("127.0.0.1", worker.config.tls_port))
    folder.mkdir()
    made = authority.issue("sip.example.net").replace(folder / "one.pem")
    worker.net.look_for_certificates()
    call(loop, worker, believing(authority)).shake()
    made.unlink()
    worker.net.look_for_certificates()
    loop.turn()
    with pytest.raises(ConnectionRefusedError):
        loop.tcp(("127.0.0.1", worker.config.tls_port))


def test_a_renewed_certificate_is_shown_without_a_restart_and_calls_go_on(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net", file="one.pem"),)))
    before = call(loop, worker, believing(authority)).shake()
    authority.issue("sip.example.net", "new.example.net", file="one.pem")
    worker.net.look_for_certificates()
    after = call(loop, worker, believing(authority), "new.example.net").shake()
    assert shown(after) == {"sip.example.net", "new.example.net"}
    before.send(b"OPTIONS on the old one" + END)
    loop.until(lambda: worker.heard, "the message on the connection from before")


@pytest.mark.parametrize("spoilt", ["no key", "no certificate", "another's key"])
def test_a_certificate_that_cannot_be_used_leaves_the_old_one_in_use(
    loop: Loop, start: Start, authority: Authority, spoilt: str
) -> None:
    path = authority.issue("sip.example.net", file="one.pem")
    worker = secured(start, TlsFiles((path,)))
    good = path.read_bytes()
    key = good[good.index(b"-----BEGIN PRIVATE") :]
    if spoilt == "no key":
        path.write_bytes(good[: good.index(b"-----BEGIN PRIVATE")])
    elif spoilt == "no certificate":
        path.write_bytes(key)
    else:
        other = authority.issue("sip.example.net", file="one.pem").read_bytes()
        path.write_bytes(other[: other.index(b"-----BEGIN PRIVATE")] + key)
    worker.net.look_for_certificates()
    assert shown(call(loop, worker, believing(authority)).shake()) == {"sip.example.net"}
    assert worker.net._tcp.tls.failures == 1


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("a.example.net", {"a.example.net"}),
        ("b.example.net", {"b.example.net"}),
        ("x.wide.example", {"*.wide.example"}),
    ],
)
def test_of_several_certificates_the_one_for_the_named_host_is_shown(
    loop: Loop, start: Start, authority: Authority, asked: str, names: set[str]
) -> None:
    files = tuple(
        authority.issue(one, apart=True) for one in ("a.example.net", "b.example.net", "*.wide.example")
    )
    worker = secured(start, TlsFiles(files))
    assert shown(call(loop, worker, believing(authority), asked).shake()) == names


def test_who_names_no_host_or_a_strange_one_gets_the_first_certificate(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = secured(start, TlsFiles((authority.issue("a.example.net"), authority.issue("b.example.net"))))
    context = believing(authority)
    context.check_hostname = False
    for asked in (None, "strange.example"):
        wire = Wire(loop, loop.tcp(("127.0.0.1", worker.config.tls_port)), context, host=asked)
        assert shown(wire.shake()) == {"a.example.net"}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused(loop: Loop, start: Start, authority: Authority) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net"),)))
    old = believing(authority)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    wire = call(loop, worker, old).shake()
    assert isinstance(wire.error, ssl.SSLError)
    loop.until(lambda: worker.net.metrics()["tls_failed"] == 1, "the count")
    assert worker.errors == []


def test_a_trunk_that_shows_a_certificate_is_known_by_the_names_in_it(
    loop: Loop, start: Start, authority: Authority
) -> None:
    files = TlsFiles((authority.issue("sip.example.net"),), client_ca=authority.path)
    worker = secured(start, files)
    trunk = call(
        loop, worker, believing(authority, authority.issue("trunk.example.org", "192.0.2.7"))
    ).shake()
    trunk.send(b"INVITE" + END)
    phone = call(loop, worker, believing(authority)).shake()
    phone.send(b"REGISTER" + END)
    loop.until(lambda: len(worker.heard) == 2, "both")
    assert {data[:6]: flow.peer for data, flow in worker.heard} == {
        b"INVITE": "trunk.example.org 192.0.2.7",
        b"REGIST": "",
    }


@pytest.mark.parametrize("shows", ["another's", "nothing"])
def test_who_must_prove_itself_and_cannot_is_not_heard(
    loop: Loop, start: Start, authority: Authority, tmp_path: Path, shows: str
) -> None:
    files = TlsFiles((authority.issue("sip.example.net"),), client_ca=authority.path, client_required=True)
    worker = secured(start, files)
    other = Authority(tmp_path, "other").issue("trunk.example.org") if shows == "another's" else None
    stranger = call(loop, worker, believing(authority, other)).shake()
    stranger.send(b"INVITE" + END)
    loop.until(lambda: worker.net.metrics()["tls_failed"] == 1, "the refusal")
    assert worker.heard == [] and worker.errors == []
    assert worker.net.metrics()["tcp_connections"] == 0


# -- we call


def carrier_asked(loop: Loop, worker: Worker, name: str) -> tuple[Flow, Callable[..., Wire]]:
    door = loop.listener()
    flow = worker.net.connect_flow("tls", "127.0.0.1", door.getsockname()[1], name=name)
    worker.net.send(flow, b"INVITE one")
    return flow, lambda context: Wire(loop, loop.accept(door), context, server=True)


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        ("carrier.example", "carrier.example"),
        ("*.carrier.example", "sbc1.carrier.example"),
        ("sip:carrier.example", "carrier.example"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_carrier_that_proves_its_name_gets_what_waited(
    loop: Loop, start: Start, authority: Authority, certificate: str, name: str
) -> None:
    worker = start()
    worker.net.secure(TlsFiles(carrier_ca=authority.path))
    flow, accept = carrier_asked(loop, worker, name)
    carrier = accept(serving(authority.issue(certificate))).shake()
    assert carrier.receive() == b"INVITE one"
    assert worker.net.connect_flow("tls", flow.host, flow.port, name=name) == flow
    carrier.send(b"BYE" + END)
    loop.until(lambda: worker.heard, "the answer")
    assert worker.heard[0][1] == flow and flow.peer == name


@pytest.mark.parametrize("wrong", ["name", "authority", "expired", "no TLS"])
def test_a_carrier_that_is_not_who_it_should_be_gets_nothing(
    loop: Loop, start: Start, authority: Authority, tmp_path: Path, wrong: str
) -> None:
    worker = start()
    worker.net.secure(TlsFiles(carrier_ca=authority.path))
    flow, accept = carrier_asked(loop, worker, "carrier.example")
    issuer = Authority(tmp_path, "other") if wrong == "authority" else authority
    certificate = issuer.issue(
        "evil.example" if wrong == "name" else "carrier.example", days=-1 if wrong == "expired" else 2
    )
    carrier = accept(serving(certificate))
    if wrong == "no TLS":
        carrier._sock.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
    else:
        carrier.shake()
        assert carrier.receive() == b""
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors == [(flow, Reason.TLS)]
    assert worker.net.metrics()["tcp_connections"] == 0
    again = worker.net.connect_flow("tls", flow.host, flow.port, name="carrier.example")
    assert again.connection != flow.connection


def test_verification_can_be_turned_off_for_all_carriers(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = start()
    worker.net.secure(TlsFiles(verify_carriers=False))
    flow, accept = carrier_asked(loop, worker, "carrier.example")
    assert accept(serving(authority.issue("whoever.example"))).shake().receive() == b"INVITE one"
    assert flow.peer == "", "nothing was proved"


def test_we_show_our_own_certificate_to_a_carrier_that_asks(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = start()
    worker.net.secure(TlsFiles((authority.issue("sip.example.net"),), carrier_ca=authority.path))
    _, accept = carrier_asked(loop, worker, "carrier.example")
    carrier = accept(serving(authority.issue("carrier.example"), ask=authority.path)).shake()
    assert carrier.receive() == b"INVITE one"
    assert shown(carrier) == {"sip.example.net"}


def test_one_address_with_two_names_gets_two_connections(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker, door = start(), loop.listener()
    port = door.getsockname()[1]
    one = worker.net.connect_flow("tls", "127.0.0.1", port, name="one.example")
    two = worker.net.connect_flow("tls", "127.0.0.1", port, name="two.example")
    assert one.connection != two.connection


# -- how files may lie


def laid_out(authority: Authority, folder: Path, layout: str) -> None:
    """A certificate of an authority in between, as the guide, Let's Encrypt, or a tidy person lays it out."""
    between = authority.below("between")
    made = between.issue("sip.example.net")
    text = made.read_bytes()
    cut = text.index(b"-----BEGIN PRIVATE")
    certificate, key, chain = text[:cut], text[cut:], between.path.read_bytes()
    folder.mkdir()
    files = {
        "guide": {"cert.pem": certificate, "key.pem": key, "root.pem": chain + authority.path.read_bytes()},
        "certbot": {
            "cert.pem": certificate, "chain.pem": chain, "fullchain.pem": certificate + chain, "privkey.pem": key,
        },
        "one file": {"all.pem": certificate + chain + key},
        "named": {"sip.crt": certificate + chain, "sip.key": key},
    }[layout]  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "README").write_text("not a certificate")


@pytest.mark.req("security-044")
@pytest.mark.parametrize("layout", ["guide", "certbot", "one file", "named"])
def test_certificates_are_found_with_key_and_chain_however_they_lie(
    loop: Loop, start: Start, authority: Authority, tmp_path: Path, layout: str
) -> None:
    laid_out(authority, tmp_path / "tls", layout)
    worker = secured(start, TlsFiles((tmp_path / "tls",)))
    assert shown(call(loop, worker, believing(authority)).shake()) == {"sip.example.net"}
    assert len(worker.net._tcp.tls._certificates) == 1


def test_a_key_that_is_nowhere_else_can_be_named(
    loop: Loop, start: Start, authority: Authority, tmp_path: Path
) -> None:
    made = authority.issue("sip.example.net", apart=True)
    key = made.with_suffix(".key").rename(tmp_path / "elsewhere")
    worker = secured(start, TlsFiles((made,), key=key))
    call(loop, worker, believing(authority)).shake()


# -- bad manners


def test_half_a_handshake_is_closed_in_time_and_leaves_nothing(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net"),)), message_timeout=0.2)
    silent = loop.tcp(("127.0.0.1", worker.config.tls_port))
    slow = loop.tcp(("127.0.0.1", worker.config.tls_port))
    slow.send(b"\x16\x03\x01\x02\x00\x01")
    assert loop.receive(silent) == b"" and loop.receive(slow) == b""
    assert worker.net.metrics()["tcp_closed_slow"] == 2
    assert worker.net.metrics()["tcp_connections"] == 0


def test_a_carrier_that_never_finishes_the_handshake_is_given_up(loop: Loop, start: Start) -> None:
    worker, door = start(message_timeout=0.2), loop.listener()
    flow = worker.net.connect_flow("tls", *door.getsockname(), name="carrier.example")
    worker.net.send(flow, b"INVITE")
    loop.accept(door)
    loop.until(lambda: worker.errors, "the error")
    assert worker.errors == [(flow, Reason.CLOSED)]
    assert worker.net.metrics()["tcp_connections"] == 0


@pytest.mark.parametrize(
    "garbage", [b"REGISTER sip:a SIP/2.0\r\n\r\n", b"\x00" * 3000, b"\x16\x03\x01\x40\x00" + b"\xff" * 16384]
)
def test_garbage_instead_of_a_handshake_ends_the_connection(
    loop: Loop, start: Start, authority: Authority, garbage: bytes
) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net"),)))
    stranger = loop.tcp(("127.0.0.1", worker.config.tls_port))
    stranger.send(garbage)
    while loop.receive(stranger):
        pass
    assert worker.net.metrics()["tcp_connections"] == 0 and worker.heard == []


def test_too_many_connections_of_one_source_are_turned_away_before_the_handshake(
    loop: Loop, start: Start, authority: Authority
) -> None:
    worker = secured(start, TlsFiles((authority.issue("sip.example.net"),)), max_connections_per_source=3)
    socks = [loop.tcp(("127.0.0.1", worker.config.tls_port)) for _ in range(5)]
    loop.until(lambda: worker.net.metrics()["tcp_refused"] == 2, "the refusals")
    socks[0].close()
    loop.until(lambda: worker.net.metrics()["tcp_connections"] == 2, "the place to be free")
    call(loop, worker, believing(authority)).shake()


def test_who_does_not_take_its_leave_is_cut_off(loop: Loop, start: Start, authority: Authority) -> None:
    worker = start(wss_port=free_port(), stop_timeout=0.2)
    worker.net.secure(TlsFiles((authority.issue("sip.example.net"),)))
    sock = loop.tcp(("127.0.0.1", worker.config.wss_port))
    wire = Wire(loop, sock, believing(authority), host="sip.example.net").shake()
    wire.send(b"REGISTER sip:a SIP/2.0\r\n\r\n")
    assert wire.receive().startswith(b"HTTP/1.1 400")
    while loop.receive(sock, "the end of a connection whose peer does not close it"):
        pass


# -- names in certificates


@pytest.mark.parametrize(
    ("names", "wanted", "good"),
    [
        (["sip.example.net"], "sip.example.net", True),
        (["sip.example.net"], "SIP.example.NET.", True),
        (["sip.example.net"], "example.net", False),
        (["*.example.net"], "sip.example.net", True),
        (["*.example.net"], "a.b.example.net", False),
        (["*.example.net"], "example.net", False),
        (["*.net"], "example.net", False),
        (["*"], "net", False),
        (["192.0.2.7"], "192.0.2.7", True),
        (["*.0.2.7"], "192.0.2.7", False),
        (["2001:db8::1"], "2001:DB8:0::1", True),
        ([], "sip.example.net", False),
    ],
)
def test_a_name_is_matched_as_a_whole_or_by_its_first_label(
    names: list[str], wanted: str, good: bool
) -> None:
    assert matches(names, wanted) is good


def test_a_sip_uri_in_the_certificate_outweighs_its_dns_names(authority: Authority) -> None:
    path = authority.issue("host.example.net", "sip:example.net", "sip:bob@example.org")
    assert names_of(x509.load_pem_x509_certificate(path.read_bytes())) == ("example.net",)


def test_the_common_name_counts_only_without_other_names(authority: Authority) -> None:
    plain = authority.issue(common="old.example.net", file="old.pem")
    other = authority.issue("a.example.net", common="b.example.net", file="new.pem")
    assert names_of(x509.load_pem_x509_certificate(plain.read_bytes())) == ("old.example.net",)
    assert names_of(x509.load_pem_x509_certificate(other.read_bytes())) == ("a.example.net",)
