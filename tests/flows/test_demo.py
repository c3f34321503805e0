"""`mizu demo` against a running instance."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from mizu_site.demo.phone import Phone
from mizu_site.run.place import Fault
from tests.flows.house import House

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]


def baresips_of(house: House) -> list[str]:
    """Phones of the demonstration that still run on the carriers' ports."""
    found = []
    for name in ("carrier-budget", "carrier-solid", "carrier-premium"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", house.port(name)))
            except OSError:
                found.append(name)
    return found


def test_the_demonstration_goes_from_the_phone_to_the_invoice_and_can_be_repeated(house: House) -> None:
    numbers = []
    for _ in range(2):
        before = house.balance("1001")
        done = house.instance.command("demo", timeout=90)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert "Everything was as it should be." in done.stdout
        assert "carrier-budget     503" in done.stdout
        path = Path(
            next(line.split()[-1] for line in done.stdout.splitlines() if line.strip().startswith("PDF "))
        )
        assert path.read_bytes().startswith(b"%PDF-")
        numbers.append(path.stem)
        assert house.balance("1001") < before
        assert not baresips_of(house)
    assert numbers[0] != numbers[1]
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert "Ada Prepaid" in text and "United Arab Emirates" in text


def test_the_demonstration_says_in_one_sentence_which_port_is_taken(house: House) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", house.port("carrier-solid")))
        done = house.instance.command("demo", timeout=90)
    assert done.returncode == 1
    assert str(house.port("carrier-solid")) in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_without_a_running_instance_the_demonstration_says_how_to_start_one(tmp_path: Path) -> None:
    from tests.instance import Instance

    stopped = Instance(workers=1, extra={"MIZU_VAR": str(tmp_path)})
    done = stopped.command("demo")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"mizu: Mizu does not run on {tmp_path}; start it first, with ./mizu up in another window."
    )
    stopped.var.rmdir() if stopped.var.exists() else None


def test_a_phone_says_when_its_folder_is_too_long_to_record_in(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="too long"):
        Phone(tmp_path / ("x" * 90), [], tone=440).start()
