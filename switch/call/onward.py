"""Calls within a call: who forwards or transfers one makes a call of its own, decided, paid for and recorded as such.

The guide (4434-4438) bills A → B and B → C apart, with a record each. So there are two `Call`s: the whole, in whose dialogs the
parties talk, and the guest (`Onward`), which dials C for B's account and money. A guest has no caller of its own:
what would go to one goes to the whole. It ends with the whole, and ends it when its money is used up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from switch.call import lookups, money
from switch.call.board import new_call_id
from switch.call.call import Call
from switch.call.causes import CALLER_BANNED, CANCELLED
from switch.call.history import Diverted
from switch.call.model import CallRequest, Diversion, Rejection, Target
from switch.call.pipeline import decide
from switch.call.record import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.branch import Branch
    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Caller, Decision
    from switch.call.reliable import Owed
    from switch.call.sound import Sound
    from switch.sip.message import Header, Request, Response

    Failed = Callable[["Onward", Cause, int], None]


class Onward(Call):
    """A call of `account` within `whole`. `failed(onward, cause, status)` is called once, unless it was answered or given up."""

    can_be_asked = False

    __slots__ = ("failed", "whole")

    def __init__(
        self,
        whole: Call,
        account: Caller,
        request: CallRequest,
        failed: Failed,
        *,
        invite: Request | None = None,
        source: Leg | None = None,
    ) -> None:
        self.whole = whole
        self.failed = failed
        super().__init__(
            whole.board,
            request,
            account,
            whole.tx,
            invite or whole.invite,
            phone=whole.caller.phone,
        )
        self.caller = source or whole.caller
        self.loop_key = ("", self.id, "")
        whole.join(self)

    def enter_line(self) -> None:
        """Who forwards or transfers takes no part in what follows."""
        self.in_line = False

    # --- media: that of the whole -----------------------------------------------------------------------------------------------

    @property
    def sound(self) -> Sound | None:
        """The whole's; once this is over, it is none of its business."""
        return self.whole.sound if self.state != "over" else None

    @sound.setter
    def sound(self, planned: Sound | None) -> None:
        if planned is not None:
            self.whole.sound = planned

    # --- its life ---------------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, set money aside, dial."""
        board = self.board
        world = board.world()
        outcome = decide(self.request, self.account, world, self.started, board.usage)
        self.world_version = world.version
        lookups.wait(self, self.request, self.account, outcome, self.decided)

    def decided(self, outcome: Decision | Rejection) -> None:
        """All that had to be asked is known."""
        from switch.call import dial  # which lets calls go on, and so imports this

        if isinstance(outcome, Rejection):
            self.refuse(outcome.cause, comment=told(outcome.detail, outcome.trace))
            return
        self.decision = outcome
        if outcome.ask:
            self.refuse(CALLER_BANNED, comment=outcome.ask)
            return
        self.board.live.changed(self)
        money.first(self, dial.begin)

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        if self.state not in {"trying", "ringing"}:
            return False
        self.state = "ringing"
        if self.ringing_at is None and response.status in {180, 183}:
            self.ringing_at = self.wall_now()
        return self.whole.progress(response, branch, owed)

    def answer(self, branch: Branch, response: Response) -> None:
        """Its record and its clock begin; then the whole has its answer too."""
        if not self.taken(branch, response):
            return
        branch.call = self.whole
        self.whole.answer(branch, response)

    def refuse(
        self,
        cause: Cause,
        *,
        status: int = 0,
        by: str = "switch",
        comment: str = "",
        extra: tuple[Header, ...] = (),
        play: str = "",
    ) -> None:
        if self.state == "over":
            return
        status = status or cause.status
        self.over(cause, by=by, status=status, comment=comment)
        self.failed(self, cause, status)

    def give_up(self, why: str) -> None:
        if self.state in {"trying", "ringing"}:
            self._give_up_branches(why)
            self.over(CANCELLED, by="caller", status=CANCELLED.status, comment=why)

    def hang_up(self, cause: Cause, *, comment: str = "", ended: float | None = None) -> None:
        """It ends by itself (money, an operator, a defect): answered, the conversation ends with it."""
        if self.state == "up":
            self.whole.hang_up(cause, comment=comment, ended=ended)
        super().hang_up(cause, comment=comment, ended=ended)


class Apart(Onward):
    """One whose parties talk beside the whole, over media of their own, until the whole takes that over (`media.move`)."""

    __slots__ = ("beside",)
    beside: Sound | None

    @property
    def sound(self) -> Sound | None:
        return self.beside

    @sound.setter
    def sound(self, planned: Sound | None) -> None:
        self.beside = planned

    @property
    def speaker(self) -> Caller:
        return self.caller.whose or self.account

    def across(self, leg: Leg) -> Leg | None:
        return None if leg is self.caller else self.caller  # whoever is dialled has heard of nobody yet


class Forward(Onward):
    """B lets A's call go on to C: the whole is A's call to B."""

    __slots__ = ()

    def answer(self, branch: Branch, response: Response) -> None:
        self.whole.reached = Target("local", self.account, self.request.diversions[0].number)
        Onward.answer(self, branch, response)


def forward(whole: Call, account: Caller, number: str, reason: str, failed: Failed) -> Forward:
    """Let the call go on to the number; `account` pays."""
    before = whole.request
    called = whole.decision.called if whole.decision is not None else before.called
    request = replace(
        before,
        call_id=new_call_id(whole.wall_now()),
        received_at=whole.wall_now(),
        called=number,
        dialled=False,
        max_forwards=before.max_forwards - 1,
        diversions=(Diversion(account.id, called, reason), *before.diversions),
        shown_number=whole.decision.caller_number if whole.decision is not None else before.from_user,
    )
    made = Forward(whole, account, request, failed)
    made.diverted = turns(request)
    made.begin()
    return made


def turns(request: CallRequest) -> tuple[Diverted, ...]:
    """The forwards that led here, the oldest first, each with the number that it led to."""
    reached = [one.number for one in request.diversions[:-1]]
    to = [request.called, *reached]
    return tuple(
        Diverted(one.number, number, one.reason)
        for one, number in reversed(list(zip(request.diversions, to, strict=True)))
    )
