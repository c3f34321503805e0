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
    dependencies = [("signalling", "0001_initial")]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        notices_of("signalling_headerrule", "signalling"),
        notices_of("signalling_hangupcause", "signalling"),
    ]
