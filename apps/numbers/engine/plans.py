"""What is done to numbers of an account's calls, from its settings (`apps.config.registry.numbers`)."""

from __future__ import annotations

from typing import Any

from apps.numbers.engine.countries import region_of
from apps.numbers.engine.normalise import LONGEST, NORMAL, Plan, levels
from apps.numbers.engine.prefixes import PatternRewrite, PrefixChange

TRUNKS = frozenset(("customer_trunk", "carrier"))


def plan_of(settings: Any, kind: str) -> Plan:
    """The plan for calls of an account of that kind; `settings` has each as an attribute."""
    clean, level, national = levels(
        settings.normalizedef,
        settings.validateinput,
        settings.normalizenumbers,
        settings.normalizecallednumbersnec,
    )
    return Plan(
        clean=clean,
        level=level,
        national=national,
        incoming=change_of(settings, "incomingprefix"),
        outgoing=change_of(settings, "outgoingprefix"),
        pattern=PatternRewrite(
            settings.prefixrewritestr, settings.prefixrewritefrom, settings.prefixrewriteto
        ),
        iecs=tuple(one for one in (settings.iec1, settings.iec2, settings.iec3) if one),
        region=region_of(settings.country, settings.countryprefix),
        areas=tuple(one for one in (settings.prefix1, settings.prefix2, settings.prefix3) if one),
        least_length=settings.cfg_minnormalizelength,
        special=settings.checksss,
        digits_only=_digits_only(settings.checknumnumbers, level, kind),
        shortest=settings.checkminnumlen if settings.checknumlen else 1,
        longest=settings.checkmaxnumlen if settings.checknumlen else LONGEST,
    )


def _digits_only(whose: str, level: int, kind: str) -> bool:
    if whose == "auto":
        whose = "trunks" if level >= NORMAL else "any"
    return whose == "all" or (whose == "trunks" and kind in TRUNKS)


def change_of(settings: Any, family: str) -> PrefixChange:
    """The settings `incomingprefix…` or `outgoingprefix…`; the bounds of remove are named the wrong way round."""

    def own(name: str) -> Any:
        return getattr(settings, family + name)

    return PrefixChange(
        remove=own("remove"),
        remove_from=own("remove_maxlength"),
        remove_below=own("remove_minlength"),
        remove2=own("remove2"),
        add=own("add"),
        add_from=own("add_minlength"),
        add_below=own("add_maxlength"),
        if_begins=own("add_ifbegin"),
        if_begins_not=own("add_ifnotbegin"),
    )
