"""What runs by the clock. As rows, because an operator may move or stop them in the admin; made once, then theirs."""

from django.db import migrations

#: name: (task, minute, hour, day of the month), UTC. The first of a month begins last at UTC-12.
JOBS = {
    "Partitions of the coming months": ("apps.cdrs.tasks.make_partitions", "10", "1", "*"),
    "Invoices of last month": ("apps.invoices.tasks.issue_monthly_invoices", "30", "15", "1-3"),
    "Invoices that wait for delivery": ("apps.invoices.tasks.deliver_waiting_invoices", "*/10", "*", "*"),
}


def make(apps, schema_editor):
    crontab_model = apps.get_model("django_celery_beat", "CrontabSchedule")
    task_model = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, (task, minute, hour, day) in JOBS.items():
        crontab, _ = crontab_model.objects.get_or_create(
            minute=minute, hour=hour, day_of_month=day, month_of_year="*", day_of_week="*", timezone="UTC"
        )
        task_model.objects.get_or_create(name=name, defaults={"task": task, "crontab": crontab})


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=JOBS).delete()


class Migration(migrations.Migration):
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(make, remove)]
