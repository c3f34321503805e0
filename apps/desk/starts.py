"""What a new account may begin as: the usual ones of each kind, so that nobody has to know every field (guide 1392, 2002-2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.users.choices import Billing, Kind


@dataclass(frozen=True, slots=True)
class Start:
    """`fields` of the account and `settings` of its own; all else is as declared."""

    key: str
    kind: str
    title: Any
    what: Any
    icon: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


STARTS: tuple[Start, ...] = (
    Start("prepaid", Kind.SUBSCRIBER, _("Prepaid subscriber"), _("A phone with a password; calls until its money is used up."),
          "person", {"billing": Billing.PREPAID, "max_calls": 5}),
    Start("postpaid", Kind.SUBSCRIBER, _("Postpaid subscriber"), _("A phone with a password; pays by invoice, up to a credit limit."),
          "receipt_long", {"billing": Billing.POSTPAID, "max_calls": 5}),
    Start("extension", Kind.EXTENSION, _("Extension"), _("A further phone of a subscriber, who pays for it."), "deskphone",
          {"max_calls": 5}),
    Start("agent", Kind.AGENT, _("Agent"), _("A seat of an outbound call centre."), "headset_mic", {"max_calls": 1}),
    Start("calling_card", Kind.CALLING_CARD, _("Calling card"), _("Prepaid, without a phone of its own."), "credit_card",
          {"billing": Billing.PREPAID, "max_calls": 1}),
    Start("wholesale", Kind.CUSTOMER_TRUNK, _("Wholesale customer"),
          _("Brings traffic from its addresses, without a password. Enter the addresses on its page."), "call_received",
          {"billing": Billing.POSTPAID, "calls_per_second": 10}, {"needauth": "network"}),
    Start("carrier", Kind.CARRIER, _("Carrier"), _("Takes our calls at an address. Its trunk and tariff stand on its page."), "call_made"),
    Start("reseller", Kind.RESELLER, _("Reseller"), _("Sells to customers of its own, and pays for their calls by its own tariff."),
          "storefront", {"billing": Billing.PREPAID}),
    Start("owner", Kind.OWNER, _("Owner"), _("A business of its own: what stands below it is kept apart, and invoiced in its name."),
          "domain", {"is_company": True}),
    Start("sales", Kind.SALES, _("Sales"), _("Earns a commission from customers that it brought."), "handshake"),
    Start("support", Kind.SUPPORT, _("Support"), _("Staff who read everything and enter payments."), "support_agent"),
    Start("admin", Kind.ADMIN, _("Administrator"), _("Staff who may do everything."), "shield_person"),
)  # fmt: skip
BY_KEY = {start.key: start for start in STARTS}
