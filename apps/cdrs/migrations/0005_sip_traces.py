from django.db import migrations, models

#: name → (task, every so many, of what)
JOBS = {
    "SIP traces of the switch": ("apps.cdrs.tasks.store_sip_traces", 5, "seconds"),
    "SIP traces that are old": ("apps.cdrs.tasks.forget_old_sip_traces", 1, "hours"),
}


def make(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    task_model = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, (task, every, period) in JOBS.items():
        interval, _ = interval_model.objects.get_or_create(every=every, period=period)
        task_model.objects.get_or_create(name=name, defaults={"task": task, "interval": interval})


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=JOBS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("cdrs", "0004_hang_up_permission"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [
        migrations.CreateModel(
            name="SipTrace",
            fields=[
                ("call_id", models.UUIDField(primary_key=True, serialize=False, verbose_name="call")),
                ("started_at", models.DateTimeField(db_index=True, verbose_name="started")),
                ("messages", models.BinaryField()),
            ],
            options={"verbose_name": "SIP trace", "verbose_name_plural": "SIP traces"},
        ),
        migrations.RunPython(make, remove),
    ]
