"""The demonstration itself: a phone, three carriers, two calls, an invoice. Each step proves what it shows.

1. Three carriers answer on the ports that the demo data gave them; a phone registers as subscriber 1001.
2. It calls through the switch: the cheapest carrier takes the call; both sides must hear the other's tone.
3. The call is shown live, ended, and followed into its record, prices, ledger and balance.
4. The cheapest carrier answers 503: the second call must reach the next one. It goes to another number, and so do the calls of
   the next demonstration: who calls a number again after a short call is given another carrier (`failover_repeat_seconds`).
5. An invoice for everything not yet invoiced is issued; Celery renders and mails it.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from django.utils import timezone

from apps.cdrs.live import LiveCall
from apps.users.models import Account
from mizu_site.demo import office, paper
from mizu_site.demo.office import Bill, require, until
from mizu_site.demo.page import checked, fact, heading, money, table
from mizu_site.demo.phone import Phone, account
from mizu_site.demo.refusal import Refusal
from mizu_site.demo.sound import share
from mizu_site.demo_data import CARRIERS
from mizu_site.run.place import Place

CALLER = "1001"
MOBILE = "97150"
TALK_SECONDS = (4.0, 2.0)
PHONE_TONE = 440
CARRIER_TONES = (520, 600, 680)
HEARD = 0.5
"""The part of what was heard that must be the other side's tone."""


def tell(place: Place, folder: Path, stack: ExitStack) -> None:
    """Do all of it; raises Fault as soon as something is not as it should be. `stack` ends what was begun."""
    caller = office.subscriber(CALLER)
    numbers = [f"{MOBILE}{number}" for number in random.sample(range(1_000_000, 9_999_999), 2)]
    carriers = start_carriers(folder, stack, numbers)
    phone = register(place, caller, folder, stack)
    first = follow(place, caller, phone, carriers[0], numbers[0], TALK_SECONDS[0])
    require(first.cdr.carrier is not None and first.cdr.carrier.username == CARRIERS[0][0],
            "The call did not go to the cheapest carrier.")  # fmt: skip
    fail_over(caller, phone, carriers, numbers[1], stack)
    phone.stop()
    paper.invoice(caller)
    print("\nEverything was as it should be.")


# --- who takes part -------------------------------------------------------------------------------------------------------------


def start_carriers(folder: Path, stack: ExitStack, numbers: list[str]) -> list[Phone]:
    """A phone that answers calls to the numbers on each carrier's port, the cheapest carrier first."""
    heading("Three carriers: phones that take every call, each with a tone of its own")
    started = []
    for (username, name, part, _), tone in zip(CARRIERS, CARRIER_TONES, strict=True):
        trunk = Account.objects.select_related("trunk").get(username=username).trunk
        server = f"{trunk.host}:{trunk.port}"
        lines = [account(number, server, answer="auto") for number in numbers]
        carrier = Phone(folder / username, lines, tone=tone, port=trunk.port)
        started.append(stack.enter_context(carrier))
        fact(name, f"{server}, {tone} Hz, charges us {part} of the retail price")
    return started


def register(place: Place, caller: Account, folder: Path, stack: ExitStack) -> Phone:
    """A phone of the subscriber, which the switch must know afterwards."""
    heading(f"A phone registers as {caller}")
    host, port = place.sip_address
    server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    secret = office.phone_password(place.var, CALLER)
    line = account(CALLER, server, password=secret, seconds=300)
    phone = stack.enter_context(Phone(folder / "phone", [line], tone=PHONE_TONE))
    require(phone.wait("REGISTER_OK"), f"The phone could not register: {phone.last_words()}")
    contact = until(
        lambda: office.registration(caller),
        5,
        "The phone is registered, but the switch did not tell Redis so.",
    )
    fact("SIP server", server)
    fact("contact in Redis", contact)
    checked("the password was proved by digest, and every worker knows where the phone is")
    return phone


# --- the calls ------------------------------------------------------------------------------------------------------------------


def follow(place: Place, caller: Account, phone: Phone, carrier: Phone, number: str, seconds: float) -> Bill:
    """A call from the first ring to the ledger."""
    before = office.balance(caller)
    heading(f"{CALLER} calls +{number}, and both sides talk for {seconds:g} seconds")
    call = talk(place, caller, phone, carrier, number, seconds)
    check_sound(phone, carrier)
    heading("The call becomes a record, prices and ledger entries")
    bill = office.bill(call.id, 10)
    show_record(bill)
    check_media(bill)
    check_money(caller, bill, before)
    return bill


def talk(
    place: Place, caller: Account, phone: Phone, carrier: Phone, number: str, seconds: float
) -> LiveCall:
    """Call, look at the live call, hang up."""
    host, port = place.sip_address
    phone.forget()
    carrier.forget()
    dialled = timezone.now()
    phone.dial(f"sip:{number}@{f'[{host}]' if ':' in host else host}:{port}")
    answered = phone.wait("CALL_ESTABLISHED")
    closed = phone.wait("CALL_CLOSED", 0)
    require(
        answered,
        f"The call was not answered: {closed['param'] if closed else 'no answer within 10 seconds'}.",
    )
    began = time.monotonic()
    call = until(
        lambda: office.live_call(caller, number, dialled),
        5,
        "The call is up, but it is not among the live calls in Redis.",
    )
    fact("live call", call.id)
    table(
        ("worker", "state", "caller", "called", "destination", "carrier", "codec"),
        [(call.worker, call.state, call.caller_number, call.called_number, call.destination, call.carrier, call.codec)],
    )  # fmt: skip
    time.sleep(max(0.0, began + seconds + 0.1 - time.monotonic()))
    phone.hang_up()
    require(phone.wait("CALL_CLOSED"), "The phone hung up, but its call did not end.")
    require(carrier.wait("CALL_CLOSED"), "The phone hung up, but the carrier was not told.")
    fact("hung up after", f"{seconds:g} seconds, by the phone")
    return call


