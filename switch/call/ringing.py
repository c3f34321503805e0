"""Ringing an account of ours: its phones and those of its ring group, step by step, and what follows when nobody takes it.

1. All parties of a step ring beside each other, each from its delay on, for its time; the first answer wins, the others are cancelled.
2. 6xx ends it at once. All have refused: the next step, and after the last one the best refusal (RFC 3261 §16.7).
3. Busy, no answer and no phone at all may each lead on to another number, at the cost of the account that is called.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switch.call import fallback, onward, redirect
from switch.call.alarms import Alarm
from switch.call.branch import FLOW_FAILED, Branch
from switch.call.causes import NO_ANSWER, NOT_REGISTERED, Cause, of_status
from switch.call.identity import escaped
from switch.net import SECURE
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Caller, Party, Ring, Target
    from switch.registrar import Binding

BUSY = frozenset((486, 600, 603))
UNANSWERED = frozenset((408, 480))


def addressed(call: Call, account: Caller, contact: str) -> tuple[str, str]:
    """The Request-URI and the To by which a phone is called (`rewriteinternalcalled`, guide 2584-2588); To "": the same."""
    choice = call.board.world().settings_of(account).rewriteinternalcalled
    if choice == "keep":
        return contact, ""
    decision = call.decision
    received = decision.called if decision is not None else call.request.called
    number = account.caller_number.removeprefix("+")
    user = {"received": call.request.called, "number": number}.get(
        choice.removeprefix("all_"), account.username
    )
    if choice.endswith("best") and received == number:
        user = received
    told = str(Uri.parse(contact).replace(user=escaped(user or account.username), password=""))
    return (told if choice.startswith("all_") else contact), told


class Ringing:
    """One account that is being rung for a call."""

    __slots__ = ("alarms", "body", "call", "hung", "open", "place", "refused", "ring", "statuses", "target")

    def __init__(self, call: Call, target: Target, ring: Ring, body: bytes) -> None:
        self.call = call
        self.target = target
        self.ring = ring
        self.body = body
        self.place = -1
        self.open = 0
        """Parties of this step that may still answer."""
        self.statuses: list[int] = []
        self.refused: Branch | None = None
        self.alarms: list[Alarm] = []
        self.hung = False

    @property
    def over(self) -> bool:
        return self.hung or self.call.state not in {"trying", "ringing"}

    def next(self) -> None:
        """The next step; with none left, what follows."""
        while not self.over and not self.open:
            self.place += 1
            if self.place >= len(self.ring.steps):
                self._nobody()
                return
            parties = self.ring.steps[self.place]
            self.open = len(parties)
            if self.place:
                self.call.branches = []
            for party in parties:
                self._begin(party)

    def _begin(self, party: Party) -> None:
        if not party.delay:
            self._ring(party)
            return
        alarm = Alarm(partial(self._ring, party))
        self.alarms.append(alarm)
        self.call.board.alarms.set(alarm, self.call.board.now + party.delay)

    def _ring(self, party: Party) -> None:
        """The phones of one party, or a call to a number outside."""
        if self.over:
            return
        if party.account is None:
            onward.forward(self.call, self.target.account, party.number, "follow-me", self._outside_failed)
            return
        board = self.call.board
        bindings = reachable(self.call, party.account)
        if not board.world().settings_of(party.account).allowforkforsignaling:
            bindings = bindings[:1]
        if not bindings:
            self._note(480, NOT_REGISTERED.name, board.now)
            self._done()
            return
        target = self.target if party.account.id == self.target.account.id else _member(self.target, party)
        made = [self._branch(target, binding, self._seconds(party)) for binding in bindings]
        self.open += len(made) - 1
        self.call.branches += made
        self.call.last = self.call.last or made[0]
        first = board.world().settings_of(party.account).ringtimeout
        for branch in made:
            branch.ask(self.body, first_answer_within=min(first, branch.ring_seconds or first))

    def _branch(self, target: Target, binding: Binding, seconds: int) -> Branch:
        uri, to = addressed(self.call, target.account, binding.uri)
        branch = Branch(self.call, target, binding.flow, uri, self._refused)
        branch.to = to
        branch.routes = binding.path
        branch.binding = binding
        branch.ring_seconds = seconds
        return branch

    def _by_another_flow(self, lost: Branch) -> bool:
        """Whether the phone, whose flow is lost, has another one, by which it is called now (RFC 5626 §7)."""
        board, account = self.call.board, lost.target.account
        other = None
        if lost.binding is not None and not self.over:
            other = board.registrar.other_way(account.id, lost.binding, board.wall())
        if other is None:
            return False
        again = self._branch(lost.target, other, lost.ring_seconds)
        self.call.branches[self.call.branches.index(lost)] = again
        first = board.world().settings_of(account).ringtimeout
        again.ask(self.body, first_answer_within=min(first, again.ring_seconds or first))
        return True

    def _seconds(self, party: Party) -> int:
        """In the last step the time until the forward on no answer limits the ringing."""
        most = party.seconds
        if self.ring.no_answer and self.place == len(self.ring.steps) - 1:
            most = min(most or self.ring.no_answer_after, self.ring.no_answer_after)
        return most

    # --- refusals ---------------------------------------------------------------------------------------------------------------

    def _refused(self, branch: Branch, status: int) -> None:
        if status == FLOW_FAILED:
            if self._by_another_flow(branch):
                return
            status = 480
        branch.status = status
        self._note(status, of_status(status).name, branch.began, branch.target.account.id)
        self.statuses.append(status)
        if self.refused is None or best([self.refused.status, status]) == status:
            self.refused = branch
        if status >= 600:
            self.stop("declined elsewhere")
            if self.call.state in {"trying", "ringing"}:
                self._nobody()
        else:
            self._done()

    def _outside_failed(self, _guest: object, _cause: Cause, status: int) -> None:
        self._note(status, of_status(status).name, self.call.board.now)
        self.statuses.append(status)
        self._done()

    def _note(self, status: int, why: str, began: float, account: int = 0) -> None:
        took = int((self.call.board.clock() - began) * 1000)
        self.call.attempts.append([account or self.target.account.id, status, why, took])

    def _done(self) -> None:
        self.open -= 1
        if not self.open:
            self.next()

    def stop(self, why: str) -> None:
        """Nobody rings any more."""
        self.hung = True
        for alarm in self.alarms:
            self.call.board.alarms.cancel(alarm)
        self.call._give_up_branches(why)

    # --- nobody took it ---------------------------------------------------------------------------------------------------------

    def _nobody(self) -> None:
        """Forward it, do as a 3xx says, or refuse."""
        call, ring, self.hung = self.call, self.ring, True
        if not self.statuses:
            call.last = None
            if ring.unreachable:
                self._forward(ring.unreachable, "unavailable")
            else:
                call.refuse(NOT_REGISTERED)
            return
        status = best(self.statuses)
        call.last = self.refused or call.last
        if fallback.wanted(call, self.target, self.refused, status):
            from switch.call import dial  # which rings, and so imports this

            dial.reach(call, self.target)
        elif ring.busy and status in BUSY:
            self._forward(ring.busy, "user-busy")
        elif ring.no_answer and status in UNANSWERED:
            self._forward(ring.no_answer, "no-answer")
        elif 300 <= status < 400 and self.refused is not None:
            redirect.follow(call, self.target, self.refused)
        elif status == 408:
            call.refuse(NO_ANSWER)
        else:
            call.refuse(of_status(status), status=status, by="called")

    def _forward(self, number: str, reason: str) -> None:
        self.call.branches = []
        onward.forward(self.call, self.target.account, number, reason, forward_failed)


def begin(call: Call, target: Target, body: bytes) -> None:
    """Ring the account of the target."""
    assert target.ring is not None
    Ringing(call, target, target.ring, body).next()


def forward_failed(guest: onward.Onward, cause: Cause, status: int) -> None:
    """Nobody took the call where it was forwarded to: the caller hears that."""
    if 300 <= status < 400:
        status = 480
    guest.whole.refuse(cause, status=status, by="called", comment=f"forwarded to {guest.request.called}")


def reachable(call: Call, account: Caller) -> list[Binding]:
    """Where the account is called: of a sips call every hop must be secure (RFC 3261 §26.2.2, RFC 5630 §5.3)."""
    found = call.board.registrar.reachable(account.id, call.board.wall())
    return [one for one in found if one.flow.transport in SECURE] if call.sips else found


def _member(target: Target, party: Party) -> Target:
    assert party.account is not None
    return replace(target, account=party.account, number=party.number, ring=None)


def best(statuses: list[int]) -> int:
    """The refusal that tells the caller most: 6xx, else the lowest class, in it busy and declined first (RFC 3261 §16.7)."""
    return min(
        statuses,
        key=lambda s: (s < 600, s // 100 if s != 408 else 9, s not in {486, 401, 407, 415, 420, 484}, s),
    )
