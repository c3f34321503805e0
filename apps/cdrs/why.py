"""Why a call cost what it did, in words for the pages: from the terms that are kept with its prices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.cdrs.models import Cdr, CdrPrice, PriceTerms
from apps.core.values.money import MICROS, Rounding
from apps.core.values.windows import TimeWindow
from apps.pricing.engine import Terms
from apps.pricing.engine.explain import Explanation, Stretch, explain
from apps.pricing.engine.terms import ONE_TO_ONE
from apps.pricing.models import Service, Tariff

DIGITS = 8
"""Decimals of amounts that are not rounded yet; what goes on is cut, with dots."""


class Line(NamedTuple):
    """A step: what it is, how it is reckoned, and the amount afterwards ("": it changes none)."""

    what: str
    how: str
    amount: str = ""


def why(cdr: Cdr, price: CdrPrice, *, inside: bool = True) -> list[Line]:
    """The steps of a price, from the seconds to the gross; not `inside`: without names that are the office's own."""
    if price.terms is None or cdr.answered_at is None:
        return [_unexplained(price)]
    kept = PriceTerms.objects.filter(pk=price.terms).first()
    if kept is None:
        return [_unexplained(price)]
    terms = Terms.from_list(kept.packed)
    seconds = cdr.duration if price.seconds is None else price.seconds
    found = explain(terms, cdr.answered_at.timestamp(), seconds)
    return [*_head(cdr, price, found, inside), *_seconds(found), *_once(found), *_net(found), *_foot(found)]


def _unexplained(price: CdrPrice) -> Line:
    if price.kind == "sales":
        return Line(_("Commission"), _("a share of what the list price leaves above the carrier's cost"))
    return Line(_("Terms"), _("were not kept with this record: it is older than that, or was imported"))


def _head(cdr: Cdr, price: CdrPrice, found: Explanation, inside: bool) -> Iterator[Line]:
    tariff = Tariff.objects.filter(pk=price.tariff_id).first() if price.tariff_id else None
    currency = found.terms.list_currency or found.terms.currency
    if tariff is not None:
        yield Line(
            _("Tariff"), _("%(name)s, prices in %(currency)s") % {"name": tariff, "currency": currency}
        )
    elif not found.own.rate_id:
        yield Line(_("Tariff"), _("none: a price of the settings, in %(currency)s") % {"currency": currency})
    else:
        yield Line(
            _("Tariff"), _("it is no longer there; its prices were in %(currency)s") % {"currency": currency}
        )
    if found.terms.because:
        yield Line(_("Given for"), ", ".join(_condition(*one, inside) for one in found.terms.because))
    if found.own.prefix:
        told = _("%(called)s begins with %(prefix)s")
    else:
        told = _("%(called)s has no prefix of its own")
    yield Line(_("Rate"), told % {"called": cdr.called_number, "prefix": found.own.prefix})
    if cdr.service == Service.SMS:
        yield Line(_("Duration"), _("a message, which counts as %(seconds)d s") % {"seconds": found.seconds})
        return
    told = _("%(seconds)d s from the answer") % {"seconds": found.seconds}
    if found.seconds != cdr.duration:
        told = _("%(seconds)d s of %(duration)d were authorised") % {
            "seconds": found.seconds,
            "duration": cdr.duration,
        }
    if found.graced:
        told += ", " + _("no longer than the grace of %(grace)d s: it costs nothing") % {
            "grace": found.own.grace_seconds
        }
    yield Line(_("Duration"), told)


def _condition(what: str, which: str, inside: bool) -> str:
    """What the tariff was given for, in words."""
    if not inside and what in ("caller", "caller_group"):
        return _("certain callers")
    if what == "service":
        return str(dict(Service.choices).get(which, which))
    told = {
        "caller": _("calls of %s"),
        "caller_group": _("callers of the group %s"),
        "tech_prefix": _("calls with the tech prefix %s"),
        "caller_prefix": _("caller numbers that begin with %s"),
    }
    return told[what] % which if what in told else f"{what} {which}"


def _seconds(found: Explanation) -> Iterator[Line]:
    several = len({id(one.band) for one in found.stretches}) > 1
    for one in found.stretches:
        yield Line(_("Seconds"), _stretch(one, several, found), amount(one.amount))


def _stretch(one: Stretch, several: bool, found: Explanation) -> str:
    length = one.end - one.begin
    if not one.tier.per:
        return _("%(seconds)d s are free") % {"seconds": length}
    values = {
        "seconds": length,
        "price": amount(Fraction(one.tier.price * 60, one.tier.per)),
        "first": one.tier.step,
        "next": one.band.tiers[-1].step if one.band.tiers[-1].per else one.tier.step,
    }
    if values["first"] == values["next"]:
        text = _("%(seconds)d s billed in steps of %(first)d s at %(price)s a minute") % values
    else:
        text = (
            _("%(seconds)d s billed (steps of %(first)d s, then %(next)d s) at %(price)s a minute") % values
        )
    window = one.band.window
    if window is not None or several:
        text += ", " + _window(window, found.terms.zone)
    return text


