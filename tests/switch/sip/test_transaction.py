"""The state machines of RFC 3261 §17 with the corrections of RFC 6026, on simulated time."""

import pytest

from switch.sip.message import BadMessage, parse
from switch.sip.transaction import TransactionLayer

from . import make
from .conftest import Lab


def call(lab: Lab):
    request = make.request(branch=lab.ids.branch())
    return request, lab.layer.invite(request, lab.wire, lab.now)


def ask(lab: Lab, method: str = "OPTIONS"):
    request = make.request(method, branch=lab.ids.branch())
    return request, lab.layer.request(request, lab.wire, lab.now)


def ring(lab: Lab, **headers: str):
    """A peer's INVITE, and its server transaction."""
    request = make.request(**headers)
    lab.receive(request)
    return request, lab.user.transactions[-1]


# --- INVITE client ----------------------------------------------------------------------------------------------------------------


def test_an_unanswered_invite_is_sent_seven_times_and_times_out_after_32_seconds(lab):
    call(lab)
    lab.until(31.98)
    assert lab.sent == [f"{t} INVITE" for t in ("0", "0.5", "1.5", "3.5", "7.5", "15.5", "31.5")]
    assert lab.user.events == []
    lab.until(32.1)
    assert lab.user.events == ["timeout"]
    assert len(lab.layer) == 0


def test_over_a_connection_an_invite_is_sent_once(tcp):
    call(tcp)
    tcp.until(33)
    assert tcp.sent == ["0 INVITE"]
    assert tcp.user.events == ["timeout"]


def test_a_provisional_response_stops_the_retransmissions_and_the_time_limit(lab):
    request, _ = call(lab)
    lab.until(0.6)
    lab.receive(make.answer(request, 100))
    lab.receive(make.answer(request, 180))
    lab.until(120)
    assert lab.sent == ["0 INVITE", "0.5 INVITE"]
    assert lab.user.events == ["100", "180"]
    assert len(lab.layer) == 1


@pytest.mark.parametrize("status", [302, 404, 503, 603])
def test_a_failure_is_acknowledged_each_time_it_comes_and_told_once(lab, status):
    request, tx = call(lab)
    lab.receive(make.answer(request, status))
    lab.until(1)
    lab.receive(make.answer(request, status))
    assert lab.sent == ["0 INVITE", "0 ACK", "1 ACK"]
    assert lab.user.events == [str(status)]
    assert tx.request is request
    lab.until(32.5)
    assert len(lab.layer) == 0
    lab.receive(make.answer(request, status))
    assert lab.layer.stray == 1
    assert len(lab.sent) == 3


def test_the_ack_to_a_failure_repeats_branch_route_and_number_and_takes_the_to_tag(lab):
    request = make.request(branch=lab.ids.branch(), cseq=7, Route="<sip:p;lr>")
    lab.layer.request(request, lab.wire, lab.now)
    lab.receive(make.answer(request, 486, tag="theirs"))
    ack = lab.last()
    assert (ack.method, ack.uri, ack.via.branch) == ("ACK", request.uri, request.via.branch)
    assert (ack.cseq.number, ack.to.tag, ack.get("Route"), ack.all("Via")) == (
        7,
        "theirs",
        "<sip:p;lr>",
        [request.get("Via")],
    )


def test_over_a_connection_a_failure_ends_the_transaction_at_once(tcp):
    request, _ = call(tcp)
    tcp.receive(make.answer(request, 404))
    assert tcp.sent == ["0 INVITE", "0 ACK"]
    assert len(tcp.layer) == 0


def test_a_repeated_2xx_is_acknowledged_without_the_user(lab):
    request, tx = call(lab)
    lab.receive(make.answer(request, 200))
    tx.send_ack(make.request("ACK", branch=lab.ids.branch(), to_tag="b1"), lab.now)
    lab.until(2)
    lab.receive(make.answer(request, 200))
    assert lab.sent == ["0 INVITE", "0 ACK", "2 ACK"]
    assert lab.user.events == ["200"]
    lab.until(32.1)
    assert len(lab.layer) == 0


