"""Changes of these tables are told to the switch (see `apps.core.notify`), and what runs by the clock."""

from django.db import migrations

from apps.core.jobs import NEEDED, at
from apps.core.notify import notices_of


class Migration(migrations.Migration):
    replaces = [
        ("users", "0002_notices"),
        ("users", "0003_account_settings"),
        ("users", "0004_trunk_by_dns_and_tls"),
        ("users", "0005_routertp"),
        ("users", "0006_trunk_accounts"),
        ("users", "0007_phone_status"),
        ("users", "0008_trunk_account_credit"),
        ("users", "0009_trunk_backup"),
        ("users", "0010_contacts_and_contracts"),
        ("users", "0011_known_numbers"),
        ("users", "0012_lockouts"),
    ]
    dependencies = [
        ("users", "0001_initial"),
        NEEDED,
    ]
    operations = [
        notices_of("users_account", "accounts"),
        notices_of("users_sipcredential", "accounts"),
        notices_of("users_sourceaddress", "accounts"),
        notices_of("users_trunk", "accounts"),
        notices_of("users_accountsetting", "accounts"),
        notices_of("users_trunkaccount", "accounts"),
        notices_of("users_knownnumber", "accounts"),
        at({}, "Phones' states for lists and reports", "apps.users.tasks.store_phones"),
        at({"minute": "40", "hour": "2"}, "Weak SIP passwords", "apps.users.tasks.look_for_weak_secrets"),
        at({"minute": "25"}, "Counters of wrong passwords", "apps.users.tasks.forget_lockouts"),
    ]
