"""A second factor as a person sets it up and uses it: an app's code, and a security key (Chromium's own virtual one)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page

from apps.config.services import set_value
from tests.browser.conftest import Visitor

KEY = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
       "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip


@pytest.fixture
def person(visitor: Visitor) -> Visitor:
    """By name: a security key belongs to one."""
    visitor.site = visitor.site.replace("127.0.0.1", "localhost")
    return visitor


def confirm(visitor: Visitor, name: str) -> None:
    """The password is asked for again before anything is set up."""
    page = visitor.page
    if "/reauthenticate/" in page.url:
        page.get_by_label("Password").fill(visitor.passwords[name])
        page.get_by_role("button", name="Go on").click()


def code(secret: str, later: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def log_in_again(visitor: Visitor, name: str) -> Page:
    """As far as the second factor."""
    page = visitor.page
    page.context.clear_cookies()
    page.goto(visitor.site + "/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(visitor.passwords[name])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/2fa/authenticate/")
    return page


def test_staff_that_needs_one_is_led_to_it_and_logs_in_by_the_code_of_an_app(person: Visitor) -> None:
    set_value(key="secondfactor", value="staff")
    person.log_in("admin")
    page = person.page
    page.goto(person.site + "/admin/")
    page.wait_for_url("**/accounts/2fa/")
    assert page.get_by_text("needs a second factor").is_visible()
    person.look("second-factor", "/accounts/2fa/")
    page.get_by_role("link", name="Activate").click()
    confirm(person, "admin")
    person.look("second-factor-app", "/accounts/2fa/totp/activate/")
    assert page.locator("img.qr").is_visible()
    secret = page.get_by_label("Authenticator secret").input_value()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Activate").click()
    page.wait_for_url("**/recovery-codes/")
    person.look("second-factor-codes", "/accounts/2fa/recovery-codes/")
    page = log_in_again(person, "admin")
    person.look("second-factor-asked", "/accounts/2fa/authenticate/")
    page.get_by_label("Code").fill(code(secret, 1))
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    assert page.goto(person.site + "/admin/").status == 200  # type: ignore[union-attr]
    assert not person.faults


def test_a_security_key_opens_the_account_that_it_was_added_to(person: Visitor) -> None:
    name = "demo-reseller"
    person.log_in(name)
    page = person.page
    session: Any = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(person.site + "/accounts/2fa/webauthn/add/")
    confirm(person, name)
    page.wait_for_url("**/webauthn/add/**")
    person.look("second-factor-add-key", "/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)
    person.look("second-factor-keys", "/accounts/2fa/webauthn/")
    page = log_in_again(person, name)
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    assert page.get_by_role("link", name="Invoices").is_visible()
    assert not person.faults
