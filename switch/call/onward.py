"""Calls within a call: who forwards or transfers one makes a call of its own, decided, paid for and recorded as such.

The guide (4434-4438) bills A → B and B → C apart, with a record each. So there are two `Call`s: the whole, in whose dialogs the
parties talk, and the guest (`Onward`), which dials C for B's account and money. A guest has no caller of its own:
what would go to one goes to the whole. It ends with the whole, and ends it when its money is used up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from switch.call import dial, money
from switch.call.board import new_call_id
from switch.call.call import Call
from switch.call.causes import CANCELLED
from switch.call.model import CallRequest, Diversion, Rejection, Target
from switch.call.pipeline import decide
from switch.call.record import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.branch import Branch
    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Caller
    from switch.media import Session
    from switch.sip.message import Header, Request, Response

    Failed = Callable[["Onward", Cause, int], None]


class Onward(Call):
    """A call of `account` within `whole`. `failed(onward, cause, status)` is called once, unless it was answered or given up."""

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
    def session(self) -> Session | None:
        """The whole's relay; once this is over, it is none of its business."""
        return self.whole.session if self.state != "over" else None

    @session.setter
    def session(self, opened: Session | None) -> None:
        if opened is not None:
            self.whole.session = opened

    @property
    def held(self) -> list[bool]:
        return self.whole.held

    @held.setter
    def held(self, _begin: list[bool]) -> None:
        """The whole's own."""

    # --- its life ---------------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide, set money aside, dial."""
        board = self.board
        world = board.world()
        outcome = decide(self.request, self.account, world, self.started, board.usage)
        self.world_version = world.version
        if isinstance(outcome, Rejection):
            self.refuse(outcome.cause, comment=told(outcome.detail, outcome.trace))
            return
        self.decision = outcome
        board.live.changed(self)
        money.first(self, dial.begin)

    def progress(self, response: Response, branch: Branch) -> None:
        if self.state not in {"trying", "ringing"}:
            return
        self.state = "ringing"
        if self.ringing_at is None and response.status in {180, 183}:
            self.ringing_at = self.wall_now()
        self.whole.progress(response, branch)

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

    def hang_up(self, cause: Cause, *, comment: str = "") -> None:
        """It ends by itself (money, an operator, a defect): answered, the conversation ends with it."""
        if self.state == "up":
            self.whole.hang_up(cause, comment=comment)
        super().hang_up(cause, comment=comment)


class Forward(Onward):
    """B lets A's call go on to C: the whole is A's call to B."""

    __slots__ = ()

    def answer(self, branch: Branch, response: Response) -> None:
        self.whole.reached = Target("local", self.account, self.request.diversions[0].number)
        Onward.answer(self, branch, response)

    def diverted(self, own: str) -> tuple[Header, ...]:
        return diverted(self.request, own)


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
    made.begin()
    return made


def diverted(request: CallRequest, own: str) -> tuple[Header, ...]:
    """Who forwarded the call, for whoever is called: Diversion (RFC 5806) and History-Info (RFC 7044), the newest Diversion first."""
    headers: list[Header] = [
        ("Diversion", f"<sip:{one.number}@{own}>;reason={one.reason};counter=1") for one in request.diversions
    ]
    index = "1"
    for one in reversed(request.diversions):
        cause = _CAUSES.get(one.reason, 302)
        headers.append(
            ("History-Info", f"<sip:{one.number}@{own}?Reason=SIP%3Bcause%3D{cause}>;index={index}")
        )
        index += ".1"
    if request.diversions:
        headers.append(("History-Info", f"<sip:{request.called}@{own}>;index={index}"))
    return tuple(headers)


_CAUSES = {"user-busy": 486, "no-answer": 408, "unavailable": 480}
"""SIP statuses that History-Info gives as reasons; 302 stands for an unconditional forward."""
