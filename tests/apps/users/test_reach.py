"""Trunks of carriers, and addresses that calls come from."""

import hashlib

import pytest
from django.core.exceptions import ValidationError

from apps.users import services, snapshot
from tests import make

pytestmark = pytest.mark.django_db


def addresses(account):
    return [str(each) for each in account.addresses.order_by("id")]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7/32 ", "192.0.2.7"),
        ("192.0.2.9/28", "192.0.2.0/28"),
        ("192.0.2.7:5070", "192.0.2.7:5070"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]:5062", "2001:db8::1:5062"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (("192.0.2.7", 5080), "192.0.2.7:5080"),
    ],
)
def test_an_address_is_kept_in_one_spelling(written, kept):
    assert addresses(make.customer_trunk(addresses=[written])) == [kept]


@pytest.mark.parametrize(
    "bad", ["", "example", "192.0.2.256", "192.0.2.1/33", "0.0.0.0/0", "::/0", "192.0.2.1:70000"]
)
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(ValidationError):
        make.customer_trunk(addresses=[bad])


def test_setting_addresses_replaces_those_there_were():
    trunk = make.customer_trunk(addresses=["192.0.2.1", "192.0.2.2"])
    services.set_addresses(account=trunk, networks=["192.0.2.2", "192.0.2.3"])
    assert sorted(addresses(trunk)) == ["192.0.2.2", "192.0.2.3"]


def test_an_address_belongs_to_one_account_only():
    make.customer_trunk(addresses=["192.0.2.7"])
    with pytest.raises(ValidationError, match="already belongs"):
        make.customer_trunk(addresses=["192.0.2.7/32"])


def test_two_accounts_share_an_address_by_tech_prefix_or_port():
    make.customer_trunk(addresses=["192.0.2.7"])
    assert make.customer_trunk(addresses=["192.0.2.7"], tech_prefix="77").addresses.count() == 1
    assert make.customer_trunk(addresses=["192.0.2.7:5070"]).addresses.count() == 1


@pytest.mark.req("dialplan-002", "dialplan-029")
def test_lists_of_tech_prefixes_share_an_address_only_if_they_have_none_in_common():
    make.customer_trunk(addresses=["192.0.2.7"], tech_prefix="77,78")
    other = make.customer_trunk(addresses=["192.0.2.7"], tech_prefix="79, 7*")
    with pytest.raises(ValidationError, match="already belongs"):
        services.change_account(account=other, tech_prefix="79,78")
    for wrong in ("7,,8", "7;8", "1" * 17, ","):
        with pytest.raises(ValidationError, match="with commas"):
            services.change_account(account=other, tech_prefix=wrong)


def test_a_tech_prefix_cannot_be_changed_into_that_of_a_neighbour():
    make.customer_trunk(addresses=["192.0.2.7"])
    other = make.customer_trunk(addresses=["192.0.2.7"], tech_prefix="77")
    with pytest.raises(ValidationError, match="already belongs"):
        services.change_account(account=other, tech_prefix="")


def test_a_carriers_password_is_kept_as_digests():
    carrier = make.carrier()
    trunk = services.set_trunk(
        account=carrier, host="SIP.example.com", port=5060, username="us", realm="them", password="secret"
    )
    assert (trunk.host, trunk.ha1_md5) == ("sip.example.com", hashlib.md5(b"us:them:secret").hexdigest())


def test_a_carriers_password_stays_until_its_user_name_changes():
    carrier = make.carrier()
    first = services.set_trunk(
        account=carrier, host="192.0.2.1", username="us", realm="them", password="secret"
    )
    again = services.set_trunk(account=carrier, host="192.0.2.2", username="us", realm="them")
    assert again.ha1_md5 == first.ha1_md5
    with pytest.raises(ValidationError, match="password again"):
        services.set_trunk(account=carrier, host="192.0.2.2", username="you", realm="them")


@pytest.mark.parametrize("host", ["", "a b", "-x.com", "300.1.1.1", "x" * 260, "evil\r\nVia: x", "a..b"])
def test_what_is_no_host_is_refused(host):
    with pytest.raises(ValidationError):
        services.set_trunk(account=make.account("carrier"), host=host)


def test_only_a_carrier_has_a_trunk():
    with pytest.raises(ValidationError):
        services.set_trunk(account=make.subscriber(), host="192.0.2.1")


@pytest.mark.parametrize(("transport", "port"), [("tls", 5061), ("tls", 0), ("auto", 0), ("tcp", 0)])
def test_a_carrier_may_be_reached_by_tls_or_as_dns_says(transport: str, port: int):
    trunk = services.set_trunk(account=make.carrier(), host="carrier.example", port=port, transport=transport)
    assert (trunk.transport, trunk.port) == (transport, port)
    [row] = snapshot.trunks()
    assert list(row[1:4]) == ["carrier.example", port, transport]


@pytest.mark.parametrize(("transport", "port"), [("ws", 5060), ("", 5060), ("udp", 65536), ("udp", -1)])
def test_a_transport_or_port_that_no_carrier_has_is_refused(transport: str, port: int):
    with pytest.raises(ValidationError):
        services.set_trunk(account=make.carrier(), host="carrier.example", port=port, transport=transport)
