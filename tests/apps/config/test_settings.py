"""Settings: typed, checked, per node."""

import pytest
from django.core.exceptions import ValidationError

from apps.config import queries, services
from apps.config.models import Setting
from apps.config.registry import SETTINGS

pytestmark = pytest.mark.django_db


def test_without_any_row_every_setting_has_its_default():
    assert queries.effective() == {key: definition.default for key, definition in SETTINGS.items()}


@pytest.mark.parametrize("key", SETTINGS)
def test_every_default_is_a_value_that_may_be_set(key):
    definition = SETTINGS[key]
    services.set_value(key=key, value=definition.write(definition.default))
    assert queries.get(key) == definition.default
    assert str(definition.help)


@pytest.mark.req("config-001")
def test_a_value_is_typed_when_it_is_read():
    services.set_value(key="reroutedisccodes", value="503, 500 503")
    services.set_value(key="hold_seconds", value=" 90 ")
    values = queries.effective()
    assert (values["reroutedisccodes"], values["hold_seconds"]) == ((500, 503), 90)


@pytest.mark.req("config-069", "config-070")
def test_a_node_has_its_own_value_or_everybodys_or_the_default():
    services.set_value(key="maxreroute", value=3)
    services.set_value(key="maxreroute", value=1, node="east")
    assert [queries.get("maxreroute", node) for node in ("east", "west", "")] == [1, 3, 3]
    services.clear_value(key="maxreroute", node="east")
    services.clear_value(key="maxreroute")
    assert queries.effective("east")["maxreroute"] == SETTINGS["maxreroute"].default


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hold_seconds", "a minute"),
        ("hold_seconds", "4"),
        ("hold_seconds", "1e3"),
        ("hold_seconds", ""),
        ("hold_seconds", "٣٠"),
        ("hold_seconds", "9" * 5000),
        ("currency", "XXY"),
        ("prepaid_when_database_away", "maybe"),
        ("reroutedisccodes", "200"),
        ("reroutedisccodes", "busy"),
        ("sip_realm", 'my "realm"'),
        ("sip_realm", ""),
        ("company_account", "x\ny"),
        ("invoice_number_format", "{year}-{sequence}"),
        ("invoice_number_format", "{type}{year}{sequence}/1"),
        ("invoice_number_format", "{type.__class__}"),
        ("invoice_number_format", "{nonsense}"),
    ],
)
def test_a_wrong_value_is_refused_and_the_old_one_stays(key, value):
    with pytest.raises(ValidationError):
        services.set_value(key=key, value=value)
    assert queries.get(key) == SETTINGS[key].default


def test_there_is_no_setting_that_is_not_declared():
    with pytest.raises(ValidationError, match="no setting"):
        services.set_value(key="nosuch", value="1")
    with pytest.raises(KeyError):
        queries.get("nosuch")


@pytest.mark.req("registrar-024")
def test_the_offered_expiry_lies_between_the_accepted_ones():
    with pytest.raises(ValidationError, match="upperexpire"):
        services.set_value(key="upperexpire", value=60 * 60 * 3)
    assert not Setting.objects.exists()


def test_a_hold_is_longer_than_the_time_before_its_end():
    with pytest.raises(ValidationError, match="hold_extend_before"):
        services.set_value(key="hold_extend_before", value=60)


def test_a_value_written_past_the_services_does_not_reach_the_switch():
    Setting.objects.create(key="hold_seconds", value="-1")
    Setting.objects.create(key="unknown", value="1")
    assert queries.effective() == {key: definition.default for key, definition in SETTINGS.items()}
