"""What tests of calls in a `Town` share: rooms with settings, rung and answered calls, what the journal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from switch.sip.message import Request, Response
from tests.support_sip import sdp
from tests.switch.call.town import Citizen, Town

NUMBER = "49301234567"


def settle(town: Town, folder: Path, account: str = "", **settings: Any) -> None:
    """Give settings a value, for everybody or for one account; the worker has the new world at once."""
    for key, value in settings.items():
        if account:
            town.office.rows["overrides"].append([town.ids[account], key, value])
        else:
            town.office.settings[key] = value
    town.world = town.office.world(folder / "world")


def records(town: Town) -> list[dict[str, Any]]:
    """The whole records of all calls that have ended."""
    texts = [path.read_text() for path in sorted(town.spool.folder.glob("*.log"))]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    ups = {line["id"]: line for line in lines if line["k"] == "up" and "caller" in line}
    return [{**ups.get(line["id"], {}), **line} for line in lines if line["k"] == "end"]


def rung(rich: Citizen, one: Citizen, headers: Any = (), **fields: Any) -> tuple[Request, Request]:
    """The INVITE in, and the one that went out."""
    invite = rich.invite(NUMBER, headers=headers, **fields)
    rich.send(invite)
    return invite, one.asked("INVITE")


def up(
    rich: Citizen, one: Citizen, headers: Any = (), *, answer_headers: Any = (), **fields: Any
) -> tuple[Request, Response, Request, Response]:
    """A call that both sides have acknowledged."""
    invite, out = rung(rich, one, headers, **fields)
    answer = one.answer(out, 200, body=sdp(41000), headers=answer_headers)
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    one.asked("ACK")
    return invite, ok, out, answer


def hang_up(rich: Citizen, one: Citizen, invite: Request, ok: Response, cseq: int = 9) -> None:
    """The caller ends it."""
    rich.within("BYE", invite, ok, cseq=cseq)
    rich.told(200, "BYE")
    one.answer(one.asked("BYE"), 200)


def declined(rich: Citizen, one: Citizen, invite: Request, out: Request, status: int = 486) -> Response:
    """The called refuses, and the caller hears it."""
    one.answer(out, status)
    refusal = rich.told(status)
    rich.ack(invite, refusal)
    return refusal
