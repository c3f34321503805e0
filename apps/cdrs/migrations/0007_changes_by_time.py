"""Differences of a re-rating are found by the time of their calls. Made beside the work that goes on, for there may be millions."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("cdrs", "0006_rerating_by_spans"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="pricechange",
            index=models.Index(fields=["rerating", "started_at"], name="price_change_run"),
        ),
        migrations.AlterField(
            model_name="pricechange",
            name="rerating",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="cdrs.rerating",
            ),
        ),
    ]
