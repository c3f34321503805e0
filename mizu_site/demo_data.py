"""What a newcomer finds: a company, a reseller, three subscribers, a trunk, three carriers, prices and a route.

Made once. All of it goes through the services, so it is made exactly as an operator would make it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.config import services as config
from apps.invoices.services import payments
from apps.pricing import services as pricing
from apps.pricing.models import Tariff, TariffKind
from apps.routing import services as routing
from apps.users import services as users
from apps.users.models import Account
from mizu_site.environment import Environment

Login = dict[str, str]

#: Prefix, destination and retail price per minute in EUR; carriers' prices are parts of it.
DESTINATIONS = (
    ("1", "USA and Canada", "0.02"),
    ("20", "Egypt", "0.16"),
    ("27", "South Africa", "0.09"),
    ("30", "Greece", "0.03"),
    ("3069", "Greece mobile", "0.07"),
    ("31", "Netherlands", "0.03"),
    ("316", "Netherlands mobile", "0.08"),
    ("33", "France", "0.02"),
    ("336", "France mobile", "0.06"),
    ("337", "France mobile", "0.06"),
    ("34", "Spain", "0.02"),
    ("346", "Spain mobile", "0.06"),
    ("36", "Hungary", "0.03"),
    ("361", "Hungary Budapest", "0.02"),
    ("3620", "Hungary mobile", "0.06"),
    ("3630", "Hungary mobile", "0.06"),
    ("3670", "Hungary mobile", "0.06"),
    ("39", "Italy", "0.02"),
    ("393", "Italy mobile", "0.07"),
    ("40", "Romania", "0.03"),
    ("407", "Romania mobile", "0.05"),
    ("41", "Switzerland", "0.04"),
    ("417", "Switzerland mobile", "0.12"),
    ("420", "Czech Republic", "0.03"),
    ("421", "Slovakia", "0.03"),
    ("43", "Austria", "0.03"),
    ("436", "Austria mobile", "0.07"),
    ("44", "United Kingdom", "0.02"),
    ("447", "United Kingdom mobile", "0.05"),
    ("45", "Denmark", "0.02"),
    ("46", "Sweden", "0.02"),
    ("467", "Sweden mobile", "0.05"),
    ("47", "Norway", "0.02"),
    ("48", "Poland", "0.02"),
    ("49", "Germany", "0.02"),
    ("4915", "Germany mobile", "0.06"),
    ("4916", "Germany mobile", "0.06"),
    ("4917", "Germany mobile", "0.06"),
    ("52", "Mexico", "0.03"),
    ("55", "Brazil", "0.04"),
    ("61", "Australia", "0.03"),
    ("614", "Australia mobile", "0.08"),
    ("81", "Japan", "0.05"),
    ("86", "China", "0.03"),
    ("90", "Turkey", "0.05"),
    ("91", "India", "0.03"),
    ("971", "United Arab Emirates", "0.22"),
)
#: User name, name, part of the retail price it charges, port above the switch's own.
CARRIERS = (
    ("carrier-budget", "Budget Carrier", "0.50", 20),
    ("carrier-solid", "Solid Carrier", "0.60", 30),
    ("carrier-premium", "Premium Carrier", "0.75", 40),
)


def exists() -> bool:
    """Whether it has been made, or somebody has begun to work with accounts of his own."""
    return Account.objects.exists()


@transaction.atomic
def administrator(environment: Environment) -> list[Login]:
    """Nothing but somebody who can log in and begin (docs/first-steps.md)."""
    secret = users.new_password()
    users.open_account(username="admin", kind="admin", display_name="Administrator", password=secret)
    url = f"http://127.0.0.1:{environment.http_port}/admin/"
    return [{"what": "administrator", "url": url, "username": "admin", "password": secret}]


@transaction.atomic
def make(environment: Environment) -> list[Login]:
    """Make everything, or nothing; returns the logins with the passwords, which are stored nowhere else."""
    logins: list[Login] = []
    web = f"http://127.0.0.1:{environment.http_port}/"
    sip = f"sip:{environment.sip_bind}:{environment.sip_port}"

    def account(what: str, url: str, *, phone: bool = False, **fields: Any) -> Account:
        secret, sip_secret = users.new_password(), users.new_password()
        made = users.open_account(password=secret, sip_password=sip_secret if phone else None, **fields)
        logins.append({"what": what, "url": url, "username": made.username, "password": secret})
        if phone:
            logins.append(
                {
                    "what": f"phone {made.username}",
                    "url": sip,
                    "username": made.username,
                    "password": sip_secret,
                }
            )
        return made

    account("administrator", web + "admin/", username="admin", kind="admin", display_name="Administrator")
    company = users.open_account(
        username="company", kind="owner", display_name="Example Telecom Ltd.",
        address="1 Exchange Square\nLondon EC2A 2BR\nUnited Kingdom", country="GB", vat_number="GB000000000",
        email="billing@example.com",
    )  # fmt: skip
    config.set_value(key="company_account", value="company")
    retail = tariff(
        "Retail", TariffKind.RETAIL, "1", connect_fee=Decimal("0"), first_increment=1, next_increment=1
    )
    wholesale = tariff("Wholesale", TariffKind.RESELLER, "0.85")
    pricing.assign_tariff(account=company, tariff=retail)
    reseller = account(
        "reseller", web, username="demo-reseller", kind="reseller", parent=company, display_name="Demo Reseller",
        address="5 Market Street\nManchester M1 1PT\nUnited Kingdom", billing="postpaid",
        credit_limit=Decimal(100), vat_rate=Decimal(20), email="reseller@example.com",
    )  # fmt: skip
    pricing.assign_tariff(account=reseller, tariff=wholesale)
    for username, name, parent in (
        ("1001", "Ada Prepaid", company),
        ("1002", "Ben Postpaid", company),
        ("1003", "Cleo Reseller-Customer", reseller),
    ):
        prepaid = username != "1002"
        subscriber = account(
            f"subscriber {username}", web, phone=True, username=username, kind="subscriber", parent=parent,
            display_name=name, address=f"{username[-1]} Garden Lane\nLondon N1 9AB\nUnited Kingdom", country="GB",
            vat_rate=Decimal(20), billing="prepaid" if prepaid else "postpaid",
            credit_limit=Decimal(0 if prepaid else 50), caller_number=f"44207946{username}",
            email=f"subscriber{username}@example.com",
        )  # fmt: skip
        if prepaid:
            payments.enter(
                account=subscriber, amount=Decimal("20.00"), method="cash", reference="welcome",
                idempotency_key=f"demo-welcome-{username}",
            )  # fmt: skip
    trunk = users.open_account(
        username="demo-trunk", kind="customer_trunk", parent=company, display_name="Demo Wholesale Customer",
        billing="postpaid", credit_limit=Decimal(500), tech_prefix="777",
    )  # fmt: skip
    users.set_addresses(account=trunk, networks=["127.0.0.1"])
    routes(company, environment)
    return logins


def routes(company: Account, environment: Environment) -> None:
    """Carriers, each with a tariff of its own, and one rule that asks them all, the cheapest first."""
    carriers = []
    for username, name, part, offset in CARRIERS:
        carrier = users.open_account(username=username, kind="carrier", parent=company, display_name=name)
        users.set_trunk(account=carrier, host="127.0.0.1", port=environment.sip_port + offset)
        pricing.assign_tariff(account=carrier, tariff=tariff(f"Costs of {name}", TariffKind.CARRIER, part))
        carriers.append(carrier)
    routing.create_rule(
        name="world",
        priority=100,
        strategy="least_cost",
        targets=[{"carrier": carrier} for carrier in carriers],
    )


def tariff(name: str, kind: str, part: str, **fields: Any) -> Tariff:
    """A price list at a part of the retail prices, imported as a file is."""
    made = pricing.create_tariff(name=name, kind=kind, **fields)
    text = "\n".join(_lines(Decimal(part)))
    start = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    pricing.import_rates(tariff=made, stream=io.BytesIO(text.encode()), valid_from=start)
    return made


def _lines(part: Decimal) -> Iterable[str]:
    for prefix, destination, price in DESTINATIONS:
        yield f"{prefix},{(Decimal(price) * part).normalize():f},,,,,,,{destination}"