def test_a_2xx_of_another_fork_goes_to_the_user(lab):
    request, tx = call(lab)
    lab.receive(make.answer(request, 200, tag="one"))
    tx.send_ack(make.request("ACK", branch=lab.ids.branch(), to_tag="one"), lab.now)
    lab.receive(make.answer(request, 200, tag="two"))
    assert [r.to.tag for r in lab.user.responses] == ["one", "two"]


def test_a_failure_after_the_2xx_is_ignored(lab):
    request, _ = call(lab)
    lab.receive(make.answer(request, 200))
    lab.receive(make.answer(request, 487))
    assert lab.user.events == ["200"]
    assert lab.sent == ["0 INVITE"]


# --- CANCEL of ours ---------------------------------------------------------------------------------------------------------------


def test_a_cancel_waits_for_a_provisional_response(lab):
    request, tx = call(lab)
    tx.cancel(lab.now)
    assert lab.sent == ["0 INVITE"]
    lab.until(0.1)
    lab.receive(make.answer(request, 180))
    assert lab.sent == ["0 INVITE", "0.1 CANCEL"]
    cancel = lab.last()
    assert (cancel.via.branch, cancel.cseq.number, cancel.to.tag) == (request.via.branch, 1, None)
    lab.receive(make.answer(cancel, 200))
    lab.receive(make.answer(request, 487))
    assert lab.user.events == ["180", "487"]
    lab.until(40)
    assert len(lab.layer) == 0


def test_a_cancelled_invite_without_final_response_times_out(lab):
    request, tx = call(lab)
    lab.receive(make.answer(request, 180))
    tx.cancel(lab.now, (("Reason", "SIP;cause=200"),))
    assert lab.last().get("Reason") == "SIP;cause=200"
    lab.receive(make.answer(lab.last(), 200))
    lab.until(32.1)
    assert lab.user.events == ["180", "timeout"]
    assert len(lab.layer) == 0


def test_a_2xx_that_crosses_the_cancel_still_reaches_the_user(lab):
    request, tx = call(lab)
    lab.receive(make.answer(request, 180))
    tx.cancel(lab.now)
    lab.receive(make.answer(request, 200))
    assert lab.user.events == ["180", "200"]


def test_an_answered_invite_cannot_be_cancelled(lab):
    request, tx = call(lab)
    lab.receive(make.answer(request, 200))
    tx.cancel(lab.now)
    assert lab.sent == ["0 INVITE"]


# --- other requests of ours -------------------------------------------------------------------------------------------------------


def test_an_unanswered_request_is_sent_eleven_times_and_times_out_after_32_seconds(lab):
    ask(lab)
    lab.until(33)
    times = ("0", "0.5", "1.5", "3.5", "7.5", "11.5", "15.5", "19.5", "23.5", "27.5", "31.5")
    assert lab.sent == [f"{t} OPTIONS" for t in times]
    assert lab.user.events == ["timeout"]
    assert len(lab.layer) == 0


def test_a_provisional_response_slows_the_retransmissions_to_t2(lab):
    request, _ = ask(lab)
    lab.until(0.2)
    lab.receive(make.answer(request, 100))
    lab.until(9)
    assert lab.sent == ["0 OPTIONS", "0.5 OPTIONS", "4.5 OPTIONS", "8.5 OPTIONS"]
    lab.until(33)
    assert lab.user.events == ["100", "timeout"]


def test_a_final_response_is_told_once_and_its_copies_absorbed_for_t4(lab):
    request, _ = ask(lab)
    lab.receive(make.answer(request, 200))
    lab.receive(make.answer(request, 200))
    lab.until(4.9)
    assert len(lab.layer) == 1
    lab.until(5.1)
    assert len(lab.layer) == 0
    assert lab.user.events == ["200"]
    assert lab.sent == ["0 OPTIONS"]


