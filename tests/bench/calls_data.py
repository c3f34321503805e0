"""What the call benchmark needs in the office: a trunk with money, three carriers with 100,000 rates each.

Run as a script in an instance's environment: `python -m tests.bench.calls_data PORT…` with the carriers' SIP ports.
"""

from __future__ import annotations

import io
import os
import sys
from decimal import Decimal

RATES = 100_000
FIRST_PREFIX = 100_000  # six digits each, so that no prefix hides another
CALLER_ADDRESS = "127.0.0.2"
TRUNK = "bench-trunk"


def main(ports: list[int]) -> None:
    from apps.config.services import set_value
    from apps.invoices.services import payments
    from apps.pricing.models import TariffKind
    from apps.pricing.services import assign_tariff, create_tariff, import_rates
    from apps.routing import services as routing
    from apps.users import services as users
    from apps.users.choices import Kind
    from apps.users.models import Account
    from tests import make

    if Account.objects.filter(username=TRUNK).exists():
        return
    set_value(key="max_calls_per_worker", value=20_000)
    trunk = users.open_account(username=TRUNK, kind=Kind.CUSTOMER_TRUNK)
    make.direct(trunk)
    users.set_addresses(account=trunk, networks=[CALLER_ADDRESS])
    payments.enter(account=trunk, amount=Decimal(1_000_000), method="transfer")
    retail = create_tariff(name="bench retail", kind=TariffKind.RETAIL)
    import_rates(tariff=retail, stream=io.BytesIO(price_list("0.05")))
    assign_tariff(account=trunk, tariff=retail)
    rule = routing.create_rule(name="bench", priority=1, caller=trunk, final=True)
    for number, port in enumerate(ports, 1):
        carrier = make.direct(users.open_account(username=f"bench-carrier-{number}", kind=Kind.CARRIER))
        users.set_trunk(account=carrier, host="127.0.0.1", port=port)
        tariff = create_tariff(name=f"bench carrier {number}", kind=TariffKind.CARRIER)
        import_rates(tariff=tariff, stream=io.BytesIO(price_list(f"0.0{number}")))
        assign_tariff(account=carrier, tariff=tariff)
        routing.add_target(rule=rule, carrier=carrier)


def price_list(price: str) -> bytes:
    """A price list of six-digit prefixes in the format that an operator imports."""
    return "".join(f"{FIRST_PREFIX + row},{price}\n" for row in range(RATES)).encode()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    main([int(port) for port in sys.argv[1:]])
