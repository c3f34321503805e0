"""A re-rating is put in force span by span: how far it is. Of those that were applied at once, all of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdrs", "0005_services_of_calls"),
    ]

    operations = [
        migrations.AlterField(
            model_name="rerating",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("reckoning", "reckoning"),
                    ("ready", "differences are ready"),
                    ("applying", "being applied"),
                    ("applied", "applied"),
                    ("cancelled", "cancelled"),
                    ("failed", "failed"),
                ],
                default="waiting",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="rerating",
            name="applied_until",
            field=models.DateTimeField(
                help_text="Empty: no price has changed.", null=True, verbose_name="in force for calls before"
            ),
        ),
        migrations.AddField(
            model_name="rerating",
            name="overtaken",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text="Prices that somebody else changed while this was applied; they stay as they are.",
                verbose_name="changed by hand meanwhile",
            ),
        ),
        migrations.RunSQL(
            "UPDATE cdrs_rerating SET applied_until = until WHERE state = 'applied'", migrations.RunSQL.noop
        ),
    ]
