"""Chromium, a visitor who notices what a person would find wrong with a page, and a site with a day's traffic."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mizu_site import demo_data
from tests.tables import Copy
from tests.traffic import DAY, settled_day

WIDE, NARROW = 1360, 390
PATIENCE = 30_000
"""Milliseconds for a page, or for something on it: the API's manual is written in seconds, on a busy machine in many."""
SHOTS = os.environ.get("MIZU_SCREENSHOTS")
"""The folder for pictures of the pages, for who wants to look at them: they are a good part of the browser's work."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def launched() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One Chromium for all tests, and the loop in which Playwright talks to it."""
    program = shutil.which(
        "chromium-headless-shell"
    )  # half the work of the program that can also show windows
    assert program, "Debian's package chromium-headless-shell is not installed"
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def chromium(launched: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """Playwright's loop counts as running in this thread, so that nobody else can run one, as long as a test needs it."""
    browser, loop = launched
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the same thread asks the database
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def keep_picture(page: Page, name: str, *, whole: bool = True) -> None:
    """If anybody wants to look at it."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=whole)


class Visitor:
    """A person at a browser. `faults` collects console errors and requests that leave the machine."""

    def __init__(self, page: Page, site: str, passwords: dict[str, str]) -> None:
        self.page, self.site, self.passwords = page, site, passwords
        self.faults: list[str] = []
        page.on("console", lambda message: self._heard(message.type, f"{message.text} at {page.url}"))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(text)

    def _asked(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob") and address.netloc != urlsplit(self.site).netloc:
            self.faults.append(f"request to {url}")

    def log_in(self, username: str) -> None:
        self.page.goto(self.site + "/accounts/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(self.passwords[username])
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/login/" not in url)

    def look(self, name: str, path: str) -> Page:
        """Open a page, and fail for what a person would find wrong with it. It stays on the wide screen."""
        self._judge(name, path)
        self._be(WIDE)
        return self.page

    def walk(self, pages: Mapping[str, str]) -> None:
        """Look at many pages by name: every second is opened on the narrow screen, as laying them out takes most of the time."""
        for name, path in pages.items():
            self._judge(name, path)
        self._be(WIDE)

    def _judge(self, name: str, path: str) -> None:
        """On the screen that it is opened on, then on the other."""
        answer = self.page.goto(self.site + path)
        assert answer and answer.status == 200, f"{path}: {answer and answer.status}"
        for width in sorted((NARROW, WIDE), key=self.width.__ne__):
            self._be(width)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} pixels wide on a screen of {width}"
            if width == WIDE:
                keep_picture(self.page, name)
        assert self.page.title().strip(), f"{path} has no title"
        if not path.startswith("/api/"):  # the manual's page is not ours
            assert self.page.evaluate("document.documentElement.lang"), f"{path} has no language"
        assert not self.faults, self.faults

    @property
    def width(self) -> int:
        """Pixels of the screen."""
        assert self.page.viewport_size
        return self.page.viewport_size["width"]

    def _be(self, width: int) -> None:
        if width != self.width:
            self.page.set_viewport_size({"width": width, "height": 900})


class Site:
    """The demo's office after a day of traffic: made for the first test of an hour, and put back as it was for the next."""

    def __init__(self) -> None:
        self.hour = time.time() // 3600
        self.logins = demo_data.make(settings.ENVIRONMENT)
        settled_day(calls=120, midnight=time.time() - DAY)
        self._tables = Copy()

    @property
    def is_of_this_hour(self) -> bool:
        """Pages tell what came today, or in the last hours."""
        return time.time() // 3600 == self.hour

    def put_back(self) -> None:
        self._tables.put_back()


@pytest.fixture(scope="session")
def sites() -> list[Site]:
    """The one of this hour, once it was made."""
    return []


@pytest.fixture
def visitor(
    chromium: Browser, transactional_db: None, live_server: Any, sites: list[Site]
) -> Iterator[Visitor]:
    if sites and sites[-1].is_of_this_hour:
        sites[-1].put_back()
    else:
        sites[:] = [Site()]
    logins = sites[-1].logins
    context = chromium.new_context(
        viewport={"width": WIDE, "height": 900}, accept_downloads=True, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    phones = [login for login in logins if login["what"].startswith("phone")]
    passwords = {login["username"]: login["password"] for login in logins if login not in phones}
    seen = Visitor(context.new_page(), live_server.url, passwords)
    yield seen
    context.close()