def test_a_response_finds_its_transaction_by_branch_and_method(lab):
    request, _ = ask(lab)
    other = make.request("BYE", branch=request.via.branch)
    lab.receive(make.answer(other, 200))
    lab.receive(make.answer(make.request("OPTIONS", branch="z9hG4bK-else"), 200))
    assert lab.user.events == []
    assert lab.layer.stray == 2


# --- INVITE to us -----------------------------------------------------------------------------------------------------------------


def test_a_100_goes_out_after_200_ms_unless_the_user_was_faster(lab):
    ring(lab)
    lab.until(1)
    assert lab.sent == ["0.2 100"]


def test_no_100_goes_out_after_the_user_has_answered(lab):
    _, tx = ring(lab)
    tx.reply(180, lab.now)
    lab.until(1)
    assert lab.sent == ["0 180"]


def test_a_repeated_invite_gets_the_last_provisional_response_again(lab):
    request, tx = ring(lab)
    lab.receive(request)
    tx.reply(183, lab.now)
    lab.receive(request)
    assert lab.sent == ["0 100", "0 183", "0 183"]
    assert lab.user.events == ["INVITE"]


def test_a_failure_is_sent_again_until_the_ack_comes(lab):
    request, tx = ring(lab)
    tx.reply(486, lab.now)
    lab.until(4)
    lab.receive(request)
    assert lab.sent == ["0 486", "0.5 486", "1.5 486", "3.5 486", "4 486"]
    lab.receive(make.request("ACK", to_tag=tx.tag))
    lab.until(8.9)
    lab.receive(make.request("ACK", to_tag=tx.tag))
    assert len(lab.sent) == 5
    assert len(lab.layer) == 1
    lab.until(9.1)
    assert len(lab.layer) == 0
    assert lab.user.events == ["INVITE"]


def test_a_failure_that_nobody_acknowledges_ends_after_32_seconds(lab):
    _, tx = ring(lab)
    tx.reply(486, lab.now)
    lab.until(32.1)
    times = ("0", "0.5", "1.5", "3.5", "7.5", "11.5", "15.5", "19.5", "23.5", "27.5", "31.5")
    assert lab.sent == [f"{t} 486" for t in times]
    assert lab.user.events == ["INVITE", "timeout"]
    assert len(lab.layer) == 0


def test_over_a_connection_a_failure_is_sent_once_and_its_ack_ends_all(tcp):
    _, tx = ring(tcp)
    tx.reply(486, tcp.now)
    tcp.until(5)
    assert tcp.sent == ["0 486"]
    tcp.receive(make.request("ACK", to_tag=tx.tag))
    assert len(tcp.layer) == 0


@pytest.mark.parametrize("reliable", [False, True])
def test_a_2xx_is_sent_again_until_its_ack_comes_over_any_transport(reliable):
    lab = Lab(reliable=reliable)
    request, tx = ring(lab)
    tx.reply(200, lab.now)
    lab.until(2)
    lab.receive(request)
    lab.receive(make.request("ACK", branch="z9hG4bK-ack", to_tag=tx.tag))
    lab.until(31.9)
    assert lab.sent == ["0 200", "0.5 200", "1.5 200"]
    assert lab.user.events == ["INVITE", "ACK"]
    assert len(lab.layer) == 1
    lab.until(32.1)
    assert len(lab.layer) == 0
    assert not lab.layer.unacked