def check_sound(phone: Phone, carrier: Phone) -> None:
    """Both recordings must hold the tone of the other side."""
    for listener, speaker, who in ((phone, carrier, "phone"), (carrier, phone, "carrier")):
        path = listener.recording()
        part = share(path, speaker.tone) if path else 0.0
        require(
            part > HEARD,
            f"The {who} did not hear the tone of {speaker.tone} Hz (only {part:.0%} of the sound).",
        )
        checked(f"the {who} heard the other side's {speaker.tone} Hz: {part:.0%} of what it recorded")


def show_record(bill: Bill) -> None:
    """The CDR with its attempts, prices and ledger entries."""
    cdr = bill.cdr
    fact(
        "started (UTC)",
        f"{cdr.started_at:%Y-%m-%d %H:%M:%S}, rang after {cdr.pdd_ms} ms, answered after {cdr.setup_ms} ms",
    )
    fact(
        "duration",
        f"{cdr.duration} s, ended by the {cdr.disconnector}: {cdr.hangup_cause}, Q.850 {cdr.q850_cause}",
    )
    fact(
        "route",
        f"rule {cdr.route_rule}, to {cdr.called_address} as {cdr.dialled_number}, snapshot {cdr.world_version}",
    )
    names = dict(Account.objects.filter(kind="carrier").values_list("pk", "username"))
    table(("attempt", "carrier", "answer", "why", "ms"),
          [(place, names.get(who, who), status, why, ms) for place, (who, status, why, ms) in enumerate(cdr.attempts, 1)])  # fmt: skip
    table(
        ("price", "who", "prefix", "a minute", "seconds", "net", "VAT", "gross", ""),
        [
            (p.kind, p.account.username, p.prefix, p.unit_price, p.billed_seconds, p.net, p.vat, p.gross, p.currency)
            for p in bill.prices
        ],
    )  # fmt: skip
    table(("ledger entry", "account", "kind", "amount", ""),
          [(e.pk, e.account.username, e.kind, e.amount, e.currency) for e in bill.entries])  # fmt: skip


def check_media(bill: Bill) -> None:
    """About 50 packets a second must have gone each way over the relay."""
    cdr = bill.cdr
    fact(
        "media",
        f"{cdr.media}, {cdr.codec}: {cdr.rtp_sent} packets to the called, {cdr.rtp_received} to the caller",
    )
    least = 25 * cdr.duration
    require(cdr.media in ("relay", "rtpengine") and min(cdr.rtp_sent, cdr.rtp_received) >= least,
            f"Fewer than {least} RTP packets were relayed in one of the directions.")  # fmt: skip
    checked("RTP went through the relay in both directions")


def check_money(caller: Account, bill: Bill, before: Decimal) -> None:
    """Exact arithmetic: the prices by the engine and by hand, the entry, and the balance."""
    price, after = bill.price("retail"), office.balance(caller)
    office.check_price(caller, "retail", price, bill.cdr)
    require(bill.cdr.carrier is not None, "The record names no carrier.")
    assert bill.cdr.carrier is not None
    office.check_price(bill.cdr.carrier, "carrier", bill.price("carrier"), bill.cdr)
    checked("the prices are what the rating engine says, and what pencil and paper say")
    own = [entry.amount for entry in bill.entries if entry.account_id == caller.pk]
    require(
        own == [-price.gross], f"The ledger has {own} for this call, and not one entry of {-price.gross}."
    )
    fact("balance before", money(before, price.currency))
    fact("balance after", money(after, price.currency))
    require(
        after == before - price.gross, "The balance after is not the balance before less the gross price."
    )
    checked("before - gross = after, to the millionth")


def fail_over(caller: Account, phone: Phone, carriers: list[Phone], number: str, stack: ExitStack) -> Bill:
    """The cheapest carrier refuses: the next one must take the call."""
    place = Place.read()
    cheapest, following = CARRIERS[0], CARRIERS[1]
    carriers[0].stop()
    refusal = stack.enter_context(Refusal(carriers[0].host, carriers[0].port))
    heading(f"{cheapest[1]} now answers 503: the second call must reach {following[1]}")
    before = office.balance(caller)
    call = talk(place, caller, phone, carriers[1], number, TALK_SECONDS[1])
    bill = office.bill(call.id, 10)
    show_record(bill)
    require(refusal.asked == 1, f"The cheapest carrier was asked {refusal.asked} times, not once.")
    require([attempt[1] for attempt in bill.cdr.attempts] == [503, 200]
            and bill.cdr.carrier is not None and bill.cdr.carrier.username == following[0],
            f"The attempts are {bill.cdr.attempts}, not a 503 and then {following[0]}.")  # fmt: skip
    checked(f"{cheapest[0]} was tried first and refused, {following[0]} took the call at its own cost")
    check_money(caller, bill, before)
    return bill
