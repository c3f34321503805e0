"""What the registration benchmark needs in the office: many subscribers whose secret is known.

Run as a script in an instance's environment: `python -m tests.bench.register_data COUNT`. The first is opened as people
open one; the others are copies of its rows, because opening 100,000 one by one takes longer than everything else.
"""

from __future__ import annotations

import os
import sys

FIRST = 10_000_000
SECRET = "secret-of-the-bench"
ADDRESS = "127.0.0.3"
"""Where all of them register from: a trunk's address, so that the firewall does not take them for a flood."""
BATCH = 5_000


def names(count: int) -> range:
    """The user names, as numbers."""
    return range(FIRST, FIRST + count)


def main(count: int) -> None:
    from apps.config.services import set_value
    from apps.users import services as users
    from apps.users.choices import Kind
    from apps.users.models import Account, SipCredential
    from apps.users.services.secrets import ha1s

    if Account.objects.filter(username=str(FIRST)).exists():
        return
    set_value(key="useshadigestauh", value="md5")  # what the load generator speaks
    trunk = users.open_account(username="bench-door", kind=Kind.CUSTOMER_TRUNK)
    users.set_addresses(account=trunk, networks=[ADDRESS])
    first = users.open_account(username=str(FIRST), kind=Kind.SUBSCRIBER, sip_password=SECRET)
    realm = SipCredential.objects.get(account=first).realm
    fields = {
        field.attname: getattr(first, field.attname)
        for field in Account._meta.concrete_fields
        if field.attname not in {"id", "username", "path"}
    }
    following = names(count)[1:]
    for begin in range(0, len(following), BATCH):
        some = [str(number) for number in following[begin : begin + BATCH]]
        made = Account.objects.bulk_create([Account(**fields, username=name, path="/") for name in some])
        for one in made:
            one.path = f"/{one.pk}/"
        Account.objects.bulk_update(made, ["path"])
        SipCredential.objects.bulk_create(
            SipCredential(account=one, username=one.username, realm=realm, ha1_md5=md5, ha1_sha256=sha256)
            for one in made
            for md5, sha256 in [ha1s(one.username, realm, SECRET)]
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    main(int(sys.argv[1]))
