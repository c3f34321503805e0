"""User names with * # $ in them, which URIs and codes know too (RFC 3261 §25.1), through a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest

from switch.sip.message import Request
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

ADA, BEN = "ada#1$", "2*ben"


class Named(Peer):
    """A phone whose user name a URI has to escape; its digest names it as it is."""

    def __init__(self, house: House, name: str) -> None:
        super().__init__(house.switch.port, quote(name, safe="*$"))
        self.name = name

    def calls(self, name: str) -> Request:
        """Call an account, with the password when it is asked for."""
        invite = self.invite(quote(name, safe="*$"))
        self.send(invite)
        challenge = self.told(407)
        self.ack(invite, challenge)
        again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
        again.set("Via", self.via())
        again.set("CSeq", "2 INVITE")
        proof = self.proof(challenge, "INVITE", invite.uri, f"secret-{self.name}")
        again.headers.append(("Proxy-Authorization", proof))
        self.send(again)
        return again


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        for name in (ADA, BEN):
            office.rows["credentials"].append(credential(name, f"secret-{name}", office.account(name)))

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.mark.req("users-064")
@pytest.mark.parametrize(("caller", "called"), [(ADA, BEN), (BEN, ADA)])
def test_phones_with_such_names_register_call_and_are_called(house: House, caller: str, called: str) -> None:
    with closing(Named(house, caller)) as a, closing(Named(house, called)) as b:
        for phone in (a, b):
            assert phone.register(f"secret-{phone.name}").status == 200
        invite = a.calls(called)
        asked = b.asked("INVITE")
        assert asked.from_.uri.user == caller and "#" not in (asked.get("From") or "")
        b.answer(asked, 486)
        a.ack(invite, a.told(486, "INVITE"))
        for phone in (a, b):
            phone.register(f"secret-{phone.name}", expires=0)
    assert house.switch.record(invite)["called_number"] == called


@pytest.mark.req("users-064")
def test_what_we_write_of_such_a_name_into_headers_and_documents_is_escaped() -> None:
    from switch.events.bodies import Line, dialog_info
    from switch.sip.uri import Uri

    line = Line("1", "initiator", "confirmed", ADA)
    text = dialog_info("sip:x@mizu", 1, [line], "mizu").decode()
    assert Uri.parse(text.partition("<identity>")[2].partition("</identity>")[0]).user == ADA
