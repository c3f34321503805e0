"""The hangup causes that the switch ends calls by, with what parties are told by default (`switch.call.causes`, guide 4747-4753)."""

CAUSES = (
    ("account_disabled", 403, 21, "The account is disabled"),
    ("bad_number", 484, 28, "The number is incomplete or wrong"),
    ("bad_request", 400, 95, "The request is wrong"),
    ("balance_used_up", 200, 31, "The balance is used up"),
    ("cancelled", 487, 16, "The caller hung up before an answer"),
    ("carriers_failed", 503, 34, "Every carrier refused or was full"),
    ("database_away", 503, 38, "Balances cannot be checked now"),
    ("internal", 500, 41, "Internal error"),
    ("limit_calls", 486, 17, "Too many calls at once"),
    ("limit_rate", 503, 42, "Too many calls per second"),
    ("loop", 483, 25, "The call goes round in a circle"),
    ("media_timeout", 200, 31, "No media any more"),
    ("no_answer", 480, 19, "Nobody answered in time"),
    ("no_money", 402, 21, "The balance does not pay for the call"),
    ("no_price", 403, 21, "No tariff or no rate for this number"),
    ("no_response", 408, 18, "The other side did not respond"),
    ("no_route", 404, 3, "No route to this number"),
    ("normal", 200, 16, "Normal call clearing"),
    ("not_authorised", 403, 21, "Not authorised"),
    ("not_registered", 480, 20, "The called subscriber is not registered"),
    ("operator_hangup", 200, 31, "An operator hung up"),
    ("overload", 503, 42, "The switch is busy"),
    ("session_expired", 200, 102, "A party no longer refreshed the session"),
    ("shutdown", 503, 41, "The switch was stopped"),
    ("too_long", 200, 31, "The longest allowed duration was reached"),
    ("unknown_number", 404, 1, "Nobody has this number"),
    ("unknown_source", 403, 21, "Nobody is known by this address"),
    ("worker_lost", 500, 38, "The switch worker died during the call"),
)

BUILT_IN = frozenset(name for name, *_ in CAUSES)
