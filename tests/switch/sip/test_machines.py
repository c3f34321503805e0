"""The four transaction machines in any order of events, against the RFC's tables (`models`): states, timers, what is sent and told."""

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from . import make
from .conftest import Lab
from .models import Client, InviteClient, InviteServer, Server

BOUNDED = settings(max_examples=80, stateful_step_count=20, deadline=None, database=None)
SHORT, LONG = st.integers(1, 60), st.integers(60, 1700)
"""Steps of 20 ms: about T1, and up to 34 seconds, longer than any timer."""
PROVISIONAL, FAILURE = st.sampled_from((100, 180, 183, 199)), st.sampled_from((302, 404, 486, 503, 603, 699))
SUCCESS = st.sampled_from((200, 202, 299))
TAGS = st.sampled_from(("one", "two"))


class Machine(RuleBasedStateMachine):
    """A lab and a model that live through the same."""

    lab: Lab
    model: InviteClient | Client | InviteServer | Server

    @rule(ticks=SHORT)
    def a_moment_passes(self, ticks):
        self.pass_time(ticks)

    @rule(ticks=LONG)
    def time_passes(self, ticks):
        self.pass_time(ticks)

    def pass_time(self, ticks):
        seconds = round(self.lab.now - self.lab.START + ticks / 50, 2)
        self.lab.until(seconds)
        self.model.until(seconds)

    def expected(self):
        return self.model.sent

    @invariant()
    def code_and_table_agree(self):
        if not hasattr(self, "tx"):
            return
        sent = sorted(f"{time:g} {what}" for time, what in self.expected())
        assert sorted(self.lab.sent) == sent
        assert [event for event in self.lab.user.events if event not in self.opening] == self.model.told
        assert self.tx.state == self.model.state
        assert (self.tx.key in self.table()) == (self.model.state != "terminated")

    opening: tuple[str, ...] = ()

    def table(self):
        return self.lab.layer.clients


class ClientMachine(Machine):
    """OPTIONS of ours."""

    @initialize(reliable=st.booleans())
    def ask(self, reliable):
        self.lab = Lab(reliable=reliable)
        self.request = make.request("OPTIONS", branch=self.lab.ids.branch())
        self.tx = self.lab.layer.request(self.request, self.lab.wire, self.lab.now)
        self.model = Client("OPTIONS", reliable=reliable)

    @rule(status=PROVISIONAL)
    def provisional_response(self, status):
        self.response(status)

    @rule(status=st.one_of(SUCCESS, FAILURE))
    def final_response(self, status):
        self.response(status)

    def response(self, status):
        self.lab.receive(make.answer(self.request, status))
        self.model.response(status)


class InviteClientMachine(Machine):
    """An INVITE of ours, which may be cancelled and is acknowledged by its user."""

    @initialize(reliable=st.booleans())
    def call(self, reliable):
        self.lab = Lab(reliable=reliable)
        self.request = make.request(branch=self.lab.ids.branch())
        self.tx = self.lab.layer.invite(self.request, self.lab.wire, self.lab.now)
        self.model = InviteClient(reliable=reliable)

    @rule(status=PROVISIONAL, tag=TAGS)
    def provisional_response(self, status, tag):
        self.response(status, tag)

    @rule(status=st.one_of(SUCCESS, FAILURE), tag=TAGS)
    def final_response(self, status, tag):
        self.response(status, tag)

    def response(self, status, tag):
        self.lab.receive(make.answer(self.request, status, tag=tag))
        self.model.response(status, tag)

    @precondition(lambda self: self.model.state == "accepted")
    @rule(tag=TAGS)
    def the_user_acknowledges(self, tag):
        assume(self.model.acknowledged is None)
        self.tx.send_ack(make.request("ACK", branch=self.lab.ids.branch(), to_tag=tag), self.lab.now)
        self.model.ack(tag)

    @rule()
    def the_user_gives_up(self):
        self.tx.cancel(self.lab.now)
        self.model.give_up()

    @precondition(lambda self: self.model.cancel is not None)
    @rule(status=st.one_of(SUCCESS, FAILURE))
    def the_cancel_is_answered(self, status):
        cancel = make.request("CANCEL", branch=self.request.via.branch)
        self.lab.receive(make.answer(cancel, status))
        self.model.cancel.response(status)

    def expected(self):
        return self.model.everything()


