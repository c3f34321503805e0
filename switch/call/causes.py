"""Hangup causes: our own name, the SIP status (RFC 3261 §21) and the Q.850 cause, in one table."""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """Why a call ended or was refused. `name` is stored in the CDR, `text` is for people."""

    name: str
    status: int
    q850: int
    text: str


NORMAL = Cause("normal", 200, 16, "Normal call clearing")
CANCELLED = Cause("cancelled", 487, 16, "The caller hung up before an answer")
NOT_AUTHORISED = Cause("not_authorised", 403, 21, "Not authorised")
ACCOUNT_DISABLED = Cause("account_disabled", 403, 21, "The account is disabled")
UNKNOWN_SOURCE = Cause("unknown_source", 403, 21, "Nobody is known by this address")
BAD_NUMBER = Cause("bad_number", 484, 28, "The number is incomplete or wrong")
UNKNOWN_NUMBER = Cause("unknown_number", 404, 1, "Nobody has this number")
NOT_REGISTERED = Cause("not_registered", 480, 20, "The called subscriber is not registered")
BUSY = Cause("busy", 486, 17, "The called subscriber is busy")
DO_NOT_DISTURB = Cause("do_not_disturb", 486, 17, "The called subscriber does not want to be disturbed")
ANONYMOUS = Cause("anonymous", 433, 21, "The called subscriber takes no calls without a number")
MOVED = Cause("moved", 302, 22, "The called subscriber is somewhere else")
PICKED_UP = Cause("picked_up", 487, 26, "Another phone took the call")
OTHER_DOMAIN = Cause("other_domain", 404, 3, "The call is for another domain")
NOTHING_RINGS = Cause("nothing_rings", 404, 3, "No call rings that this phone could answer")
NO_CALL = Cause("no_call", 404, 3, "There is no such call to join")
NO_PRICE = Cause("no_price", 403, 21, "No tariff or no rate for this number")
NO_ROUTE = Cause("no_route", 404, 3, "No route to this number")
NO_MONEY = Cause("no_money", 402, 21, "The balance does not pay for the call")
LIMIT_CALLS = Cause("limit_calls", 486, 17, "Too many calls at once")
LIMIT_DAY = Cause("limit_day", 403, 21, "The limit of the day is reached")
LIMIT_MONTH = Cause("limit_month", 403, 21, "The limit of the month is reached")
LIMIT_DYNAMIC = Cause("limit_dynamic", 403, 21, "Far more than on any day before was spent today")
LIMIT_SECONDS = Cause("limit_seconds", 403, 21, "The time that may be talked is used up")
LOW_BALANCE = Cause("low_balance", 402, 21, "The balance is below what has to be there")
NOT_PROFITABLE = Cause("not_profitable", 403, 21, "No carrier is cheap enough for what the call brings")
BELOW_COST = Cause("below_cost", 403, 21, "The call would be sold for less than it costs")
LIMIT_RATE = Cause("limit_rate", 503, 42, "Too many calls per second")
CARRIERS_FAILED = Cause("carriers_failed", 503, 34, "Every carrier refused or was full")
NO_ANSWER = Cause("no_answer", 480, 19, "Nobody answered in time")
NO_RESPONSE = Cause("no_response", 408, 18, "The other side did not respond")
SESSION_EXPIRED = Cause("session_expired", 200, 102, "A party no longer refreshed the session")
MEDIA_TIMEOUT = Cause("media_timeout", 200, 31, "No media any more")
BALANCE_USED_UP = Cause("balance_used_up", 200, 31, "The balance is used up")
DAY_USED_UP = Cause("day_used_up", 200, 31, "The limit of the day is used up")
MONTH_USED_UP = Cause("month_used_up", 200, 31, "The limit of the month is used up")
DYNAMIC_USED_UP = Cause("dynamic_used_up", 200, 31, "The limit by earlier days is used up")
PACKET_USED_UP = Cause("packet_used_up", 200, 31, "The credit of the packet is used up")
TOO_LONG = Cause("too_long", 200, 31, "The longest allowed duration was reached")
OPERATOR_HANGUP = Cause("operator_hangup", 200, 31, "An operator hung up")
OVERLOAD = Cause("overload", 503, 42, "The switch is busy")
DATABASE_AWAY = Cause("database_away", 503, 38, "Balances cannot be checked now")
BAD_IDENTITY = Cause("bad_identity", 438, 21, "The caller number is not proved")
CALLER_BANNED = Cause("caller_banned", 403, 21, "The caller may not call out")
LIMIT_ADDRESS = Cause("limit_address", 403, 21, "The limit of the address is reached")
SCANNING = Cause("scanning", 403, 21, "A range of numbers is being tried")
WRONG_NUMBERS = Cause("wrong_numbers", 403, 21, "Wrong numbers like this one were called before")
NUMBER_BLOCKED = Cause("number_blocked", 403, 21, "This number may not be called")
PREMIUM_NUMBER = Cause("premium_number", 403, 21, "Premium-rate numbers may not be called")
SATELLITE_NUMBER = Cause("satellite_number", 403, 21, "Satellite phones may not be called")
COUNTRY_BLOCKED = Cause("country_blocked", 403, 21, "No calls are taken from that country")
LOOP = Cause("loop", 483, 25, "The call goes round in a circle")
SHUTDOWN = Cause("shutdown", 503, 41, "The switch was stopped")
BAD_REQUEST = Cause("bad_request", 400, 95, "The request is wrong")
REROUTED = Cause("rerouted", 503, 41, "The carrier's side broke off, and the call went on by another carrier")
WORKER_LOST = Cause("worker_lost", 500, 38, "The switch worker died during the call")
RULED_OUT = Cause("ruled_out", 403, 21, "A rule of the operator refuses the call")
INTERNAL = Cause("internal", 500, 41, "Internal error")

ORDINARY = frozenset((200, 404, 480, 486, 487, 600, 603))
"""Statuses by which calls end every day without anybody being at fault: answered, busy, nobody there, given up."""

#: Q.850 causes of SIP final statuses (RFC 3398 §8.2.6.1, ITU-T Q.1912.5), for what a carrier answers.
Q850_OF_STATUS = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 79, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 79,
}  # fmt: skip


def of_status(status: int) -> Cause:
    """The cause of a final answer that came from the far end."""
    return Cause(f"sip_{status}", status, Q850_OF_STATUS.get(status, 31), f"The far end answered {status}")
