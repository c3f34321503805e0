"""The hangup causes that the switch ends calls by; and changes of both tables are told to it (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of
from apps.signalling.causes import CAUSES


def fill(apps, schema_editor):
    causes = apps.get_model("signalling", "HangupCause").objects
    causes.bulk_create(
        [causes.model(name=name, sip_status=status, q850=q850, text=text) for name, status, q850, text in CAUSES],
        ignore_conflicts=True,
    )



class Migration(migrations.Migration):
    replaces = [
        ("signalling", "0002_causes"),
        ("signalling", "0003_money_causes"),
        ("signalling", "0004_ruled_out"),
        ("signalling", "0005_screening_causes"),
    ]
    dependencies = [
        ("signalling", "0001_initial"),
    ]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        notices_of("signalling_headerrule", "signalling"),
        notices_of("signalling_hangupcause", "signalling"),
    ]
