"""The setting `needauth` in the office: what may be given to whom."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from apps.config.registry.access import NEEDAUTH
from apps.config.services import set_value
from apps.users import services
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("auth-003")
def test_every_way_of_the_guide_has_a_name() -> None:
    assert sorted(number for number in NEEDAUTH.values() if number is not None) == list(range(11))


@pytest.mark.req("auth-012")
def test_an_open_relay_is_refused_until_strong_authentication_is_given_up() -> None:
    trunk = make.customer_trunk()
    with pytest.raises(ValidationError, match="enforcestrongauth"):
        services.set_own(account=trunk, key="needauth", value="open")
    set_value(key="enforcestrongauth", value=False)
    assert services.set_own(account=trunk, key="needauth", value="open").value == "open"


@pytest.mark.parametrize("mode", ["open", "prefix", "user"])
def test_what_anybody_can_imitate_is_not_for_everybody(mode: str) -> None:
    with pytest.raises(ValidationError, match="single accounts"):
        set_value(key="needauth", value=mode)


def test_two_trunks_share_an_address_once_something_else_tells_them_apart() -> None:
    make.customer_trunk(addresses=["192.0.2.7"])
    other = make.customer_trunk()
    with pytest.raises(ValidationError, match="already belongs"):
        services.set_addresses(account=other, networks=["192.0.2.7"])
    services.set_own(account=other, key="needauth", value="address_user")
    assert len(services.set_addresses(account=other, networks=["192.0.2.7"])) == 1


@pytest.mark.req("auth-025")
def test_what_tells_two_trunks_apart_is_not_given_up_while_they_share_an_address() -> None:
    make.customer_trunk(addresses=["192.0.2.7"])
    other = make.customer_trunk()
    with pytest.raises(ValidationError, match="already belongs"):
        services.set_addresses(account=other, networks=["192.0.2.7"])
    services.set_own(account=other, key="needauth", value="address_user")
    services.set_addresses(account=other, networks=["192.0.2.7"])
    with pytest.raises(ValidationError, match="already belongs"):
        services.clear_own(account=other, key="needauth")
    with pytest.raises(ValidationError, match="already belongs"):
        services.set_own(account=other, key="needauth", value="address")
    assert other.settings.get(key="needauth").value == "address_user"


@pytest.mark.req("auth-002")
def test_an_account_has_addresses_networks_and_host_names_as_many_as_it_needs() -> None:
    trunk = make.customer_trunk(
        addresses=["192.0.2.7", "PBX.Example.com.", "pbx.example.com:5070", "192.0.2.64/28"]
    )
    kept = trunk.addresses.order_by("network", "port").values_list("network", "port")
    assert list(kept) == [
        ("192.0.2.64/28", 0), ("192.0.2.7", 0), ("pbx.example.com", 0), ("pbx.example.com", 5070)
    ]  # fmt: skip
    for wrong in ("localhost", "-a.example", "a..b", "300.1.1.1", "a.example/24", "x" * 70 + ".example"):
        with pytest.raises(ValidationError):
            services.set_addresses(account=trunk, networks=[wrong])
