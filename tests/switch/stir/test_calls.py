"""Calls with signed numbers: what the called is told, what is refused, what carriers get. Certificates come from a real HTTPS server."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from switch.sip.digest import MD5
from switch.sip.message import Request
from switch.stir.credentials import Authority as Numbers
from switch.stir.credentials import believed, read_chain
from switch.stir.fetch import Fetcher
from switch.stir.identity import Claim, claim_of, header_of, judged
from switch.stir.passport import Passport, sign
from switch.stir.stir import Stir
from switch.stir.store import AVOIDED, Store
from tests.certificates import Authority, written
from tests.switch.call.scenes import NUMBER, records, rung, settle
from tests.switch.call.town import Citizen, Town, founded
from tests.switch.loop import Loop
from tests.switch.worlds import NOW

URL = "https://certs.example/shaken.pem"
CALLER = "442079461001"


class Post:
    """Hands out what is put into it, when it is told to; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Callable[[bytes | str], None]] = []

    def __call__(self, url: str, done: Callable[[bytes | str], None]) -> None:
        self.asked.append(url)
        self.waiting.append(done)

    def deliver(self, what: bytes | str) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(what)


class Scene:
    """A town whose worker believes one authority, and has a key of its own."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        self.ca = Authority(folder, "sti")
        self.key, self.certificate = self.ca.signer(Numbers(("709J",)), days=30_000)
        self.post = Post()
        self.stir = town.board.stir = Stir(Store(self.post, time.time), None, b"of the node", town.board.wall)
        key, certificate = written(folder, self.key, self.certificate)
        self.set(stir_ca=self.ca.path.name, stir_hosts=["certs.example"], stir_key=key, stir_certificate=certificate,
                 stir_url=URL)  # fmt: skip

    def set(self, account: str = "", **settings: Any) -> None:
        settle(self.town, self.folder, account, **settings)
        self.stir.follow(self.town.world.settings, self.folder)

    def header(self, orig: str = CALLER, dest: str = NUMBER, at: float = 0.0) -> tuple[str, str]:
        issued = int(at or self.town.board.wall())
        return "Identity", header_of(sign(Passport("A", orig, (dest,), issued, "x-1", URL), self.key), URL)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    made = Loop()
    # Twisted's TLS writes by the clock of the global reactor, which is the worker's; here it is the test's own.
    monkeypatch.setattr("twisted.protocols.tls._get_default_clock", lambda: made.reactor)
    names = made.reactor.getThreadPool()  # where the reactor looks names up; `run` would start it
    names.start()
    yield made
    names.stop()
    made.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with founded(tmp_path) as town:
        yield Scene(town, tmp_path)


FROM = f"<sip:{CALLER}@127.0.0.1>;tag=stir"


def phoned(
    scene: Scene, *headers: tuple[str, str], number: str = "1001", **fields: Any
) -> tuple[Citizen, Request, Citizen]:
    """A phone of ours, registered; the trunk calls it."""
    phone, rich = scene.town.peer("1001"), scene.town.peer("rich")
    assert phone.register("secret-1001", expires=3600, algorithm=MD5).status == 200
    invite = rich.invite(number, headers=headers, **{"from_": FROM} | fields)
    rich.send(invite)
    return rich, invite, phone


def identity(asked: Request) -> str:
    return asked.get("P-Asserted-Identity") or ""


@pytest.mark.parametrize("kept", [False, True])
def test_a_phone_is_told_that_the_number_is_proved(scene: Scene, kept: bool) -> None:
    if kept:  # the certificate is known from a call before
        scene.stir._store.find(URL, lambda found: None)
        scene.post.deliver(scene.certificate)
    _, _, phone = phoned(scene, scene.header(dest="1001"))
    if not kept:
        scene.town.pass_time(1)
        assert not phone.box and scene.post.asked == [URL]
        scene.post.deliver(scene.certificate)
    asked = phone.asked("INVITE")
    assert identity(asked).startswith(f"<sip:{CALLER};verstat=TN-Validation-Passed@")
    assert asked.from_.uri.user == CALLER and asked.get("Identity") is None


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (lambda scene: [], "No-TN-Validation"),
        (lambda scene: [scene.header(dest="1002")], "TN-Validation-Failed"),
        (lambda scene: [scene.header(orig="36301112222", dest="1001")], "TN-Validation-Failed"),
        (lambda scene: [scene.header(dest="1001", at=NOW)], "TN-Validation-Failed"),
        (lambda scene: [("Identity", "rubbish;ppt=shaken")], "TN-Validation-Failed"),
    ],
)
def test_a_phone_is_told_that_it_is_not(scene: Scene, headers: Any, told: str) -> None:
    _, _, phone = phoned(scene, *headers(scene))
    assert f";verstat={told}@" in identity(phone.asked("INVITE"))
    assert scene.post.asked == []


@pytest.mark.parametrize(
    ("where", "in_identity", "in_from"),
    [("no", False, False), ("identity", True, False), ("from", False, True), ("both", True, True)],
)
def test_where_a_phone_is_told_is_its_own_setting(
    scene: Scene, where: str, in_identity: bool, in_from: bool
) -> None:
    scene.set("1001", verstat=where)
    _, _, phone = phoned(scene)
    asked = phone.asked("INVITE")
    assert ("verstat" in identity(asked)) is in_identity
    assert ("verstat" in asked.from_.uri.user) is in_from


def test_a_hidden_caller_is_not_shown_by_the_word_on_its_number(scene: Scene) -> None:
    _, _, phone = phoned(scene, ("Privacy", "id"))
    asked = phone.asked("INVITE")
    assert CALLER not in asked.encode().decode() and "verstat" not in asked.encode().decode()


@pytest.mark.parametrize(
    ("mode", "signed", "status"),
    [("tell", "wrong", 0), ("strict", "wrong", 438), ("strict", "stale", 403), ("strict", "none", 0),
     ("required", "none", 428), ("required", "elsewhere", 436)],
)  # fmt: skip
def test_who_insists_on_signatures_has_calls_refused_with_the_statuses_of_the_standard(
    scene: Scene, mode: str, signed: str, status: int
) -> None:
    scene.set("rich", stir_verify=mode)
    if signed == "elsewhere":
        scene.set(stir_hosts=["other.example"])
    headers = {
        "wrong": [scene.header(dest="1002")],
        "stale": [scene.header(dest="1001", at=NOW)],
        "none": [],
        "elsewhere": [scene.header(dest="1001")],
    }[signed]
    rich, invite, phone = phoned(scene, *headers)
    if not status:
        assert phone.asked("INVITE")
        return
    refusal = rich.told(status)
    rich.ack(invite, refusal)
    assert not phone.box
    scene.town.pass_time(1)
    assert [one["cause"] for one in records(scene.town)] == ["bad_identity"]


@pytest.mark.parametrize(
    ("what", "status"),
    [("it cannot be fetched (TimeoutError)", 436), (b"no certificate", 437)],
)
def test_a_certificate_that_cannot_be_had_or_believed_proves_nothing_and_is_not_asked_for_again_at_once(
    scene: Scene, what: bytes | str, status: int
) -> None:
    scene.set("rich", stir_verify="strict")
    rich, invite, _ = phoned(scene, scene.header(dest="1001"))
    scene.post.deliver(what)
    rich.ack(invite, rich.told(status))
    again = rich.invite("1001", headers=[scene.header(dest="1001")], from_=FROM)
    rich.send(again)
    rich.ack(again, rich.told(status))
    assert scene.post.asked == [URL]


def test_a_caller_that_gives_up_while_its_certificate_is_fetched_is_gone(scene: Scene) -> None:
    rich, invite, phone = phoned(scene, scene.header(dest="1001"))
    rich.cancel(invite)
    rich.told(200, "CANCEL")
    rich.ack(invite, rich.told(487))
    scene.post.deliver(scene.certificate)
    scene.town.pass_time(1)
    assert not phone.box
    scene.town.nothing_left()


def test_many_calls_wait_for_one_certificate(scene: Scene) -> None:
    phone, rich = scene.town.peer("1001"), scene.town.peer("rich")
    assert phone.register("secret-1001", expires=3600, algorithm=MD5).status == 200
    for _ in range(3):
        rich.send(rich.invite("1001", headers=[scene.header(dest="1001")], from_=FROM))
    assert scene.post.asked == [URL]
    scene.post.deliver(scene.certificate)
    asked = [phone.asked("INVITE") for _ in range(3)]
    assert all("Passed" in identity(one) for one in asked)


# --- what carriers get ----------------------------------------------------------------------------------------------------------


def judge(scene: Scene, asked: Request, called: str = NUMBER) -> tuple[str, str, str]:
    """Attestation, caller and origin of our signature, checked as a carrier would."""
    value = asked.get("Identity")
    assert value is not None
    claim = claim_of(
        [value], calling={CALLER, "36301110000"}, called={called}, now=scene.town.board.wall(), within=60
    )
    assert isinstance(claim, Claim), claim
    roots = [x509.load_pem_x509_certificate(scene.ca.path.read_bytes())]
    assert (
        judged(claim, believed(read_chain(scene.certificate), roots, time.time())).verstat
        == "TN-Validation-Passed"
    )
    assert claim.place == URL
    passport = claim.signed.passport
    return passport.attest, passport.orig, passport.origid


def called(scene: Scene, *headers: tuple[str, str], from_: str = FROM) -> Request:
    rich, one = scene.town.peer("rich"), scene.town.peer("one")
    return rung(rich, one, headers=headers, from_=from_)[1]


def test_a_call_of_a_trunk_with_a_number_of_somebody_is_signed_with_b(scene: Scene) -> None:
    scene.set("one", stir_sign="yes")
    attest, orig, origin = judge(scene, called(scene))
    assert (attest, orig) == ("B", CALLER) and len(origin) == 36
    assert judge(scene, called(scene))[2] == origin  # the same customer has the same


@pytest.mark.parametrize(("said", "attest"), [("A", "A"), ("B", "B"), ("C", "C"), ("no", "")])
def test_the_setting_of_the_account_says_how_far_we_vouch_for_it(
    scene: Scene, said: str, attest: str
) -> None:
    scene.set("one", stir_sign="yes")
    scene.set("rich", attestation=said)
    asked = called(scene)
    assert (judge(scene, asked)[0] if asked.get("Identity") else "") == attest


def test_a_number_of_the_account_itself_is_signed_with_a(scene: Scene) -> None:
    scene.set("one", stir_sign="yes")
    row = next(row for row in scene.town.office.rows["accounts"] if row[0] == scene.town.ids["rich"])
    row[9] = "+36301110000"
    scene.set()
    assert judge(scene, called(scene, from_="<sip:+36301110000@127.0.0.1>;tag=own"))[:2] == (
        "A",
        "36301110000",
    )
    assert judge(scene, called(scene))[0] == "B"


@pytest.mark.parametrize(("sign_", "passed"), [("no", False), ("forward", True), ("yes", True)])
def test_a_signature_that_came_with_the_call_goes_on_unchanged(
    scene: Scene, sign_: str, passed: bool
) -> None:
    scene.set("one", stir_sign=sign_)
    scene.set(stir_ca="")
    header = scene.header()
    assert called(scene, header).get("Identity") == (header[1] if passed else None)


def test_a_signature_for_another_call_does_not_go_on_and_ours_takes_its_place(scene: Scene) -> None:
    scene.set(stir_ca="")
    assert called(scene, scene.header(dest="36301")).get("Identity") is None
    scene.set("one", stir_sign="yes")
    header = scene.header(dest="36301")
    asked = called(scene, header)
    assert asked.get("Identity") != header[1] and judge(scene, asked)[0] == "B"


def test_a_key_that_is_not_the_certificates_signs_nothing_and_what_was_in_use_stays(scene: Scene) -> None:
    scene.set("one", stir_sign="yes")
    other = scene.ca.signer(Numbers(("9",)))[0]
    before = scene.stir.signer
    written(scene.folder, other, scene.certificate)
    scene.stir.look()
    assert scene.stir.signer == before and judge(scene, called(scene))[0] == "B"


def test_nothing_is_signed_with_a_certificate_that_has_expired(scene: Scene) -> None:
    scene.set("one", stir_sign="yes")
    key, certificate = scene.ca.signer(Numbers(("9",)), days=-1)
    written(scene.folder, key, certificate)
    scene.stir.look()
    scene.stir._wall = time.time
    assert called(scene).get("Identity") is None


# --- the real fetch -------------------------------------------------------------------------------------------------------------


class Shelf:
    """An HTTPS server with files, some of them bad."""

    def __init__(self, folder: Path) -> None:
        self.ca = Authority(folder, "web")
        shelf = self
        self.files: dict[str, bytes] = {}
        self.let = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/slow":
                    shelf.let.wait(20)
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/good")
                    self.end_headers()
                    return
                found = shelf.files.get(self.path)
                self.send_response(200 if found is not None else 404)
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca.issue("localhost", file="web.pem"))
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path: str) -> str:
        return f"https://localhost:{self.server.server_address[1]}{path}"

    def close(self) -> None:
        self.let.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.close()


def fetched(loop: Loop, fetcher: Fetcher, url: str) -> bytes | str:
    got: list[bytes | str] = []
    fetcher(url, got.append)
    loop.until(lambda: got, f"an answer for {url}", seconds=30)
    assert len(got) == 1
    return got[0]


def test_a_certificate_is_fetched_by_https_from_a_server_that_proves_its_name(
    loop: Loop, shelf: Shelf
) -> None:
    shelf.files |= {"/good": b"text", "/big": b"x" * 70_000}
    fetcher = Fetcher(loop.reactor, seconds=25)
    refused = fetched(loop, fetcher, shelf.url("/good"))
    assert (
        isinstance(refused, str) and "certificate verify failed" in refused
    )  # nobody whom the machine trusts vouches for it
    fetcher.follow(shelf.ca.path)
    assert fetched(loop, fetcher, shelf.url("/good")) == b"text"
    for path in ("/none", "/moved", "/big"):
        assert isinstance(fetched(loop, fetcher, shelf.url(path)), str), path
    impatient = Fetcher(loop.reactor, seconds=0.5)
    impatient.follow(shelf.ca.path)
    assert isinstance(fetched(loop, impatient, shelf.url("/slow")), str)
    other = shelf.url("/good").replace("localhost", "127.0.0.1")
    assert isinstance(fetched(loop, fetcher, other), str)  # its certificate is for another name


def test_a_place_is_asked_once_and_again_after_a_while(shelf: Shelf) -> None:
    now = [1000.0]
    post = Post()
    store = Store(post, lambda: now[0])
    got: list[object] = []
    for _ in range(3):
        store.find(URL, got.append)
    assert post.asked == [URL] and not got
    post.deliver("it cannot be fetched")
    assert got == ["it cannot be fetched"] * 3 and store.known(URL) == "it cannot be fetched"
    now[0] += AVOIDED
    assert store.known(URL) is None
    store.find(URL, got.append)
    assert len(post.asked) == 2