def test_only_requests_without_an_answer_and_a_2xx_without_its_ack_wait_for_anybody(lab):
    assert not lab.layer.waits()
    request, tx = call(lab)
    assert lab.layer.waits(), "for the answer to our INVITE"
    lab.receive(make.answer(request, 180))
    assert lab.layer.waits(), "for its final one"
    lab.receive(make.answer(request, 200))
    tx.send_ack(make.request("ACK", to_tag="theirs"), lab.now)
    assert not lab.layer.waits(), "the INVITE stays for copies of its 200 alone"
    bye, _ = ask(lab, "BYE")
    assert lab.layer.waits(), "for the answer to our BYE"
    lab.receive(make.answer(bye, 200))
    assert not lab.layer.waits()
    _, asked = ring(lab)
    assert not lab.layer.waits(), "it is we who owe an answer"
    asked.reply(200, lab.now)
    assert lab.layer.waits(), "for the ACK"
    lab.receive(make.request("ACK", branch="z9hG4bK-ack", to_tag=asked.tag))
    assert not lab.layer.waits()
    assert len(lab.layer) == 3, "all three are still there, to absorb copies"


def test_an_ack_to_a_2xx_with_the_branch_of_its_invite_is_understood(lab):
    _, tx = ring(lab)
    tx.reply(200, lab.now)
    lab.receive(make.request("ACK", to_tag=tx.tag))
    lab.until(3)
    assert lab.sent == ["0 200"]
    assert lab.user.events == ["INVITE", "ACK"]


def test_a_2xx_that_nobody_acknowledges_is_told_after_32_seconds(lab):
    _, tx = ring(lab)
    tx.reply(200, lab.now)
    lab.until(32.1)
    assert lab.sent[-1] == "31.5 200"
    assert lab.user.events == ["INVITE", "timeout"]
    assert len(lab.layer) == 0


def test_only_one_final_response_goes_out(lab):
    _, tx = ring(lab)
    assert tx.reply(200, lab.now)
    assert not tx.reply(486, lab.now)
    assert not tx.reply(180, lab.now)
    assert lab.sent == ["0 200"]


def test_an_ended_transaction_keeps_nothing_but_the_last_response(lab):
    _, tx = ring(lab)
    tx.reply(200, lab.now)
    assert tx.request is None
    assert tx.data.startswith(b"SIP/2.0 200 OK\r\n")
    lab.receive(make.request("ACK", branch="z9hG4bK-ack", to_tag=tx.tag))
    assert tx.data == b""


# --- CANCEL to us -----------------------------------------------------------------------------------------------------------------


def test_a_cancel_is_answered_with_the_tag_of_the_invite_and_told(lab):
    _, tx = ring(lab)
    lab.receive(make.request("CANCEL"))
    assert lab.sent == ["0 200"]
    assert lab.last().to.tag == tx.tag
    tx.reply(487, lab.now)
    assert lab.sent == ["0 200", "0 487"]
    assert lab.user.events == ["INVITE", "cancelled"]


def test_a_cancel_after_the_final_response_changes_nothing(lab):
    _, tx = ring(lab)
    tx.reply(200, lab.now)
    lab.receive(make.request("CANCEL"))
    lab.receive(make.request("CANCEL"))
    assert lab.sent == ["0 200", "0 200", "0 200"]
    assert lab.user.events == ["INVITE"]


def test_a_cancel_of_nothing_is_answered_481(lab):
    lab.receive(make.request("CANCEL"))
    assert lab.sent == ["0 481"]
    assert lab.user.events == []


# --- other requests to us ---------------------------------------------------------------------------------------------------------


def test_a_repeated_request_gets_the_same_answer_for_32_seconds(lab):
    request = make.request("OPTIONS")
    lab.receive(request)
    lab.receive(request)
    assert lab.sent == []
    lab.user.transactions[0].reply(200, lab.now)
    lab.until(31.9)
    lab.receive(request)
    assert lab.wire.sent[0][1] == lab.wire.sent[1][1]
    lab.until(32.1)
    assert len(lab.layer) == 0
    assert lab.user.events == ["OPTIONS"]


def test_over_a_connection_an_answered_request_is_forgotten_at_once(tcp):
    tcp.receive(make.request("OPTIONS"))
    tcp.user.transactions[0].reply(200, tcp.now)
    assert len(tcp.layer) == 0


