"""Reading a journal while it is written: whole lines, every call once, segments kept as long as needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from switch.charging.journal import Ended, Journal
from switch.charging.spool import Spool

UP = {"k": "up", "id": "a", "started": 1.0, "answered": 2.0, "caller": 7}
END = {"k": "end", "id": "a", "ended": 9.0, "cause": "normal"}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, "n-1-1", segment_bytes=60)


@pytest.fixture
def journal(spool: Spool) -> Journal:
    return Journal(spool.folder)


def ids(found: list[Ended]) -> list[str]:
    return [one.record["id"] for one in found]


def test_a_call_is_handed_out_once_it_ended_with_all_that_is_known(spool: Spool, journal: Journal) -> None:
    spool.append(UP)
    assert journal.read(10) == []
    spool.append(END)
    (ended,) = journal.read(10)
    assert ended.record == UP | END | {"worker": "n-1-1"}
    assert journal.read(10) == []


def test_half_a_line_waits_for_its_other_half(spool: Spool, journal: Journal) -> None:
    file = os.open(spool.folder / "00000001.log", os.O_WRONLY | os.O_APPEND)
    os.write(file, b'{"k":"end","id":"b","star')
    assert journal.read(10) == []
    os.write(file, b'ted":1.0,"ended":2.0}\n')
    assert ids(journal.read(10)) == ["b"]


def test_a_torn_or_senseless_line_does_not_hide_the_others(spool: Spool, journal: Journal) -> None:
    file = os.open(spool.folder / "00000001.log", os.O_WRONLY | os.O_APPEND)
    os.write(file, b'{"k":"end","id"\n[]\n{"k":"what","id":"c"}\n\n')
    spool.append(UP)
    spool.append(END)
    assert ids(journal.read(10)) == ["a"]


def test_a_segment_is_kept_until_its_calls_are_settled(spool: Spool, journal: Journal) -> None:
    spool.append(UP)
    for at in range(10):
        spool.append({"k": "alive", "at": at})
    assert journal.read(10) == []
    journal.tidy()
    left = sorted(file.name for file in spool.folder.glob("*.log"))
    assert left[0] == "00000001.log", "the beginning of a running call was deleted"
    assert len(left) == 2, "segments without calls are not needed"
    spool.append(END)
    assert ids(journal.read(10)) == ["a"]
    journal.tidy()
    assert (spool.folder / "00000001.log").exists(), "the call is not settled yet"
    journal.settled(["a"])
    for at in range(10):
        spool.append({"k": "alive", "at": at})
    journal.read(10)
    journal.tidy()
    assert len(list(spool.folder.glob("*.log"))) == 1


def test_a_new_reader_reads_what_is_there_again(spool: Spool, journal: Journal) -> None:
    for line in (UP, END):
        spool.append(line)
    assert ids(journal.read(10)) == ids(Journal(spool.folder).read(10)) == ["a"]


def test_a_living_worker_is_not_dead_and_a_closed_one_is(spool: Spool, journal: Journal) -> None:
    assert not journal.is_dead()
    spool.close()
    assert journal.is_dead()


def test_calls_of_a_dead_worker_last_until_its_last_sign_of_life(spool: Spool, journal: Journal) -> None:
    spool.append(UP)
    spool.alive(5.0)
    spool.append(UP | {"id": "b", "answered": 6.5})
    spool.append({"k": "up", "id": "b", "authorised": 60})
    spool.close()
    assert journal.is_dead()
    assert journal.read(10) == []
    left = {one.record["id"]: one.record for one in journal.left_over()}
    assert {call: record["ended"] for call, record in left.items()} == {"a": 6.5, "b": 6.5}
    assert (left["b"]["authorised"], left["b"]["caller"]) == (60, 7)
    assert (left["a"]["cause"], left["a"]["by"], left["a"]["caller"]) == ("worker_lost", "switch", 7)
    journal.remove()
    assert not spool.folder.exists()


def test_no_more_is_read_than_asked_for_by_more_than_a_chunk(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n-1-2")
    for number in range(5000):
        spool.append({"k": "end", "id": str(number), "started": 1.0, "ended": 2.0, "comment": "x" * 100})
    journal = Journal(spool.folder)
    first = journal.read(10)
    assert 10 <= len(first) < 5000
    rest = []
    while more := journal.read(1000):
        rest += more
    assert ids(first) + ids(rest) == [str(number) for number in range(5000)]
