from django.db import migrations, models

KEYS = ("routertpcaller", "routertpcalled")


def to_settings(apps, schema_editor):
    """An account's column becomes settings of its own. Settings hold below an account too, which the column did not: who stands
    below a direct account and was relayed says so itself."""
    Account, Own = apps.get_model("users", "Account"), apps.get_model("users", "AccountSetting")
    direct = set(Account.objects.filter(media="direct").values_list("pk", flat=True))
    rows = [(pk, "bypass") for pk in direct]
    if direct:
        relayed = Account.objects.filter(media="relay").values_list("pk", "path")
        above = ((pk, {int(one) for one in path.split("/") if one} - {pk}) for pk, path in relayed.iterator())
        rows += [(pk, "always") for pk, ids in above if ids & direct]
    Own.objects.bulk_create(
        [Own(account_id=pk, key=key, value=value) for pk, value in rows for key in KEYS],
        ignore_conflicts=True,
        batch_size=1000,
    )


def to_column(apps, schema_editor):
    """Back: direct is who bypasses as a caller; every other mode is relayed."""
    Account, Own = apps.get_model("users", "Account"), apps.get_model("users", "AccountSetting")
    direct = Own.objects.filter(key="routertpcaller", value__in=("bypass", "correct")).values("account_id")
    Account.objects.filter(pk__in=direct).update(media="direct")
    Own.objects.filter(key__in=KEYS).delete()


class Migration(migrations.Migration):
    dependencies = [("users", "0004_trunk_by_dns_and_tls")]

    operations = [
        migrations.RunPython(to_settings, to_column),
        # In one migration with the data: PostgreSQL alters no table that has trigger events pending.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RemoveField(model_name="account", name="media"),
    ]
