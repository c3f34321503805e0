"""Every address of the site, from the URL resolver, so that a new page is walked without anybody thinking of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.house import House


@dataclass(frozen=True)
class Page:
    """A pattern, as text with `<parameter>` in it, and its name with the names of its namespaces."""

    pattern: str
    name: str

    def path(self, house: House) -> str:
        """An address of a thing that is Ada's, or the office's."""
        return "/" + re.sub(r"<(\w+)>", lambda found: str(value(self.pattern, found[1], house)), self.pattern)


def pages() -> list[Page]:
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, before: str, space: str) -> Iterator[Page]:
    for entry in resolver.url_patterns:
        text = before + _plain(str(entry.pattern))
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry, text, inner)
        elif isinstance(entry, URLPattern):
            yield Page(text, f"{space}{entry.name}")


def _plain(pattern: str) -> str:
    """`<int:x>`, `(?P<x>…)` → `<x>`, without anchors."""
    text = re.sub(r"<\w+:(\w+)>", r"<\1>", pattern)
    text = re.sub(r"\(\?P(<\w+>)[^()]*(?:\([^()]*\)[^()]*)*\)", r"\1", text)
    return text.removeprefix("^").removesuffix("$").replace("\\Z", "").replace(r"\.", ".")


def value(pattern: str, parameter: str, house: House) -> Any:
    """What stands for a parameter. A page of a new kind of thing has to be added here."""
    things = {
        "accounts": house.ada.pk, "trunk-accounts": house.trunk_account.pk, "carriers": house.carrier.pk, "tariffs": house.tariff.pk, "tariff-assignments": house.assignment.pk, "rates": house.rate.pk,
        "routes": house.rule.pk, "best-routes": house.best_route.pk, "routing/bestroute": house.best_route.pk, "cdrs": house.call.pk, "current-calls": house.call.pk, "payments": house.payment.pk,
        "ledger": house.entry.pk, "invoices": house.invoice.pk, "header-rules": house.header_rule.pk, "hangup-causes": house.cause.pk,
        "signalling/headerrule": house.header_rule.pk, "signalling/hangupcause": house.cause.pk,
        "forwards": house.forward.pk, "ring-groups": house.ring_group.pk, "speed-dials": house.speed_dial.pk,
        "pbx/ringgroup": house.ring_group.pk, "portability/portednumber": house.ported.pk, "portability/operator": house.operator.pk,
        "portability/numberblock": house.block.pk, "ported-numbers": house.ported.pk, "dids": house.did.pk, "dids/did": house.did.pk, "contacts": house.contact.pk,
        "known-numbers": house.known_number.pk, "short-numbers": house.short_number.pk,
        "numbers/numberlist": house.number_list.pk, "number-lists": house.number_list.pk,
        "numbers/rewriterule": house.rewrite_rule.pk,
        "numbers/prefixrule": house.prefix_rule.pk, "rewrite-rules": house.rewrite_rule.pk, "prefix-rules": house.prefix_rule.pk,
        "recordings": house.recording.pk, "recordings/recording": house.recording.pk, "recordings/listening": house.listening.pk,
        "users/account": house.ada.pk, "desk/batch": house.account_batch.pk, "desk/batches": house.account_batch.pk, "groups/accountgroup": house.account_group.pk, "account-groups": house.account_group.pk, "users/sipcredential": house.ada.sip.pk, "routing/routerule": house.rule.pk,
        "pricing/tariff": house.tariff.pk, "pricing/rate": house.rate.pk, "pricing/pricegroup": house.group.pk,
        "pricing/timewindow": house.window.pk, "pricing/calendar": house.calendar.pk,
        "pricing/currencyprecision": house.precision.pk, "cdrs/cdr": house.call.pk, "cdrs/rerating": house.rerating.pk,
        "reratings": house.rerating.pk, "invoices/invoice": house.invoice.pk, "pricelists/changeset": house.change_set.pk,
        "pricelists/routereplay": house.route_replay.pk,
        "invoices/payment": house.payment.pk, "invoices/fee": house.fee.pk, "invoices/allowance": house.allowance.pk,
        "invoices/usage": house.usage.pk, "invoices/growth": house.growth.pk, "invoices/ledgerentry": house.entry.pk,
        "approvals/approval": house.approval.pk, "vouchers/batch": house.batch.pk, "invoices/reminder": house.reminder.pk, "vouchers/voucher": house.voucher.pk,
        "trunk-health": house.health.pk, "trunk-events": house.trunk_event.pk, "routing/trunkhealth": house.health.pk,
        "routing/trunkevent": house.trunk_event.pk, "trunk-hours": house.trunk_hour.pk, "trunk-days": house.trunk_day.pk,
    }  # fmt: skip
    things |= {
        "screening/firewallrule": house.firewall_rule.pk, "firewall-rules": house.firewall_rule.pk, "bans": house.ban.pk,
        "screening/ban": house.ban.pk, "screening/callerstanding": house.standing.pk,
        "screening/alert": house.alert.pk,
        "screening/screenednumber": house.screened.pk, "screened-numbers": house.screened.pk,
    }  # fmt: skip
    simple = {
        "call_id": house.call.pk, "invoice_id": house.invoice.pk, "account_id": house.ada.pk, "did_id": house.did.pk, "contact_id": house.contact.pk, "tariff_id": house.tariff.pk, "rate_id": house.rate.pk,
        "cabin_id": 1, "receipt_id": 1, "batch_id": house.batch.pk,
        "uidb36": "1", "key": "set-password", "url": "nowhere", "app_label": "users", "content_type_id": 1,
    }  # fmt: skip
    if parameter == "key" and "config/setting" in pattern:
        return "currency"
    if parameter == "key" and "settings" in pattern:
        return "ringtimeout"
    if parameter in simple:
        return simple[parameter]
    if parameter in ("pk", "object_id"):
        where = re.sub(r"^(admin|api/v1)/", "", pattern).partition("/<")[0]
        return things.get(where, 1)
    raise AssertionError(f"tests/walk.py does not know what {parameter} in {pattern} stands for")
