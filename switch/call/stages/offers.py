"""What each carrier asks for one call, and how it stands beside the others; or why it cannot have it."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from apps.pricing.engine.payers import carrier_terms
from apps.pricing.engine.price_lists import Given
from apps.pricing.engine.tolls import fixed_price, priced_number
from apps.routing.engine import FULL, PLAIN, Facts, Offer, Standing
from apps.routing.engine.brs import DEFAULTS, POINTS, Figures
from apps.routing.engine.order import UNLIMITED
from switch.call.stages.gates import Carrier, carrier_of
from switch.call.stages.screening import not_for_carriers, unwanted
from switch.call.stages.state import Call, origin_of
from switch.world.minutes import Minute, minute_cost
from switch.world.settings import Settings
from switch.world.world import World

AWAY = "it is away"
TENTHS = 10
FAR_BEHIND = 2
"""The level of a carrier that does so badly that priorities do not help (`apps.routing.health.engine.Record.level`)."""
NOBODY: frozenset[int] = frozenset()
NOTHING = (False, "", "", "")
_new_tuple = tuple.__new__

Details = tuple[Carrier, Given | None]
"""The carrier, and the tariff that says its price; None: `carrier_terms` says it."""


class Offers:
    """Called with carriers (account ids) it says what each asks, in the installation's currency, or why it cannot have the call.

    A call is offered by many carriers: what is the same for all of them is found once. `hopeless`: those that are away have it too.
    """

    __slots__ = (
        "_at", "_call", "_carriers", "_facts", "_hopeless", "_known", "_number", "_objections", "_shown_by", "_strict", "_tried",
        "_usage", "_usual", "_world",
    )  # fmt: skip

    def __init__(self, call: Call, world: World, facts: Facts, *, hopeless: bool = False) -> None:
        settings, usage = call.settings, call.usage
        self._call, self._world, self._facts, self._usage, self._at = call, world, facts, usage, call.now
        self._hopeless = hopeless
        self._carriers = world.carriers
        shown = world.dids.of(call.caller_number)
        self._shown_by = shown.carrier if shown is not None else 0
        self._strict = (
            bool(self._shown_by)
            or call.only is not None
            or any(one in world.trunks for one in call.caller.path)
        )
        self._objections: dict[str, str] = {}  # by the setting `filtering`
        rules = world.settings
        fixed = fixed_price(call.called, rules, rules.shortnum_providercost)
        self._number = "" if fixed else priced_number(call.called, rules)
        self._tried = NOBODY
        if settings.failover_repeat_seconds:
            self._tried = usage.tried(call.caller.id, call.called, settings.failover_repeat_within)
        self._known = self._tried.union(world.routes.figures, world.health.carriers)
        self._usual = (
            PLAIN._replace(figures=important(DEFAULTS, settings.qualification))
            if settings.qualification
            else PLAIN
        )

    def __call__(self, carriers: Iterable[int]) -> list[Offer[Details] | str]:
        at, number, usage, usual, known = self._at, self._number, self._usage, self._usual, self._known
        taken, routed_at, unreachable = usage.carrier_calls, usage.routed_at, usage.unreachable
        remembered, strict, hopeless = self._carriers, self._strict, self._hopeless
        found: list[Offer[Details] | str] = []
        for account_id in carriers:
            carrier = remembered.get(account_id) or carrier_of(self._world, account_id)
            if isinstance(carrier, str):
                found.append(carrier)
                continue
            account, trunk, _, gate, lines, logins, choosy, prices = carrier
            used = taken(account_id)
            if (choosy or strict) and (why := self._refusal(carrier, used)):
                found.append(why)
                continue
            minute = given = None
            if prices is None or not prices.since <= at < prices.until:
                prices = self._world.prices(account, origin_of(self._call, self._world), at)
            if prices is not None and number:
                price = prices.rates.price(number, at)
                if price is not None:
                    minute, given = prices.minutes.of(price), prices.given
            if minute is None:
                costs = self._by_terms(carrier)
                if isinstance(costs, str):
                    found.append(costs)
                    continue
                minute = costs
            if not hopeless and (why := unreachable(account_id, logins)) and not trunk.backup_host:
                found.append(f"{AWAY}: {why}")
                continue
            standing = usual
            if gate is not None or account_id in known:
                standing = self._standing(carrier)
            cost, average = minute
            free, last = (lines or UNLIMITED) - used, routed_at(account_id)
            # As `Offer(…)` does, in half the time.
            found.append(_new_tuple(Offer, (cost, (carrier, given), standing, average, free, last)))
        return found

    def _refusal(self, carrier: Carrier, used: int) -> str:
        """Why it does not take the call, in words; "": it does. `used`: lines of it that are taken."""
        call, world, (account, _, settings, gate, lines, *_) = self._call, self._world, carrier
        if account.id in call.caller.path and not settings.allownumbersendback:
            return "the call comes from it"
        if why := self._objection(settings.filtering):
            return f"it does not take it: {why}"
        if self._shown_by not in (0, account.id):
            return f"it does not take it: calls that show {call.caller_number} go out by another carrier"
        if gate is not None and (why := gate.refusal(self._facts)):
            return why
        if call.only is not None and account.id != call.only:
            return "a rule sends the call another way"
        if lines and used >= lines:
            return f"{FULL} ({lines})"
        most = account.calls_per_second
        if most and self._usage.carrier_attempts(account.id) >= most:
            return f"{FULL} (it takes {most} calls per second)"
        if key := world.talked_out(account, call.now):
            return f"it has used up its {key}"
        return _refused_caller(call, world, settings)

    def _objection(self, filtering: str) -> str:
        """What lists of numbers say to carriers that are filtered so."""
        found = self._objections.get(filtering)
        if found is None:
            found = self._objections[filtering] = not_for_carriers(self._call, self._world, filtering)
        return found

    def _by_terms(self, carrier: Carrier) -> Minute | str:
        """What a minute costs where more than one price says it; in words why there is none."""
        call, world = self._call, self._world
        terms = carrier_terms(world, carrier.account, call.called, origin_of(call, world), call.now)
        if isinstance(terms, str):
            return terms
        return Minute(minute_cost(terms, call.now), minute_cost(terms, call.now, world.settings.pricecalcsec))

    def _standing(self, carrier: Carrier) -> Standing:
        """How the carrier stands for this call."""
        gate, account_id = carrier.gate, carrier.account.id
        common = self._usual._replace(figures=self._figures_of(account_id))
        if account_id in self._known:
            far, demoted, here, remark = self._behind(carrier)
            common = common._replace(far_behind=far, demoted=demoted, demoted_here=here, remark=remark)
        if gate is None:
            return common
        facts = self._facts
        return common._replace(
            global_absolute=gate.global_absolute,
            absolute=gate.absolute,
            called_wish=gate.called_wish(facts),
            caller_wish=gate.caller_wish(facts),
            partner_wish=gate.partner_wish(facts),
            priority=gate.priority,
            rested=not gate.rest or self._usage.idle(account_id) >= gate.rest,
        )

    def _behind(self, carrier: Carrier) -> tuple[bool, str, str, str]:
        """Whether calls by the carrier go badly (`apps.routing.health`): far too badly; why, for all calls or for such numbers; a remark."""
        call, world, account_id = self._call, self._world, carrier.account.id
        found = world.health.of(account_id, call.called)
        if found is not None and world.settings.can_failover and carrier.settings.hasfailover:
            whole = found is world.health.of(account_id, "")
            chance = crc32(call.request.call_id.encode())
            behind = found.behind(call.now, chance, carrier.settings.failover_probe_share)
            if not behind:
                return False, "", "", f"demoted, and tried by this call: {found.why}"
            why = f"demoted: {found.why}"
            return behind >= FAR_BEHIND, why if whole else "", "" if whole else why, why
        if account_id in self._tried:
            why = "the caller had a short call to this number by it just now"
            return True, "", why, why
        return NOTHING

    def _figures_of(self, account_id: int) -> Figures:
        """What is known of the carrier's quality for such numbers."""
        call = self._call
        figures = self._world.routes.figures_of(account_id, call.called)
        return important(figures, call.settings.qualification) if figures else self._usual.figures


def important(figures: Figures, qualification: int) -> Figures:
    """The figures as they count for a caller of this setting: the more important, the more its quality."""
    if not qualification:
        return figures
    weight = figures.quality_percent
    return figures._replace(quality_percent=weight + (POINTS - weight) * qualification // TENTHS)


def _refused_caller(call: Call, world: World, settings: Settings) -> str:
    """Why the carrier does not get this caller, in words: its list of callers, or the caller's standing; "": it does (guide 14218)."""
    name = settings.refusedcallers
    found = world.lists.by_name.get(name) if name else None
    if found is not None and found.longest_prefix(call.caller_number):
        return f"its list {name} keeps this caller away"
    why = unwanted(call, world, settings.autoban_special)
    return f"it does not get this caller: {why}" if why else ""