def test_a_request_that_the_user_never_answers_ends_after_32_seconds(lab):
    lab.receive(make.request("OPTIONS"))
    lab.until(32.1)
    assert lab.user.events == ["OPTIONS", "timeout"]
    assert len(lab.layer) == 0


@pytest.mark.parametrize("branch", ["", "z9hG4bK", "old-style"])
def test_without_a_unique_branch_the_parts_of_rfc_2543_are_compared(lab, branch):
    request = make.request(branch=branch) if branch else make.request()
    if not branch:
        request.set("Via", "SIP/2.0/UDP 192.0.2.1:5060")
    lab.receive(request)
    lab.receive(request)
    assert lab.user.events == ["INVITE"]
    other = parse(request.encode())
    other.set("Call-ID", "call-2")
    lab.receive(other)
    assert lab.user.events == ["INVITE", "INVITE"]
    first = lab.user.transactions[0]
    first.reply(486, lab.now)
    ack = make.request("ACK", to_tag="not ours".replace(" ", ""))
    ack.set("Via", request.get("Via"))
    lab.receive(ack)
    assert first.state == "completed"
    ack.set("To", f"<sip:bob@example.net>;tag={first.tag}")
    lab.receive(ack)
    assert first.state == "confirmed"


def test_the_same_branch_from_another_sender_is_another_transaction(lab):
    request = make.request("OPTIONS")
    lab.receive(request)
    request.set("Via", request.get("Via").replace("192.0.2.1", "192.0.2.2"))
    lab.receive(request)
    assert lab.user.events == ["OPTIONS", "OPTIONS"]


# --- limits and faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["too many transactions", "its owner is busy"])
def test_under_overload_what_is_new_gets_503_and_what_is_up_goes_on(why):
    lab = Lab(limit=1 if why == "too many transactions" else 100)
    ring(lab)
    lab.user.up.add("x")
    lab.layer.busy = why == "its owner is busy"
    for number, method in enumerate(("INVITE", "REGISTER", "OPTIONS")):
        lab.receive(make.request(method, branch=f"z9hG4bK-new{number}"))
        assert lab.sent[-1] == "0 503"
        assert lab.last().get("Retry-After") == "5"
    lab.receive(make.request("BYE", branch="z9hG4bK-3", to_tag="x"))
    lab.receive(make.request("INVITE", branch="z9hG4bK-4", to_tag="x"))
    lab.receive(make.request("CANCEL"))
    assert lab.user.events == ["INVITE", "BYE", "INVITE", "cancelled"]
    assert lab.layer.refused == 3
    lab.layer.busy, lab.layer.limit = False, 100
    lab.receive(make.request("OPTIONS", branch="z9hG4bK-later"))
    assert lab.user.events[-1] == "OPTIONS"


def test_under_overload_requests_of_dialogs_that_never_were_and_cancels_of_nothing_are_new():
    """A To tag alone once passed for a call."""
    lab = Lab()
    lab.layer.busy = True
    for number, method in enumerate(("BYE", "INVITE", "UPDATE", "INFO")):
        lab.receive(make.request(method, branch=f"z9hG4bK-{number}", to_tag="nobody"))
    lab.receive(make.request("CANCEL", branch="z9hG4bK-none"))
    assert lab.sent == ["0 503"] * 5
    assert not len(lab.layer)


def test_far_above_the_limit_only_bye_and_re_invite_of_a_known_dialog_are_served():
    lab = Lab(limit=1)
    ring(lab)
    lab.user.up.add("x")
    for number, method in enumerate(("UPDATE", "INFO", "BYE", "INVITE", "OPTIONS")):
        lab.receive(make.request(method, branch=f"z9hG4bK-{number}", to_tag="x"))
    assert lab.user.events == ["INVITE", "UPDATE", "BYE", "INVITE"]
    assert lab.sent == ["0 503", "0 503"]


