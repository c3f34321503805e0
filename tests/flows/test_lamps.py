"""Busy lamps on a running system: a call that another worker carries lights the lamp of a watcher at this one."""

from __future__ import annotations

import pytest

from mizu_site.demo.phone import Phone
from switch.sip.digest import MD5
from switch.sip.message import Request, Response
from tests.flows.house import House
from tests.support_sip import Peer

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]
NUMBER = "1002"


def subscribed(house: House, watcher: Peer) -> str:
    """Subscribe to the calls of the phone; the label of the worker that has taken it, as tags bear it."""
    uri = f"sip:{NUMBER}@127.0.0.1:{house.sip}"
    headers = (("Event", "dialog"), ("Expires", "600"), ("Accept", "application/dialog-info+xml"))
    first = watcher.request("SUBSCRIBE", uri, headers=headers)
    watcher.send(first)
    proof = watcher.proof(watcher.told(401), "SUBSCRIBE", uri, house.passwords[watcher.user], MD5)
    again = Request("SUBSCRIBE", uri, list(first.headers))
    again.set("Via", watcher.via())
    again.set("CSeq", f"{first.cseq.number + 1} SUBSCRIBE")
    again.headers.append(("Authorization", proof))
    watcher.send(again)
    while True:
        message = watcher.receive()
        if isinstance(message, Response) and message.status == 200:
            return (message.to.tag or "").partition("-")[0]
        if isinstance(message, Request):
            watcher.answer(message, 200)


def shines(watcher: Peer, seconds: float) -> bool:
    """Whether the lamp shines within that time."""
    try:
        while True:
            notify = watcher.asked("NOTIFY", seconds)
            watcher.answer(notify, 200)
            if b"<state>confirmed</state>" in notify.body:
                return True
    except AssertionError:
        return False


def test_the_lamp_shines_whichever_worker_carries_the_call(house: House, ada: Phone, ben: Phone) -> None:
    watcher = Peer(house.sip, "1001")
    label = subscribed(house, watcher)
    seen: set[bool] = set()
    for _ in range(8):
        ada.forget(), ben.forget()
        ada.dial(f"sip:{NUMBER}@127.0.0.1:{house.sip}")
        established = ada.wait("CALL_ESTABLISHED")
        assert established, ada.last_words()
        assert shines(watcher, 5), "the lamp stays dark"
        ada.hang_up()
        closed = ada.wait("CALL_CLOSED")
        assert closed and ben.wait("CALL_CLOSED")
        worker = str(house.record(str(closed["id"])).worker)
        seen.add(f"-{label.removeprefix('w')}-" in worker)
        if len(seen) == 2:
            break
    assert seen == {True, False}, "all calls went to one worker"
    watcher.close()
