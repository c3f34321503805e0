"""What our SIP messages say of us and where they go, setting by setting, on simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from switch.call.causes import BAD_NUMBER
from switch.net import Flow
from switch.sip.digest import MD5
from switch.sip.message import Request
from tests.support_sip import sdp
from tests.switch.call.scenes import NUMBER, declined, hang_up, records, rung, settle, up
from tests.switch.call.town import HOST, PLACES, Citizen, Town, founded
from tests.switch.worlds import NOW


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        yield made
        made.nothing_left()


@pytest.fixture
def rich(town: Town) -> Citizen:
    """The caller, a trunk."""
    return town.peer("rich")


@pytest.fixture
def one(town: Town) -> Citizen:
    """The called, a carrier."""
    return town.peer("one")


def options(town: Town, who: Citizen) -> Request:
    request = who.request("OPTIONS", f"sip:{HOST}")
    who.send(request)
    return request


# --- what is told -------------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-020")
@pytest.mark.parametrize("minutes", [0, 330, -480])
def test_the_date_differs_from_gmt_by_as_much_as_the_phones_want(
    town: Town, tmp_path: Path, rich: Citizen, minutes: int
) -> None:
    settle(town, tmp_path, usedateheader=True, gmtdiff=minutes)
    options(town, rich)
    told = parsedate_to_datetime(rich.told(200).get("Date") or "").timestamp()
    assert round((told - NOW - town.now) / 60) == minutes


@pytest.mark.req("sip-022")
@pytest.mark.parametrize("how", ["no", "optional", "required"])
def test_a_session_description_is_called_one_if_that_is_wanted(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, how: str
) -> None:
    settle(town, tmp_path, addcontentdispoztion=how)
    invite, ok, out, _ = up(rich, one, body=sdp())
    wanted = None if how == "no" else f"session;handling={how}"
    assert (out.get("Content-Disposition"), ok.get("Content-Disposition")) == (wanted, wanted)
    hang_up(rich, one, invite, ok)


def test_what_has_no_session_description_is_not_called_one(town: Town, tmp_path: Path, rich: Citizen) -> None:
    settle(town, tmp_path, addcontentdispoztion="required")
    options(town, rich)
    assert rich.told(200).get("Content-Disposition") is None


@pytest.mark.req("sip-024")
def test_methods_and_extensions_that_are_not_listed_are_neither_told_nor_taken(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, allowlist=("OPTIONS", "UPDATE"), supportlist=("timer",))
    options(town, rich)
    told = rich.told(200)
    assert told.get("Allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REGISTER"
    assert told.get("Supported") == "timer"
    rich.send(rich.request("MESSAGE", f"sip:1001@{HOST}"))
    assert rich.told(405).get("Allow") == told.get("Allow")
    rich.send(rich.request("INVITE", f"sip:{NUMBER}@{HOST}", headers=[("Require", "replaces")]))
    refused = rich.told(420)
    assert refused.get("Unsupported") == "replaces"
    rich.ack(rich.request("INVITE", f"sip:{NUMBER}@{HOST}", call_id=refused.call_id), refused)
    invite, ok, out, _ = up(rich, one)
    assert "REFER" not in (out.get("Allow") or "") and "replaces" not in (out.get("Supported") or "")
    rich.within("REFER", invite, ok, headers=[("Refer-To", "<sip:1@b>")])
    rich.told(405)
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-024")
def test_everything_that_we_can_do_is_listed_by_default(town: Town, rich: Citizen) -> None:
    assert not town.world.closed and not town.world.hidden
    options(town, rich)
    told = rich.told(200)
    assert {"REFER", "SUBSCRIBE", "PRACK"} <= set(told.members("Allow"))
    assert {"path", "outbound", "100rel", "timer", "replaces", "join"} == set(told.members("Supported"))


@pytest.mark.req("sip-032")
def test_an_account_is_refused_in_our_own_words(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one)
    assert declined(rich, one, invite, out).reason == "Busy Here"
    settle(town, tmp_path, "rich", propersipcomments=True)
    invite = rich.invite("nowhere")
    rich.send(invite)
    refusal = rich.told(484)
    assert refusal.reason == BAD_NUMBER.text
    rich.ack(invite, refusal)
    town.office.rows["causes"].append(["sip_486", 486, 17, "The line is taken, please call later"])
    settle(town, tmp_path)
    invite, out = rung(rich, one)
    assert declined(rich, one, invite, out).reason == "The line is taken, please call later"


@pytest.mark.req("sip-066")
def test_only_an_account_that_may_know_it_is_told_where_the_caller_is(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    invite, ok, out, _ = up(rich, one)
    assert str(PLACES["rich"]) not in out.encode().decode().partition("\r\n\r\n")[0]
    hang_up(rich, one, invite, ok)
    settle(town, tmp_path, "one", forwardclientaddress=True)
    invite, ok, out, _ = up(rich, one)
    assert out.get("X-Client-Address") == f"{HOST}:{PLACES['rich']}"
    hang_up(rich, one, invite, ok)
    settle(town, tmp_path, "rich", cli="hide")
    invite, ok, out, _ = up(rich, one)
    assert out.get("X-Client-Address") is None
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-096", "sip-028")
def test_our_domain_is_what_we_call_ourselves_and_what_callers_may_call_us(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(
        town, tmp_path, localdomain="voice.example.net", domainnames=("old.example.net",), fwdtootherdomains="refuse",
        usephysicalfromaddr="local", sendidentity="always",
    )  # fmt: skip
    for domain in ("voice.example.net", "OLD.example.net"):
        invite = rich.invite(NUMBER, to=f"<sip:{NUMBER}@{domain}>")
        invite.retarget(f"sip:{NUMBER}@{domain}")
        rich.send(invite)
        out = one.asked("INVITE")
        assert out.from_.uri.host == "voice.example.net"
        assert "@voice.example.net>" in (out.get("P-Asserted-Identity") or "")
        declined(rich, one, invite, out)
    invite = rich.invite(NUMBER)
    invite.retarget(f"sip:{NUMBER}@elsewhere.example.org")
    rich.send(invite)
    rich.ack(invite, rich.told(404))


# --- where it goes ------------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-037")
def test_a_carrier_that_is_not_on_its_port_is_tried_on_the_standard_one(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    standard = town.peer("standard")
    town.wires.boxes["127.0.0.9", 5060] = standard.box
    settle(town, tmp_path, "one", sipsendtodefport=True)
    town.office.rows["trunks"][0][1:3] = ["127.0.0.9", 15_060]
    settle(town, tmp_path)
    invite = rich.invite(NUMBER)
    rich.send(invite)
    out = standard.asked("INVITE", 20)
    # It is the same carrier: only the way is another.
    assert out.uri == f"sip:{NUMBER}@127.0.0.9:15060;user=phone"
    declined(rich, standard, invite, out)


@pytest.mark.req("sip-067")
def test_a_call_by_the_way_of_a_registration_needs_a_password_unless_the_account_says_otherwise(
    town: Town, tmp_path: Path
) -> None:
    phone, other = town.peer("1001"), town.peer("1002")
    assert phone.register("secret-1001", expires=60, algorithm=MD5).status == 200
    assert other.register("secret-1002", expires=60, algorithm=MD5).status == 200
    invite = phone.invite("1002")
    phone.send(invite)
    phone.ack(invite, phone.told(407))
    settle(town, tmp_path, "1001", reuseep=True)
    invite = phone.invite("1002")
    phone.send(invite)
    declined(phone, other, invite, other.asked("INVITE"))
    stranger = town.peer("stranger")
    stranger.user = "1001"
    invite = stranger.invite("1002")
    stranger.send(invite)
    stranger.ack(invite, stranger.told(407))
    assert [one["caller"] for one in records(town)] == [town.ids["1001"]]


def test_a_way_is_the_same_for_every_worker_and_on_every_port_of_ours() -> None:
    here = Flow("tcp", HOST, 4000, True, 7, 1)
    assert here.same_way(here._replace(own=False, worker=2))
    assert not any(here.same_way(here._replace(**{name: 9})) for name in ("port", "connection"))


# --- sips ---------------------------------------------------------------------------------------------------------------


def test_a_sips_request_that_came_by_an_insecure_way_is_refused(town: Town, rich: Citizen) -> None:
    invite = rich.invite(NUMBER)
    invite.retarget(f"sips:{NUMBER}@{HOST}")
    rich.send(invite)
    refusal = rich.told(416)
    assert refusal.reason == "SIPS needs TLS"
    rich.ack(invite, refusal)


@pytest.mark.parametrize("called", ["1002", NUMBER])
def test_a_sips_call_goes_nowhere_where_it_could_be_read(
    town: Town, rich: Citizen, one: Citizen, called: str
) -> None:
    phone = town.peer("1002")
    assert phone.register("secret-1002", expires=60, algorithm=MD5).status == 200
    phone.box.clear()
    invite = rich.invite(called)
    invite.retarget(f"sips:{called}@{HOST}")
    town.b2bua.on_message(invite.encode(), Flow("tls", HOST, rich.port, False, 5, 1))
    assert rich.told(480 if called == "1002" else 503)
    rich.send(_ack(rich, invite))
    assert not phone.box and not one.box


def _ack(rich: Citizen, invite: Request) -> Request:
    refused = rich.heard[-1]
    made = rich.request(
        "ACK", invite.uri, call_id=invite.call_id, to=refused.get("To") or "", from_=invite.get("From") or ""
    )
    made.set("Via", invite.get("Via") or "")
    return made


# --- quick ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-083")
def test_an_answer_is_acknowledged_at_once_and_not_only_when_the_caller_has_acknowledged_it(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one)
    one.answer(out, 200, body=sdp())
    one.asked("ACK", 0.1)
    ok = rich.told(200, "INVITE")
    rich.ack(invite, ok)
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-079")
def test_a_question_whether_we_are_there_is_answered_at_once_whoever_asks(town: Town) -> None:
    stranger = town.peer("stranger")
    options(town, stranger)
    assert stranger.told(200, "OPTIONS", 0.05)
