"""Whatever is missing or wrong gives one clear sentence and a non-zero exit."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.instance import Instance
from tests.support import free_port


@pytest.fixture
def stopped() -> Iterator[Instance]:
    one = Instance(workers=1)
    yield one
    one.discard()


def refusal(instance: Instance, **changes: str) -> str:
    """The one sentence with which this instance refuses to start."""
    instance.asked |= changes
    refused = instance.command("up", "--detach")
    assert refused.returncode == 1, refused.stdout
    assert refused.stderr.startswith("mizu: ")
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    return refused.stderr


def test_a_taken_web_port(stopped: Instance) -> None:
    with socket.create_server(("127.0.0.1", stopped.http_port)):
        sentence = refusal(stopped)
    assert f"TCP port {stopped.http_port} on 127.0.0.1 is taken" in sentence
    assert "MIZU_HTTP_PORT" in sentence


def test_a_taken_sip_port(stopped: Instance) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", stopped.sip_port))
        sentence = refusal(stopped)
    assert f"UDP port {stopped.sip_port} on 127.0.0.1 is taken" in sentence


def test_a_taken_port_of_a_worker(stopped: Instance) -> None:
    port = int(stopped.asked["MIZU_SIP_WORKER_PORTS"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", port))
        sentence = refusal(stopped)
    assert f"UDP port {port} on 127.0.0.1 is taken" in sentence
    assert "MIZU_SIP_WORKER_PORTS" in sentence


def test_too_few_media_ports_for_the_workers(stopped: Instance) -> None:
    sentence = refusal(stopped, MIZU_RTP_PORTS="20001-20008", MIZU_SWITCH_WORKERS="4")
    assert "MIZU_RTP_PORTS is '20001-20008': that is room for 3 media streams" in sentence


def test_an_address_that_is_not_ours(stopped: Instance) -> None:
    assert "MIZU_SIP_BIND" in refusal(stopped, MIZU_SIP_BIND="192.0.2.1")


def test_an_unreachable_database(stopped: Instance) -> None:
    sentence = refusal(stopped, DATABASE_URL=f"postgres://somebody:secret@127.0.0.1:{free_port()}/mizu")
    assert "DATABASE_URL" in sentence
    assert "Connection refused" in sentence
    assert "secret" not in sentence


def test_a_database_that_does_not_exist(stopped: Instance) -> None:
    parts = urlsplit(os.environ["DATABASE_URL"])
    sentence = refusal(stopped, DATABASE_URL=urlunsplit(parts._replace(path="/nowhere")))
    assert 'database "nowhere" does not exist' in sentence


def test_another_database_engine(stopped: Instance) -> None:
    assert "must begin with postgres://" in refusal(stopped, DATABASE_URL="mysql://127.0.0.1/mizu")


def test_an_unreachable_redis(stopped: Instance) -> None:
    assert "REDIS_URL" in refusal(stopped, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")


def test_a_state_directory_that_cannot_be_made(stopped: Instance, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written" in refusal(stopped, MIZU_VAR=str(tmp_path / "file" / "var"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIZU_HTTP_PORT", "0"),
        ("MIZU_HTTP_PORT", "eighty"),
        ("MIZU_SIP_PORT", "70000"),
        ("MIZU_SIP_BIND", "localhost:5060"),
        ("MIZU_SWITCH_WORKERS", "0"),
        ("MIZU_RTP_PORTS", "20000"),
        ("MIZU_RTP_PORTS", "21000-20000"),
    ],
)
def test_a_bad_value_is_named(stopped: Instance, name: str, value: str) -> None:
    sentence = refusal(stopped, **{name: value})
    assert name in sentence
    assert repr(value) in sentence


def test_an_unknown_command(stopped: Instance) -> None:
    refused = stopped.command("upp")
    assert refused.returncode == 2
    assert "there is no command 'upp'" in refused.stderr


def test_help_names_every_command_and_variable(stopped: Instance) -> None:
    shown = stopped.command("--help")
    assert shown.returncode == 0
    for word in (
        "up [--detach]",
        "down",
        "status",
        "logs",
        "demo",
        "token",
        "test",
        "lint",
        "bench",
        "MIZU_RTP_PORTS",
    ):
        assert word in shown.stdout