class ServerMachine(Machine):
    """OPTIONS of a peer."""

    opening = ("OPTIONS",)

    @initialize(reliable=st.booleans())
    def asked(self, reliable):
        self.lab = Lab(reliable=reliable)
        self.request = make.request("OPTIONS")
        self.lab.receive(self.request)
        self.tx = self.lab.user.transactions[0]
        self.model = Server(reliable=reliable)

    @precondition(lambda self: self.model.state != "terminated")
    @rule()
    def it_comes_again(self):
        self.lab.receive(self.request)
        self.model.again()

    @rule(status=PROVISIONAL)
    def the_user_replies_provisionally(self, status):
        self.reply(status)

    @rule(status=st.one_of(SUCCESS, FAILURE))
    def the_user_replies(self, status):
        self.reply(status)

    def reply(self, status):
        self.tx.reply(status, self.lab.now)
        self.model.reply(status)

    def table(self):
        return self.lab.layer.servers


class InviteServerMachine(Machine):
    """An INVITE of a peer, which acknowledges, repeats and cancels it."""

    opening = ("INVITE", "cancelled")

    @initialize(reliable=st.booleans())
    def rings(self, reliable):
        self.lab = Lab(reliable=reliable)
        self.request = make.request()
        self.lab.receive(self.request)
        self.tx = self.lab.user.transactions[0]
        self.model = InviteServer(reliable=reliable)
        self.cancels = 0

    @precondition(lambda self: self.model.state != "terminated")
    @rule()
    def it_comes_again(self):
        self.lab.receive(self.request)
        self.model.again()

    @rule(status=PROVISIONAL)
    def the_user_replies_provisionally(self, status):
        self.reply(status)

    @rule(status=st.one_of(SUCCESS, FAILURE))
    def the_user_replies(self, status):
        self.reply(status)

    def reply(self, status):
        self.tx.reply(status, self.lab.now)
        self.model.reply(status)

    @precondition(lambda self: self.model.state in {"completed", "confirmed", "accepted"})
    @rule(own_branch=st.booleans())
    def it_is_acknowledged(self, own_branch):
        """RFC 3261 §17.1.1.3: the ACK to a failure has the branch of the INVITE; that to a 2xx should not, but some have."""
        apart = self.model.state == "accepted" and not own_branch
        branch = {"branch": "z9hG4bK-ack"} if apart else {}
        self.lab.receive(make.request("ACK", to_tag=self.tx.tag, **branch))
        self.model.ack()

    @precondition(lambda self: self.model.state != "terminated")
    @rule()
    def it_is_cancelled(self):
        """Its own transaction, answered 200 each time it comes; the user hears of it while there is no final answer."""
        known = len(self.lab.user.events)
        self.lab.receive(make.request("CANCEL"))
        told = self.lab.user.events[known:]
        assert told in ([], ["cancelled"])
        assert not told or self.model.state == "proceeding"
        assert told or self.cancels or self.model.state != "proceeding"
        self.cancels += 1
        self.model.send("200")

    def table(self):
        return self.lab.layer.servers

    def teardown(self):
        """After all timers nothing is left, whatever happened before."""
        if hasattr(self, "tx"):
            self.tx.reply(480, self.lab.now)
            self.lab.until(self.lab.now - self.lab.START + 80)
            assert not len(self.lab.layer) and not self.lab.layer.unacked


for machine in (ClientMachine, InviteClientMachine, ServerMachine, InviteServerMachine):
    machine.TestCase.settings = BOUNDED

TestNonInviteClient = ClientMachine.TestCase
TestInviteClient = InviteClientMachine.TestCase
TestNonInviteServer = ServerMachine.TestCase
TestInviteServer = InviteServerMachine.TestCase
