"""What a call or a message costs whom, over the running instance: by group, by service, at the charge of who is called."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from switch.sip.digest import MD5
from switch.sip.message import Request
from tests.flows.house import House, cost
from tests.flows.sipp import Caller, serving
from tests.support import wait_for
from tests.support_sip import Peer, sdp

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

EMIRATES = "971501234567"


def priced(house: House, user: str, service: str, price: str, group: int | None = None) -> None:
    """Give the account a price list of one price, for a service or for a group of callers."""
    name = f"{user} {service} {price}"
    tariff = house.api("POST", "tariffs/", {"name": name, "kind": "retail", "currency": "EUR"})["id"]
    rate = {"tariff": tariff, "prefix": "", "destination": "", "price": price}
    # In force already: one of this moment begins with the next whole second.
    house.api("POST", "rates/", rate | {"valid_from": "2020-01-01T00:00:00Z"})
    house.instance.sql(
        "insert into pricing_tariffassignment (account_id, tariff_id, kind, service, caller_group_id, tech_prefix, caller_prefix)"
        " values (%s, %s, 'retail', %s, %s, '', '')",
        [house.ids[user], tariff, service, group],
    )
    house.instance.catch_up()


@pytest.fixture(scope="module")
def phones(house: House) -> Iterator[dict[str, Peer]]:
    """Two phones that say what they are told to, each with a unit of money."""
    found: dict[str, Peer] = {}
    for user in ("3101", "3102"):
        secret = house.subscriber(user, money="1")
        found[user] = Peer(house.sip, user)
        assert found[user].register(secret, algorithm=MD5).status == 200
    yield found
    for peer in found.values():
        peer.close()


def proved(house: House, peer: Peer, request: Request) -> None:
    """Send a request, and again with the password."""
    method = request.method
    peer.send(request)
    asked = peer.told(407)
    if method == "INVITE":
        peer.ack(request, asked)
    again = Request(method, request.uri, list(request.headers), request.body)
    again.set("Via", peer.via())
    again.set("CSeq", f"2 {method}")
    proof = peer.proof(asked, method, request.uri, f"secret-of-{peer.user}-x7", MD5)
    again.headers.append(("Proxy-Authorization", proof))
    peer.send(again)


@pytest.mark.req("billing-031")
def test_a_message_is_charged_by_the_list_for_messages(house: House, phones: dict[str, Peer]) -> None:
    priced(house, "3101", "sms", "0.02")
    a, b = phones["3101"], phones["3102"]
    first = a.request("MESSAGE", f"sip:3102@127.0.0.1:{house.sip}", headers=(("Content-Type", "text/plain"),))
    first.body = b"x" * 161
    proved(house, a, first)
    b.answer(b.asked("MESSAGE"), 200)
    a.told(200)
    record = house.record(first.call_id)
    assert (record.service, record.caller, record.charges) == ("sms", "3101", {"3101": Decimal("-0.04")})
    assert (house.balance("3101"), house.held("3101")) == (Decimal("0.96"), 0)


@pytest.mark.req("billing-055")
def test_a_call_is_charged_to_the_account_that_is_called(house: House, phones: dict[str, Peer]) -> None:
    priced(house, "3102", "inbound", "6")
    before = house.balance("3101")
    a, b = phones["3101"], phones["3102"]
    invite = a.invite("3102")
    proved(house, a, invite)
    asked = b.asked("INVITE")
    b.answer(asked, 200, body=sdp(41000))
    ok = a.told(200, "INVITE")
    a.ack(invite, ok)
    b.asked("ACK")
    assert wait_for(lambda: house.held("3102"), 3, "the hold of the called account") == 1  # all that it has
    a.within("BYE", invite, ok, cseq=3)
    b.answer(b.asked("BYE"), 200)
    record = house.record(invite.call_id)
    charged = cost(record.duration, "6")
    assert (record.service, record.caller) == ("inbound", "3101")
    assert record.charges == ({"3102": -charged} if charged else {})
    assert (house.balance("3101"), house.balance("3102")) == (before, 1 - charged)


@pytest.mark.req("pricing-013")
def test_a_group_of_callers_pays_its_own_price_and_the_record_says_so(house: House, folder: Path) -> None:
    secret = house.subscriber("3103", money="5")
    ((group,),) = house.instance.sql(
        "insert into groups_accountgroup (name, comment, created_at) values ('Gold', '', now()) returning id"
    )
    house.instance.sql(
        "insert into groups_groupmember (group_id, account_id) values (%s, %s)", [group, house.ids["3103"]]
    )
    priced(house, "company", "voice", "0.60", group)
    with (
        serving(folder, "carrier", house.port("carrier-budget")) as carrier,
        Caller(folder, "caller", house.sip, EMIRATES, user="3103", password=secret, talk=1) as phone,
    ):
        phone.finish()
        carrier.finish()
    record = house.record(phone.call_id)
    assert record.charges == {"3103": -cost(record.duration, "0.60")} and record.duration
    ((packed,),) = house.instance.sql(
        "select t.packed from cdrs_priceterms t join cdrs_cdrprice p on p.terms = t.id"
        " where p.call_id = %s and p.kind = 'retail'",
        [record.id],
    )
    assert packed[14] == [["caller_group", "Gold"]]
