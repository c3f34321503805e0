"""A call that is recorded because its account's setting says so, or an operator: from real phones to the file that somebody takes."""

from __future__ import annotations

import io
import urllib.request
import wave
from typing import Any

import numpy as np
import pytest

from mizu_site.demo.phone import Phone
from tests.flows.house import House
from tests.recorded import pitch
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]


def begin(house: House, ada: Phone, ben: Phone) -> None:
    for phone in (ada, ben):
        phone.forget()
    ada.dial(f"sip:1002@127.0.0.1:{house.sip}")
    assert ada.wait("CALL_ESTABLISHED"), ada.last_words()


def end(ada: Phone) -> str:
    ada.hang_up()
    closed = ada.wait("CALL_CLOSED")
    assert closed
    return str(closed["id"])


def taken(house: House, path: str) -> bytes:
    request = urllib.request.Request(
        f"{house.instance.url}api/v1/{path}", headers={"Authorization": f"Token {house.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def recorded(house: House, call_id: str) -> dict[str, Any]:
    """The recording of a call, once Celery has made it."""

    def found() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = house.api("GET", f"recordings/?call_id={call_id}")["results"]
        return rows

    (row,) = wait_for(found, 20, f"the recording of {call_id}")
    return row


def pitches(sound: bytes) -> tuple[float, float]:
    with wave.open(io.BytesIO(sound)) as file:
        stereo = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    return pitch(stereo[:, 0]), pitch(stereo[:, 1])


@pytest.mark.req("recording-001", "recording-009", "recording-016", "recording-029")
def test_phones_are_recorded_and_the_file_has_each_on_its_own_side(
    house: House, ada: Phone, ben: Phone
) -> None:
    """First because of the account's setting, then because an operator presses a button."""
    setting = f"accounts/{house.ids['1001']}/settings/record/"
    house.change("PUT", setting, {"value": "outgoing"})
    begin(house, ada, ben)
    ada.wait("NOTHING", 1.0)  # they speak meanwhile
    first = house.record(end(ada))
    house.change("PUT", setting, {"value": None})
    wait_for(lambda: not live_calls(house), 5, "the first call to be told as over")
    begin(house, ada, ben)
    (live,) = wait_for(lambda: [one for one in live_calls(house) if one["state"] == "up"], 5, "the live call")
    assert not live["recorded"]
    house.api("POST", f"current-calls/{live['id']}/record/", {"on": True})
    wait_for(lambda: all(one["recorded"] for one in live_calls(house)), 3, "the recording to be shown")
    ada.wait("NOTHING", 1.0)
    house.api("POST", f"current-calls/{live['id']}/record/", {"on": False})
    wait_for(lambda: not any(one["recorded"] for one in live_calls(house)), 3, "its end to be shown")
    second = house.record(end(ada))
    for record, reason in ((first, "setting"), (second, "operator")):
        row = recorded(house, record.id)
        assert (row["reason"], row["called_number"]) == (reason, "1002")
        assert (row["for_caller"] == house.ids["1001"]) is (reason == "setting")
        low, high = pitches(taken(house, f"recordings/{row['id']}/wav/"))
        assert abs(low - 440) < 10 and abs(high - 560) < 10
    assert house.instance.sql("select username, way from recordings_listening") == [("admin", "wav")] * 2


def live_calls(house: House) -> list[dict[str, Any]]:
    """The calls of 1001."""
    return [one for one in house.api("GET", "current-calls/") if one["caller"] == "1001"]
