"""sipsak, with which operators probe a switch."""

from __future__ import annotations

import subprocess

import pytest

from tests.flows.house import House
from tests.support import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(60)]


def sipsak(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sipsak", *words], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False
    )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_switch_answers_a_probe(house: House, transport: str) -> None:
    done = sipsak("-vv", "-E", transport, "-s", f"sip:127.0.0.1:{house.sip}")
    assert done.returncode == 0, done.stdout
    assert "SIP/2.0 200 OK" in done.stdout and "Allow:" in done.stdout


def test_it_registers_with_a_digest_and_is_gone_afterwards(house: House) -> None:
    uri = f"sip:1003@127.0.0.1:{house.sip}"
    words = ["-U", "-a", house.passwords["1003"], "-u", "1003", "-s", uri, "-x", "60"]
    done = sipsak(*words, "-C", "sip:1003@127.0.0.1:9")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: "account=1003 registered" in house.instance.log("worker-1") + house.instance.log("worker-2"), 5,
             "the registration")  # fmt: skip
    done = sipsak("-U", "-a", "wrong", "-u", "1003", "-s", uri, "-x", "60", "-C", "sip:1003@127.0.0.1:9")
    assert done.returncode != 0
