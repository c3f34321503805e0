"""The account's column of old becomes settings, and means the same."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE, AFTER = [("users", "0004_trunk_by_dns_and_tls")], [("users", "0005_routertp")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("media-014", "media-045")
def test_direct_and_relayed_accounts_keep_what_they_had_below_each_other_too():
    executor = MigrationExecutor(connection)
    last = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "contenttypes"]
    executor.migrate(BEFORE)
    accounts = executor.loader.project_state(BEFORE).apps.get_model("users", "Account")
    top = accounts.objects.create(username="top", kind="reseller", media="direct")
    below = accounts.objects.create(username="below", kind="subscriber", media="relay", parent=top)
    alone = accounts.objects.create(username="alone", kind="subscriber", media="relay")
    for one, path in ((top, f"{top.pk}/"), (below, f"{top.pk}/{below.pk}/"), (alone, f"{alone.pk}/")):
        accounts.objects.filter(pk=one.pk).update(path=path)
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(AFTER)
        own = executor.loader.project_state(AFTER).apps.get_model("users", "AccountSetting")
        found = set(
            own.objects.filter(account__in=[top.pk, below.pk, alone.pk]).values_list(
                "account", "key", "value"
            )
        )
        assert found == {
            (account, key, value)
            for account, value in ((top.pk, "bypass"), (below.pk, "always"))
            for key in ("routertpcaller", "routertpcalled")
        }
        executor = MigrationExecutor(connection)
        executor.migrate(BEFORE)
        back = executor.loader.project_state(BEFORE).apps.get_model("users", "Account")
        modes = dict(back.objects.filter(pk__in=[top.pk, below.pk]).values_list("username", "media"))
        assert modes == {"top": "direct", "below": "relay"}
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(last)
