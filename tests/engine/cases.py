"""Turns the rows of `rating_cases.tsv` into terms: one reader per notation that the rows use."""

import csv
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from apps.core.values import Rounding, TimeWindow, to_micros
from apps.pricing.engine import Band, Terms, Tier

ROUNDINGS = {
    "half_up": Rounding.HALF_UP,
    "half_away": Rounding.HALF_UP,
    "up": Rounding.UP,
    "away": Rounding.UP,
    "down": Rounding.DOWN,
}
WEEKDAYS, WEEKEND = 31, 96

NOT_OURS = {
    "RC083": "fees for attempts that fail are no part of a call's rating: zero seconds cost nothing",
    "RC137": "the other school of increments (on the total); ours counts them on the rest, as RC138",
}


@dataclass(frozen=True)
class Case:
    id: str
    kind: str
    definition: str
    start: int
    seconds: str
    expected: Decimal

    def json(self) -> dict:
        """The JSON part of the definition."""
        return json.loads(self.definition[: self.definition.rindex("}") + 1])


def read() -> list[Case]:
    with (Path(__file__).parent / "rating_cases.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Case(
            r["case_id"],
            r["kind"],
            r["rate_definition"],
            _start(r["start_time"]),
            r["duration_s"],
            Decimal(r["exact_recomputed"]),
        )
        for r in rows
    ]


def _start(text: str) -> int:
    if text.startswith("T"):  # a time on any day
        text = "2020-01-06" + text
    if not text or text == "any":
        return 0
    return int(datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp())


def micros(number: float | str) -> int:
    return to_micros(Decimal(str(number)))


def terms(case: Case) -> Terms:
    """The terms that a cost or billed-seconds row describes."""
    if case.id == "RC119":
        return _alternating_minutes()
    data = case.json()
    options = _rounding(data, case.definition)
    if "bands" in data:
        return Terms(_week_bands(data["bands"]), **options)
    return Terms((_single(data, case.definition),), **options)


def _rounding(data: dict, words: str) -> dict:
    found = re.search(r"round (up|down) (\d)", words)
    vat = re.search(r"vat=(\d+)", words)
    return {
        "rounding": ROUNDINGS[data.get("round", found[1] if found else "half_up")],
        "decimals": data.get("dec", int(found[2]) if found else 6),
        "vat_ppm": int(vat[1]) * 10_000 if vat else 0,
    }


def _band(
    steps: list[Tier],
    connect: float = 0,
    window: TimeWindow | None = None,
    *,
    least: float = 0,
    most: float = 0,
) -> Band:
    return Band(
        window,
        1,
        "",
        micros(connect),
        tuple(steps),
        minimum_charge=micros(least),
        maximum_charge=micros(most),
    )


def _single(data: dict, words: str) -> Band:
    if "groups" in data:
        capped = data.get("max_cost", 0) if words.endswith("strategy=free") else 0
        return _band(
            [Tier(s, micros(price), per, step) for s, price, per, step in data["groups"]],
            data.get("connect", 0),
            most=capped,
        )
    if "cost" in data:  # of the whole call, however long
        return _band([Tier(0, 0, 0, 1)], data["cost"], least=data.get("min", 0), most=data.get("max", 0))
    if "increment_cost" in data:
        return _band([Tier(0, micros(data["increment_cost"]), 1, 1)])
    if (
        "free_s" in data
    ):  # the first interval lies within the free time, what is left runs on the following one
        assert data["init_s"] <= data["free_s"]
        return _band([Tier(0, 0, 0, 1), Tier(data["free_s"], micros(data["rate_s"]), 1, data["follow_s"])])
    if "init_rate_s" in data:
        connect = 0
        first, following = micros(data["init_rate_s"]), micros(data["follow_rate_s"])
        init, step = data["init_s"], data["follow_s"]
        steps = [Tier(0, first, 1, init), Tier(init, following, 1, step)]
        if data.get("extra_second") == 0:  # charged as soon as the call lasts: a connect fee
            connect = data["extra_rate"]
        elif "extra_second" in data:  # charged with the step that begins then
            assert data["extra_second"] == init
            dear = Tier(init, following * step + micros(data["extra_rate"]), step, step)
            steps = [steps[0], dear, Tier(init + step, following, 1, step)]
        return _band(steps, connect)
    first, following = micros(data["init_rate_min"]), micros(data["next_rate_min"])
    steps = [Tier(0, first, 60, data["init_s"]), Tier(data["init_s"], following, 60, data["next_s"])]
    return _band(steps, data.get("connect", 0))


def _week_bands(rows: list[dict]) -> tuple[Band, ...]:
    peak, off_peak = rows
    assert (peak["dow"], peak["time"]) == ("1-5", "00:00-18:00")
    assert off_peak["dow"] == "1-5 18:00-24:00 and 6-7"

    def made(row: dict, window: TimeWindow) -> Band:
        return _band([Tier(0, micros(row["rate"]), row["per"], row["step"])], row["connect"], window)

    return (
        made(peak, TimeWindow(WEEKDAYS, 0, 18 * 60)),
        made(off_peak, TimeWindow(WEEKDAYS, 18 * 60, 24 * 60)),
        made(off_peak, TimeWindow(WEEKEND, 0, 24 * 60)),
    )


def _alternating_minutes() -> Terms:
    """Off-peak until 08:00 and in every other minute from 08:01 on, peak in between."""
    cheap = [Tier(0, micros(4), 60, 1), Tier(1, micros(2), 60, 1)]
    dear = [Tier(0, micros(20), 60, 1)]
    windows = [
        TimeWindow(start=0, end=480),
        *(TimeWindow(start=481 + 2 * n, end=482 + 2 * n) for n in range(5)),
    ]
    return Terms((*(_band(cheap, window=window) for window in windows), _band(dear)))


def expected_micros(case: Case) -> int:
    """The exact figure at the six decimals that money has here."""
    return to_micros(case.expected.quantize(Decimal("0.000001"), ROUND_HALF_UP))
