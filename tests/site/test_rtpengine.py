"""The rtpengine that an instance runs of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mizu_site.run import packages, services
from mizu_site.run.place import Fault, Place
from tests.support import free_port, free_ports, wait_for


def place(tmp_path: Path, **variables: str) -> Place:
    return Place.read({"MIZU_VAR": str(tmp_path), **variables})


@pytest.mark.req("media-013")
def test_it_is_run_and_asked_for_only_by_an_instance_that_wants_one(tmp_path: Path) -> None:
    without = place(tmp_path)
    assert "rtpengine" not in {one.name for one in services.programs(without)}
    assert packages.RTPENGINE not in packages.runtime(without)
    port, first = free_port(), free_ports(20)
    wanted = place(tmp_path, MIZU_RTPENGINE=str(port), MIZU_RTPENGINE_PORTS=f"{first}-{first + 19}")
    assert packages.RTPENGINE in packages.runtime(wanted)
    service = next(one for one in services.programs(wanted) if one.name == "rtpengine")
    assert not service.answers(0)
    process = subprocess.Popen(service.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: service.answers(process.pid), 10, "rtpengine")
    finally:
        process.send_signal(service.stop_signal)
        process.wait(10)


@pytest.mark.parametrize(
    ("name", "value"), [("MIZU_RTPENGINE", "x"), ("MIZU_RTPENGINE", "70000"), ("MIZU_RTPENGINE_PORTS", "5")]
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(Fault, match=name):
        place(tmp_path, **{name: value})
