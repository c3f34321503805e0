"""By which carriers a call may leave, in which order, and why. Pure: values in, values out.

`rules` says which rule takes a call, `order` in which order a rule's carriers are tried (one list of named keys), `brs` what
price and quality come to in one figure, `plan` puts them together.
"""

from apps.routing.engine.order import ORDER, PLAIN, Candidate, Offer, Standing, decimal
from apps.routing.engine.plan import FULL, NO_LIMITS, NO_WAYS, Limits, Plan, Ranked, Ways, plan
from apps.routing.engine.rules import (
    ALGORITHMS,
    BALANCED,
    BEST_ROUTE,
    BEST_THEN_CHEAPEST,
    BY_SETTING,
    LEAST_COST,
    RULE_ORDER,
    SMS,
    VOICE,
    WEIGHT,
    Facts,
    Inside,
    Match,
    RouteTable,
    Rule,
    RuleTarget,
)

__all__ = [
    "ALGORITHMS",
    "BALANCED",
    "BEST_ROUTE",
    "BEST_THEN_CHEAPEST",
    "BY_SETTING",
    "FULL",
    "LEAST_COST",
    "NO_LIMITS",
    "NO_WAYS",
    "ORDER",
    "PLAIN",
    "RULE_ORDER",
    "SMS",
    "VOICE",
    "WEIGHT",
    "Candidate",
    "Facts",
    "Inside",
    "Limits",
    "Match",
    "Offer",
    "Plan",
    "Ranked",
    "RouteTable",
    "Rule",
    "RuleTarget",
    "Standing",
    "Ways",
    "decimal",
    "plan",
]
