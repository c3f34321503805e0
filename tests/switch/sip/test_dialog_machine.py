"""A dialog in any order of requests and responses, of either side, against the rules of RFC 3261 §12 written down once more."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from switch.sip.dialog import Dialog, DialogId
from switch.sip.message import Request

from . import make

VIA = "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-w1-x"
OURS = "<sip:w1@192.0.2.9:5071>"
TARGETS = st.sampled_from(("sip:x@198.51.100.1", "sip:y@198.51.100.2:5070;transport=tcp", "tel:+4930"))
ROUTES = st.lists(st.sampled_from(("<sip:p1;lr>", "<sip:p2;lr>", "<sip:strict.example>")), max_size=3)
REFRESHING = {"INVITE", "UPDATE"}


class DialogMachine(RuleBasedStateMachine):
    """§12.1 makes it, §12.2 lives in it."""

    @initialize(
        we_called=st.booleans(),
        place=TARGETS,
        routes=ROUTES,
        number=st.integers(0, 1000),
        answered=st.booleans(),
    )
    def begin(self, we_called, place, routes, number, answered):
        self.target = place
        if we_called:
            self.invite = make.request(cseq=number)
            self.early = not answered
            response = self._answer(self.invite, 200 if answered else 183, place, routes)
            self.dialog = Dialog.of_caller(self.invite, response, OURS)
            self.routes = routes[::-1]
            self.sent, self.invited, self.heard, self.tags = number, number, None, ("a1", "b1")
        else:
            more = {"Record_Route": ", ".join(routes)} if routes else {}
            invite = make.request(cseq=number, Contact=f"<{place}>", **more)
            self.invite, self.early, self.routes = None, True, routes
            self.dialog = Dialog.of_callee(invite, "ours", OURS)
            self.sent, self.invited, self.heard, self.tags = 0, 0, number, ("ours", "a1")

    def _answer(self, request, status, place, routes):
        more = {"Record_Route": ", ".join(routes)} if routes else {}
        return make.answer(request, status, tag="b1", Contact=f"<{place}>", **more)

    # --- responses to our INVITE, and to what we ask later ---

    @precondition(lambda self: self.invite is not None and self.early)
    @rule(status=st.sampled_from((180, 183, 200, 202, 404, 503)), place=TARGETS, routes=ROUTES)
    def our_invite_is_answered(self, status, place, routes):
        """§13.2.2: provisional responses and the first 2xx say where the dialog goes; a failure ends nothing here."""
        self.dialog.on_response(self._answer(self.invite, status, place, routes))
        if status < 300:
            self.target, self.routes = place, routes[::-1]
            self.early = status < 200

    @precondition(lambda self: not self.early)
    @rule(method=st.sampled_from(("INVITE", "UPDATE", "INFO", "BYE")), status=st.sampled_from((100, 180, 200, 302, 491)), place=TARGETS,
          routes=ROUTES)  # fmt: skip
    def we_ask_and_are_answered(self, method, status, place, routes):
        """§12.2.1.2: a 2xx to a request that refreshes the target moves it; nothing ever moves the route set."""
        request = self.ask(method)
        self.dialog.on_response(self._answer(request, status, place, routes))
        if method in REFRESHING and 200 <= status < 300:
            self.target = place

    @precondition(lambda self: self.early)
    @rule(status=st.sampled_from((180, 200)), place=TARGETS, routes=ROUTES)
    def an_update_is_answered_before_the_call_is(self, status, place, routes):
        """RFC 3311 §5: it moves the target, and is not what the route set is learnt from."""
        request = self.ask("UPDATE")
        self.dialog.on_response(self._answer(request, status, place, routes))
        if status == 200:
            self.target = place

    # --- requests of either side ---

    @rule(method=st.sampled_from(("INVITE", "BYE", "UPDATE", "INFO")))
    def we_ask(self, method):
        self.ask(method)

    def ask(self, method):
        """§12.2.1.1: the next number; Request-URI and Route by the first route's kind; Contact where the target is refreshed."""
        request = self.dialog.request(method, VIA)
        self.sent += 1
        if method == "INVITE":
            self.invited = self.sent
        assert str(request.cseq) == f"{self.sent} {method}"
        assert request.get("Contact") == (OURS if method in REFRESHING else None)
        self._goes_the_right_way(request)
        return request

    @rule()
    def we_acknowledge(self):
        """§13.2.2.4: the number of the INVITE, whatever was asked meanwhile."""
        ack = self.dialog.ack(VIA)
        assert str(ack.cseq) == f"{self.invited} ACK"
        self._goes_the_right_way(ack)

    def _goes_the_right_way(self, request):
        assert (request.from_.tag, request.to.tag) == self.tags
        if self.routes and ";lr" not in self.routes[0]:
            assert request.uri == self.routes[0].strip("<>")
            assert request.all("Route") == [*self.routes[1:], f"<{self.target}>"]
        else:
            assert (request.uri, request.all("Route")) == (self.target, self.routes)

    @rule(
        method=st.sampled_from(("INVITE", "BYE", "UPDATE", "INFO", "ACK", "CANCEL")),
        step=st.integers(-2, 5),
        place=TARGETS,
    )
    def we_are_asked(self, method, step, place):
        """§12.2.2: a number that is not higher is out of order, but ACK and CANCEL repeat that of their INVITE."""
        number = max(0, (self.heard if self.heard is not None else 10) + step)
        told = self.dialog.accepts(make.request(method, cseq=number, Contact=f"<{place}>"))
        if method in {"ACK", "CANCEL"}:
            assert told
            return
        assert told == (self.heard is None or number > self.heard)
        if told:
            self.heard = number
            if method in REFRESHING:
                self.target = place

    @rule()
    def we_answer_the_call(self):
        if self.invite is None:
            self.dialog.confirm()
            self.early = False

    # --- always ---

    @invariant()
    def it_is_the_same_dialog_as_ever(self):
        if not hasattr(self, "dialog"):
            return
        local, remote = self.tags
        assert self.dialog.id == DialogId("call-1", local, remote)
        assert (self.dialog.target, self.dialog.route_set) == (self.target, self.routes)
        assert (self.dialog.state == "early") == self.early
        assert isinstance(self.dialog.request("INFO", VIA), Request)
        self.sent += 1


DialogMachine.TestCase.settings = settings(
    max_examples=80, stateful_step_count=25, deadline=None, database=None
)
TestDialog = DialogMachine.TestCase
