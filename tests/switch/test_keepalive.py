"""How empty datagrams are spread over time, and for whom they are."""

from __future__ import annotations

from collections import Counter

import pytest

from switch.keepalive import KeepAlive, translated
from switch.net import Flow
from switch.registrar import Binding


def binding(number: int, *, transport: str = "udp", until: float = 1e9, worker: int = 1) -> Binding:
    flow = Flow(transport, "203.0.113.7", 10_000 + number, False, 0, worker)
    return Binding(f"sip:{number}@192.168.0.2:5060", flow, until, 1.0, "a", 1)


def test_each_phone_gets_one_per_interval_and_no_second_gets_more_than_its_share() -> None:
    phones = {n: [binding(n)] for n in range(300)}
    sent: list[int] = []
    keeper = KeepAlive(lambda: phones, lambda flow, data: sent.append(flow.port), lambda flow: True)
    for second in range(90):
        before = len(sent)
        keeper.tick(second, 1.0, 30)
        assert len(sent) - before <= 11
    assert set(Counter(sent).values()) == {3} and len(set(sent)) == 300


def test_only_phones_on_udp_behind_a_nat_of_this_worker_that_are_still_registered_get_any() -> None:
    phones = {
        1: [binding(1, transport="tls")],
        2: [binding(2, until=5.0)],
        3: [binding(3, worker=2)],
        4: [Binding("sip:4@203.0.113.7:10004", binding(4).flow, 1e9, 1.0, "a", 1)],
        5: [binding(5)],
    }
    sent: list[int] = []
    keeper = KeepAlive(
        lambda: phones, lambda flow, data: sent.append(flow.port), lambda flow: flow.worker == 1
    )
    for second in range(10, 20):
        keeper.tick(second, 1.0, 1)
    assert set(sent) == {10_005}


@pytest.mark.req("nat-017")
def test_none_are_sent_when_they_are_turned_off() -> None:
    sent: list[int] = []
    keeper = KeepAlive(lambda: {1: [binding(1)]}, lambda flow, data: sent.append(1), lambda flow: True)
    keeper.tick(0, 1.0, 0)
    assert not sent


@pytest.mark.parametrize(
    ("uri", "is_"),
    [
        ("sip:a@203.0.113.7:10001", False),
        ("sip:a@203.0.113.7:10002", True),
        ("sip:a@192.168.0.2:10001", True),
        ("sip:a@[::1]:10001", True),
        ("nonsense", True),
    ],
)
def test_a_contact_that_names_another_place_shows_that_somebody_translates(uri: str, is_: bool) -> None:
    assert translated(Binding(uri, binding(1).flow, 1e9, 1.0, "a", 1)) is is_
