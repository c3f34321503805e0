"""Ports and addresses out of the environment."""

from __future__ import annotations

import itertools

import pytest

from switch.net import ConfigError, NetConfig, own_port


def test_the_environment_alone_makes_a_whole_configuration() -> None:
    config = NetConfig.from_env(
        {
            "MIZU_VAR": "/srv/v",
            "MIZU_SIP_PORT": "5070",
            "MIZU_SIP_BIND": "192.0.2.1,[2001:DB8::1]",
            "MIZU_SWITCH_WORKERS": "3",
        },
        worker=2,
    )
    assert (config.shared_port, config.own_port) == (5070, 5070 + 2 * 1013)
    assert config.binds == ("192.0.2.1", "2001:db8::1")
    assert str(config.run_dir) == "/srv/v/run"


@pytest.mark.req("sip-070", "sip-097", "sip-103")
def test_unless_told_otherwise_sip_is_on_port_5060_which_udp_and_tcp_share() -> None:
    """That one port is opened for both is proved by `test_tcp_listens_on_the_same_port_as_udp_and_answers_on_the_connection`."""
    assert NetConfig.from_env({}, worker=1).shared_port == 5060


def test_the_workers_own_ports_can_be_set() -> None:
    env = {"MIZU_SIP_WORKER_PORTS": "5101", "MIZU_SIP_ADVERTISE": "203.0.113.9"}
    config = NetConfig.from_env(env, worker=2)
    assert (config.own_port, config.advertise) == (5102, "203.0.113.9")


@pytest.mark.req("sip-104", "security-050")
def test_tls_is_beside_the_sip_port_and_websocket_where_it_is_put() -> None:
    config = NetConfig.from_env({"MIZU_SIP_WSS_PORT": "8443"}, worker=1)
    assert (config.tls_port, config.ws_port, config.wss_port) == (5061, 0, 8443)
    assert {5060, 5061, 8443} <= config.ports
    assert NetConfig.from_env({"MIZU_SIP_TLS_PORT": "0"}, worker=1).tls_port == 0


def test_each_ip_version_has_its_own_address_behind_a_nat() -> None:
    config = NetConfig.from_env({"MIZU_SIP_ADVERTISE": "2001:db8::9, 203.0.113.9"}, worker=1)
    assert (config.advertised(False), config.advertised(True)) == ("203.0.113.9", "2001:db8::9")
    assert NetConfig.from_env({"MIZU_SIP_ADVERTISE": "203.0.113.9"}, worker=1).advertised(True) is None


def test_secondary_addresses_are_numbered_as_they_are_written() -> None:
    config = NetConfig.from_env({}, worker=1).and_secondary(["192.0.2.1:5070", "[2001:DB8::1]:5080"])
    assert config.secondary == (("192.0.2.1", 5070), ("2001:db8::1", 5080))
    assert {5070, 5080} <= config.ports
    assert config.bind_for("2001:db8::7", 2) == "2001:db8::1" and config.bind_for("2001:db8::7", 1) is None


@pytest.mark.parametrize(
    "texts", [["192.0.2.1"], ["192.0.2.1:0"], ["192.0.2.1:70000"], ["host:5060"], ["192.0.2.1:5060"] * 126]
)
def test_a_wrong_secondary_address_is_named(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="secondarybind"):
        NetConfig.from_env({}, worker=1).and_secondary(texts)


def test_ports_that_meet_are_refused() -> None:
    for env in (
        {"MIZU_SIP_TLS_PORT": "5060"},
        {"MIZU_SIP_WS_PORT": "5061"},
        {"MIZU_SIP_WSS_PORT": "6073"},
    ):
        with pytest.raises(ConfigError, match="must all differ"):
            NetConfig.from_env(env, worker=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIZU_SIP_PORT", "sip"),
        ("MIZU_SIP_PORT", "70000"),
        ("MIZU_SIP_BIND", "localhost"),
        ("MIZU_SIP_BIND", "127.0.0.1,127.0.0.2"),
        ("MIZU_SIP_WORKER_PORTS", "65535"),
        ("MIZU_SIP_ADVERTISE", "nowhere"),
        ("MIZU_SIP_ADVERTISE", "192.0.2.1,192.0.2.2"),
        ("MIZU_SIP_TLS_PORT", "tls"),
        ("MIZU_SIP_WS_PORT", "-1"),
        ("MIZU_SWITCH_WORKERS", "1"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        NetConfig.from_env({name: value}, worker=2)


def test_instances_side_by_side_never_share_a_port() -> None:
    instances = [5060, 5061, 5062, 5070, 5080, 5160, 6060, 6160, 7060, 15060, 25060, 50600]
    ports = [{shared, *(own_port(shared, worker) for worker in range(1, 17))} for shared in instances]
    for one, other in itertools.combinations(ports, 2):
        assert not one & other


def test_no_own_port_leaves_the_range_of_ports() -> None:
    for shared in range(1024, 65536, 7):
        assert all(1024 <= own_port(shared, worker) <= 65535 for worker in range(1, 17))


def test_the_other_workers_are_found_by_their_own_ports_only() -> None:
    env = {
        "MIZU_SIP_PORT": "5070",
        "MIZU_SIP_WORKER_PORTS": "6000",
        "MIZU_SIP_WS_PORT": "5080",
        "MIZU_SWITCH_WORKERS": "3",
    }
    config = NetConfig.from_env(env, 2)
    assert sorted(config.worker_ports - {config.own_port}) == [6000, 6002]
