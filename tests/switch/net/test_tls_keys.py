"""Keys with a passphrase, and certificates that do not name us, on real sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import capturedLogs

from switch.net import TlsFiles
from tests.certificates import Authority
from tests.switch.loop import Loop
from tests.switch.net.conftest import Start, Worker
from tests.switch.net.test_tls import authority, believing, call, secured, shown

__all__ = ["authority"]


@pytest.mark.req("security-051")
@pytest.mark.parametrize("apart", [False, True])
def test_a_key_with_a_passphrase_is_used_with_the_right_one_only(
    loop: Loop, start: Start, authority: Authority, apart: bool
) -> None:
    path = authority.issue("sip.example.net", file="one.pem", passphrase="open sesame", apart=apart)
    worker = secured(start, TlsFiles((path,), passphrase="another"))
    assert worker.net._tcp.tls.failures == 1 and not worker.net._tcp.tls.serves
    worker.net.secure(TlsFiles((path,)))
    assert worker.net._tcp.tls.failures == 2, "without one nobody is asked at a terminal"
    worker.net.secure(TlsFiles((path,), passphrase="open sesame"))
    assert shown(call(loop, worker, believing(authority)).shake()) == {"sip.example.net"}
    assert "sesame" not in repr(TlsFiles((path,), passphrase="open sesame"))


@pytest.mark.req("security-041")
def test_the_log_says_when_no_certificate_names_what_we_call_ourselves(
    start: Start, authority: Authority
) -> None:
    files = (authority.issue("other.example.net", file="one.pem"),)
    told = "no certificate names {domain}, which we call ourselves (localdomain)"

    def said(do: Callable[[], Any]) -> list[str]:
        with capturedLogs() as events:
            do()
        return [one["domain"] for one in events if one.get("log_format") == told]

    workers: list[Worker] = []
    assert said(lambda: workers.append(secured(start, TlsFiles(files, domain="sip.example.net")))) == [
        "sip.example.net"
    ]
    worker = workers[0]
    assert said(worker.net.look_for_certificates) == [], "once for each load"
    authority.issue("other.example.net", "*.example.net", file="one.pem")
    assert said(worker.net.look_for_certificates) == []
    authority.issue("sip.example.org", file="one.pem")
    assert said(worker.net.look_for_certificates) == ["sip.example.net"]
    assert said(lambda: worker.net.secure(TlsFiles(files))) == [], "we call ourselves nothing"
    assert said(lambda: worker.net.secure(TlsFiles((), domain="sip.example.net"))) == [], "there is no TLS"