def test_a_refusal_under_overload_keeps_nothing_however_many_there_are():
    lab = Lab()
    lab.layer.busy = True
    for number in range(1000):
        lab.receive(make.request(branch=f"z9hG4bK-{number}"))
    assert lab.layer.refused == 1000
    assert not lab.layer.clients and not lab.layer.servers and not lab.layer.wheel._slots


def test_a_flow_that_fails_ends_its_transactions_at_the_next_tick(tcp):
    tcp.wire.broken = True
    call(tcp)
    ask(tcp)
    assert tcp.user.events == []
    tcp.until(0.04)
    assert tcp.user.events == ["transport error"] * 2
    assert len(tcp.layer) == 0


def test_a_broken_connection_ends_what_waits_on_it(tcp):
    call(tcp)
    ring(tcp)
    tcp.layer.flow_failed(tcp.wire, tcp.now)
    tcp.until(0.04)
    assert tcp.user.events == ["INVITE", "transport error", "transport error"]
    assert len(tcp.layer) == 0


def test_a_broken_connection_does_not_concern_an_answered_and_acknowledged_call(tcp):
    _, tx = ring(tcp)
    tx.reply(200, tcp.now)
    tcp.receive(make.request("ACK", branch="z9hG4bK-ack", to_tag=tx.tag))
    tcp.layer.flow_failed(tcp.wire, tcp.now)
    tcp.until(0.04)
    assert tcp.user.events == ["INVITE", "ACK"]
    assert (len(tcp.layer), tcp.layer.unacked) == (0, {})


def test_an_answer_that_cannot_be_sent_is_told(lab):
    _, tx = ring(lab)
    lab.wire.broken = True
    tx.reply(200, lab.now)
    lab.until(0.04)
    assert lab.user.events == ["INVITE", "transport error"]


def test_an_error_in_a_callback_does_not_lose_the_other_timers(lab):
    ask(lab)
    ask(lab)
    lab.until(31.98)
    told = lab.user.on_timeout

    def raising(tx):
        told(tx)
        raise RuntimeError("user")

    lab.user.on_timeout = raising
    for _ in range(2):
        with pytest.raises(RuntimeError):
            lab.until(32.2)
    assert lab.user.events == ["timeout", "timeout"]


def test_a_bad_request_is_answered_without_a_transaction(lab):
    data = make.request().encode().replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")
    with pytest.raises(BadMessage) as caught:
        parse(data)
    lab.layer.reject(caught.value, lab.wire)
    assert lab.sent == ["0 400"]
    assert lab.last().call_id == "call-1"
    assert len(lab.layer) == 0


def test_a_jump_of_the_clock_fires_everything_once(lab):
    call(lab)
    lab.now += 100_000
    lab.layer.tick(lab.now)
    assert lab.user.events == ["timeout"]


def test_timer_values_can_be_chosen():
    lab = Lab(t1=0.1, t2=0.4)
    ask(lab)
    lab.until(6.5)
    assert lab.sent[:5] == ["0 OPTIONS", "0.1 OPTIONS", "0.3 OPTIONS", "0.7 OPTIONS", "1.1 OPTIONS"]
    assert lab.user.events == ["timeout"]


def test_a_thousand_calls_leave_nothing_behind(lab):
    lab.user.answer = lambda tx, request: tx.reply(200, lab.now)
    for i in range(1000):
        lab.receive(make.request(branch=f"z9hG4bK-{i}", cseq=i))
        lab.receive(make.request("ACK", branch=f"z9hG4bK-a{i}", cseq=i, to_tag=lab.user.transactions[-1].tag))
        lab.receive(make.request("BYE", branch=f"z9hG4bK-b{i}", cseq=i + 1, to_tag="x"))
    layer: TransactionLayer = lab.layer
    assert len(layer) == 2000
    lab.until(33)
    assert (len(layer), len(layer.unacked), layer.wheel._slots) == (0, 0, {})
