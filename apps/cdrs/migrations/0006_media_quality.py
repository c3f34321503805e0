from django.db import migrations, models


class Migration(migrations.Migration):
    """New columns without a value, and a longer word: PostgreSQL rewrites no row for either."""

    dependencies = [("cdrs", "0005_sip_traces")]

    operations = [
        migrations.AlterField(
            "cdr", "media", models.CharField(default="", max_length=12, verbose_name="media")
        ),
        migrations.AddField(
            "cdr",
            "caller_mos",
            models.DecimalField(
                decimal_places=2, help_text="Estimated, 1 to 4.5.", max_digits=3, null=True, verbose_name="the caller heard, MOS"
            ),
        ),
        migrations.AddField(
            "cdr",
            "called_mos",
            models.DecimalField(
                decimal_places=2, help_text="Estimated, 1 to 4.5.", max_digits=3, null=True, verbose_name="the called heard, MOS"
            ),
        ),
        migrations.AddField(
            "cdr",
            "quality",
            models.JSONField(
                help_text="Of each party: packets that came from it, lost on the way to us, jitter in ms; and what it reported by RTCP.",
                null=True,
                verbose_name="quality",
            ),
        ),
    ]
