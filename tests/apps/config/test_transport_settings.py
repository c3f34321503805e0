"""Settings that name files, hosts and addresses: what an operator may write, and what is refused with a sentence."""

from __future__ import annotations

import pytest

from apps.config.registry import SETTINGS, BadValue


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("tlscertfile", "/etc/letsencrypt/live/a/full.pem, tls", ("/etc/letsencrypt/live/a/full.pem", "tls")),
        ("tlscertfile", "", ()),
        ("tlsclientca", "tls/trunks.ca", "tls/trunks.ca"),
        ("tlspeernames", "trunk.example.org,*.example.net,192.0.2.7", ("trunk.example.org", "*.example.net", "192.0.2.7")),
        ("websocketorigins", "https://phone.example.com:8443, *.example.net", ("https://phone.example.com:8443", "*.example.net")),
        ("dnsservers", "192.0.2.53,192.0.2.54:5353", ("192.0.2.53", "192.0.2.54:5353")),
        ("secondarybind", "192.0.2.1:5060,[2001:db8::1]:5080", ("192.0.2.1:5060", "[2001:db8::1]:5080")),
        ("usetls", "no", False),
    ],
)  # fmt: skip
def test_what_is_meant_is_understood(key: str, text: str, value: object) -> None:
    assert SETTINGS[key].parse(text) == value
    assert SETTINGS[key].parse(SETTINGS[key].write(value)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("tlscertfile", "../../etc/shadow"),
        ("tlskeyfile", "a\0b"),
        ("tlspeernames", "two words"),
        ("tlspeernames", "*"),
        ("websocketorigins", "ftp://phone.example.com"),
        ("websocketorigins", "https://phone.example.com/page"),
        ("websocketorigins", "https://[::1"),
        ("dnsservers", "ns.example.net"),
        ("dnsservers", "192.0.2.53:0"),
        ("dnsservers", "2001:db8::53"),
        ("secondarybind", "192.0.2.1"),
        ("secondarybind", "2001:db8::1:5060"),
        ("secondarybind", "sip.example.net:5060"),
        ("interface", "126"),
        ("resolvedns", "1"),
        ("stricttransport", "2"),
        ("udpkeepalive", "-1"),
    ],
)
def test_what_cannot_be_meant_is_refused(key: str, text: str) -> None:
    with pytest.raises(BadValue, match=key):
        SETTINGS[key].parse(text)
