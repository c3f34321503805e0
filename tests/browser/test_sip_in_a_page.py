"""A page's own WebSocket speaks SIP with a worker (RFC 7118): what tests with sockets of ours cannot prove."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

ASK = """
([url, message]) => new Promise(resolve => {
  const socket = new WebSocket(url, "sip");
  const late = setTimeout(() => resolve("silence"), 8000);
  socket.onopen = () => socket.send(message);
  socket.onmessage = event => { clearTimeout(late); socket.close(1000); resolve(`${socket.protocol} ${event.data}`); };
  socket.onerror = () => { clearTimeout(late); resolve("refused"); };
})
"""
REQUEST = (
    "{method} sip:sip.example.net SIP/2.0\r\n"
    "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKpage\r\n"
    "Max-Forwards: 70\r\n"
    "To: <sip:1001@sip.example.net>\r\n"
    "From: <sip:1001@sip.example.net>;tag=page\r\n"
    "Call-ID: page@df7jal23ls0d.invalid\r\n"
    "CSeq: 1 {method}\r\n"
    "Contact: <sip:1001@df7jal23ls0d.invalid;transport=ws>\r\n"
    "\r\n"
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somewhere for the page to come from."""
    folder: Path = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>phone</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, site: str) -> Iterator[House]:
    def change(office: Office) -> None:
        office.settings["websocketorigins"] = (site,)

    with opened(django_db_blocker, change=change) as found:
        yield found


def said(browser: Browser, house: House, page_at: str, message: str) -> str:
    page = browser.new_page()
    try:
        page.goto(page_at)
        answer: str = page.evaluate(ASK, [f"ws://127.0.0.1:{house.switch.ws_port}/", message])
    finally:
        page.close()
    return answer


def test_a_page_asks_registers_and_keeps_its_connection_alive(
    house: House, site: str, chromium: Browser
) -> None:
    answer = said(chromium, house, site, REQUEST.format(method="OPTIONS"))
    assert answer.startswith("sip SIP/2.0 200 OK\r\n") and "branch=z9hG4bKpage;received=127.0.0.1" in answer
    assert said(chromium, house, site, REQUEST.format(method="REGISTER")).startswith("sip SIP/2.0 401 ")
    assert said(chromium, house, site, "\r\n\r\n") == "sip \r\n"


def test_a_page_from_elsewhere_is_turned_away(house: House, site: str, chromium: Browser) -> None:
    other = site.replace("127.0.0.1", "localhost")
    assert said(chromium, house, other, REQUEST.format(method="OPTIONS")) == "refused"