def _window(window: TimeWindow | None, zone: str) -> str:
    if window is None:
        return _("the rest of the time")
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"), _("holidays"))
    days = " ".join(name for place, name in enumerate(names) if window.weekdays >> place & 1)
    clock = "–".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start, window.end))
    return _("%(days)s %(clock)s in %(zone)s") % {"days": days, "clock": clock, "zone": zone}


def _once(found: Explanation) -> Iterator[Line]:
    """What is counted once per call."""
    own = found.own
    if found.with_connect != found.usage:
        yield Line(_("Connect fee"), f"+ {amount(Fraction(own.connect_fee))}", amount(found.with_connect))
    if found.limited < found.with_connect:
        yield Line(_("Highest price of a call"), amount(Fraction(own.maximum_charge)), amount(found.limited))
    if found.limited > found.with_connect:
        yield Line(_("Least price of a call"), amount(Fraction(own.minimum_charge)), amount(found.limited))
    if found.with_surcharge != found.limited:
        yield Line(_("Surcharge"), f"+ {amount(Fraction(own.surcharge))}", amount(found.with_surcharge))


def _net(found: Explanation) -> Iterator[Line]:
    """From the list's price to the payer's net."""
    terms = found.terms
    if terms.included_ppm:
        told = _("the prices include %(percent)s %%: divided by %(divisor)s") % {
            "percent": percent(terms.included_ppm),
            "divisor": plain(1 + Decimal(terms.included_ppm) / MICROS),
        }
        yield Line(_("VAT inside"), told, amount(found.without_vat))
    if terms.discount_ppm:
        yield Line(_("Discount"), f"− {percent(terms.discount_ppm)} %", amount(found.discounted))
    if terms.surcharge_ppm:
        yield Line(
            _("Surcharge of the account"), f"+ {percent(terms.surcharge_ppm)} %", amount(found.increased)
        )
    if terms.exchange != ONE_TO_ONE:
        yield Line(_("Exchange"), _exchange(terms), amount(found.exchanged))
    if terms.rounding is Rounding.NONE:
        told = _("to the millionth")
    else:
        ways = {Rounding.HALF_UP: _("half up"), Rounding.UP: _("up"), Rounding.DOWN: _("down")}
        told = _("once, to %(decimals)d decimals, %(way)s") % {
            "decimals": terms.decimals,
            "way": ways[terms.rounding],
        }
    yield Line(_("Net"), _("rounded %(how)s") % {"how": told}, _money(found.charge.net, terms.currency))


def _exchange(terms: Terms) -> str:
    above, below = terms.exchange
    values = {
        "rate": amount(Fraction(above * MICROS, below)),
        "from": terms.list_currency,
        "to": terms.currency,
    }
    text = _("1 %(from)s = %(rate)s %(to)s") % values
    if terms.exchanged_on:
        days = (date_format(datetime.fromtimestamp(one, UTC).date(), "Y-m-d") for one in terms.exchanged_on)
        text += ", " + _("the rate of %(days)s") % {"days": ", ".join(days)}
    return text


def _foot(found: Explanation) -> Iterator[Line]:
    terms, charge = found.terms, found.charge
    if terms.vat_ppm:
        yield Line(_("VAT"), f"{percent(terms.vat_ppm)} %", _money(charge.vat, terms.currency))
    yield Line(_("Gross"), _("net and VAT"), _money(charge.gross, terms.currency))
    if found.recorded is not None and terms.recorded is not None:
        yield Line(_("In the record"), _("net"), _money(found.recorded.net, terms.recorded[0]))


def amount(micros: Fraction) -> str:
    """An exact amount of micros in units, cut with dots where its decimals do not end."""
    value = micros / MICROS
    with localcontext() as context:
        context.prec = 60
        cut = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(
            Decimal(1).scaleb(-DIGITS), ROUND_DOWN
        )
    return plain(cut) + ("" if Fraction(cut) == value else "…")


def percent(ppm: int) -> str:
    """Millionths as a percentage."""
    return plain(Decimal(ppm) / 10_000)


def plain(value: Decimal) -> str:
    """Without zeros at the end."""
    text = f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return text or "0"


def _money(micros: int, currency: str) -> str:
    return f"{plain(Decimal(micros) / MICROS)} {currency}"
