"""What accounts with odd devices, networks or wishes can be given: where numbers stand, what is said, where it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.config.registry import SETTINGS, BadValue
from switch.call.abilities import welcome
from tests.support_sip import sdp
from tests.switch.call.scenes import declined, hang_up, records, rung, settle, up
from tests.switch.call.town import HOST, Citizen, Town, founded


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path) as made:
        made.board.layer.send = made.board.send  # type: ignore[assignment]  # as a worker's does
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


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-026")
def test_the_switch_calls_itself_as_it_is_told_or_not_at_all(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    invite, out = rung(rich, one)
    assert out.get("User-Agent") is None and declined(rich, one, invite, out).get("Server") is None
    settle(town, tmp_path, productname="Mizu/1.0", companyname="Acme Ltd.")
    invite, out = rung(rich, one)
    assert out.get("User-Agent") == "Mizu/1.0 (Acme Ltd.)"
    assert declined(rich, one, invite, out).get("Server") == "Mizu/1.0 (Acme Ltd.)"


@pytest.mark.req("sip-038")
def test_a_date_goes_with_every_message_where_it_is_wanted(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, usedateheader=True)
    invite, out = rung(rich, one)
    assert out.get("Date") == "Mon, 21 Sep 2026 14:30:00 GMT"
    assert (declined(rich, one, invite, out).get("Date") or "").endswith(" GMT")


def test_an_old_device_is_spared_what_it_fails_on(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen
) -> None:
    settle(town, tmp_path, "one", allowheaders=False)
    invite, ok, out, _ = up(rich, one, (("Supported", "100rel"),))
    assert out.get("Allow") is None and out.get("Supported") is None
    assert ok.get("Allow") is not None
    hang_up(rich, one, invite, ok)


@pytest.mark.req("sip-014")
@pytest.mark.parametrize(
    ("mine", "theirs", "status"),
    [("no", "yes", 183), ("yes", "no", 180), ("called", "yes", 180), ("called", "no", 183)],
)
def test_changesptoring_makes_180_of_183(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, mine: str, theirs: str, status: int
) -> None:
    settle(town, tmp_path, "rich", changesptoring=mine)
    settle(town, tmp_path, "one", changesptoring=theirs)
    invite, out = rung(rich, one)
    one.answer(out, 183, body=sdp(41000))
    assert rich.told(status).body == sdp(41000)
    declined(rich, one, invite, out)


@pytest.mark.req("sip-013")
@pytest.mark.parametrize(
    ("mine", "theirs", "early"),
    [("yes", "no", True), ("no", "yes", False), ("called", "no", False), ("called", "yes", True)],
)
def test_forwardearlystart_says_whether_media_may_begin_before_the_call(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, mine: str, theirs: str, early: bool
) -> None:
    settle(town, tmp_path, "rich", forwardearlystart=mine)
    settle(town, tmp_path, "one", forwardearlystart=theirs)
    invite, out = rung(rich, one)
    one.answer(out, 183, body=sdp(41000))
    progress = rich.told(183)
    assert (progress.body, progress.get("Content-Type")) == (
        (sdp(41000), "application/sdp") if early else (b"", None)
    )
    one.answer(out, 200, body=sdp(41000))
    ok = rich.told(200, "INVITE")
    assert ok.body == sdp(41000)
    rich.ack(invite, ok)
    one.asked("ACK")
    hang_up(rich, one, invite, ok)


# --- where the called number stands ------------------------------------------------------------------------------------


@pytest.mark.req("sip-017")
@pytest.mark.parametrize(
    ("where", "uri", "to", "called"),
    [
        ("auto", "4930", "4940", "4930"),
        ("auto", "", "4940", "4940"),
        ("auto", "mizu", "4940", "4940"),
        ("uri", "4930", "4940", "4930"),
        ("to", "4930", "4940", "4940"),
    ],
)
def test_loadcallednumberfromto_says_where_the_called_number_stands(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, where: str, uri: str, to: str, called: str
) -> None:
    settle(town, tmp_path, "rich", loadcallednumberfromto=where)
    target = f"sip:{uri}@{HOST}" if uri else f"sip:{HOST}"
    invite = rich.request("INVITE", target, to=f"<sip:{to}@{HOST}>", body=sdp())
    rich.send(invite)
    out = one.asked("INVITE")
    assert out.target.user == called
    declined(rich, one, invite, out)


@pytest.mark.req("sip-018")
@pytest.mark.parametrize(
    ("forward", "called"), [("no", "9301"), ("received", "+49301"), ("number", "49301"), ("to", "4711")]
)
def test_forwardcalled_says_which_number_a_carrier_is_asked_for(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, forward: str, called: str
) -> None:
    settle(town, tmp_path, "one", forwardcalled=forward)
    town.office.rows["trunks"][0][4] = 1  # strip_digits
    settle(town, tmp_path)
    invite = rich.request("INVITE", f"sip:+49301@{HOST}", to=f"<sip:4711@{HOST}>", body=sdp())
    rich.send(invite)
    out = one.asked("INVITE")
    assert (out.target.user, out.to.uri.user) == (called, called)
    declined(rich, one, invite, out)


@pytest.mark.req("sip-036", "sip-082")
@pytest.mark.parametrize(("count", "times"), [(2, 3), (4, 5)])
def test_sipmsgresendcount_says_how_often_a_silent_carrier_is_asked_again(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, count: int, times: int
) -> None:
    town.board.layer.patience = 2**count  # as a worker does with the setting
    town.office.rows["trunks"][0][8] = 60  # seconds for its first answer
    settle(town, tmp_path)
    two = town.peer("two")
    invite, _ = rung(rich, one)
    out = two.asked("INVITE", 20)
    assert one.everything(0) == ["INVITE"] * (times - 1)
    declined(rich, two, invite, out)


# --- who may speak to us -----------------------------------------------------------------------------------------------


@pytest.mark.req("security-087")
@pytest.mark.parametrize(
    ("agent", "allowed", "blocked", "may"),
    [
        ("Yealink T46", (), (), True),
        ("Yealink T46", ("yealink",), (), True),
        ("Snom/10", ("yealink",), (), False),
        ("", ("yealink",), (), False),
        ("friendly-scanner", (), ("FRIENDLY",), False),
        ("sip", (), ("sip",), False),
        ("siphone", (), ("sip",), True),
        ("SIP", (), ("sip",), True),
    ],
)
def test_devices_are_let_in_by_what_they_call_themselves(
    agent: str, allowed: tuple[str, ...], blocked: tuple[str, ...], may: bool
) -> None:
    assert welcome(agent, allowed, blocked) is may


@pytest.mark.req("security-087")
def test_a_blocked_device_is_refused_whatever_it_asks(town: Town, tmp_path: Path, rich: Citizen) -> None:
    settle(town, tmp_path, blockua=["friendly"])
    for method in ("INVITE", "REGISTER", "OPTIONS"):
        asked = rich.request(method, f"sip:{HOST}", headers=(("User-Agent", "friendly-scanner"),))
        rich.send(asked)
        refusal = rich.told(403, method)
        if method == "INVITE":
            rich.ack(asked, refusal)
    assert not records(town)


@pytest.mark.req("security-036")
@pytest.mark.parametrize(
    ("agent", "status"),
    [
        ("friendly-scanner", 403),
        ("sipvicious 0.3", 403),
        ("sipcli/v1.8", 403),
        ("Yealink T46", 200),
        ("", 200),
    ],
)
def test_scanners_that_are_known_are_refused_without_anybody_saying_so(
    rich: Citizen, agent: str, status: int
) -> None:
    rich.send(rich.request("OPTIONS", f"sip:{HOST}", headers=(("User-Agent", agent),)))
    assert rich.told(status, "OPTIONS")


# --- where it is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-012")
@pytest.mark.parametrize(("prefer", "at_source"), [("auto", False), ("named", False), ("source", True)])
def test_sendonlyrec_says_which_address_of_a_trunk_is_asked(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, prefer: str, at_source: bool
) -> None:
    settle(town, tmp_path, "rich", sendonlyrec=prefer)
    elsewhere = town.peer("elsewhere")
    rich.contact = elsewhere.contact
    _, _, out, answer = up(rich, one)
    one.back("BYE", out, answer)
    one.told(200, "BYE")
    hearer = rich if at_source else elsewhere
    hearer.answer(hearer.asked("BYE"), 200)


@pytest.mark.parametrize(
    ("key", "text"),
    [("sessiontimer", "sometimes"), ("sessiontimer", "0"), ("sessiontimer", "9999"), ("changediscreason", "408"), ("changediscreason", "200=404"),
     ("identityrewrite", "abc"), ("productname", "a b"), ("productname", "a\r\nb"), ("companyname", "a(b")],
)  # fmt: skip
def test_what_cannot_be_done_cannot_be_set(key: str, text: str) -> None:
    with pytest.raises(BadValue):
        SETTINGS[key].parse(text)


# --- how long -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("sip-021", "sip-064")
@pytest.mark.parametrize("answered", [True, False])
def test_absolutetimeout_ends_a_call_counted_from_its_first_message(
    town: Town, tmp_path: Path, rich: Citizen, one: Citizen, answered: bool
) -> None:
    settle(town, tmp_path, "rich", absolutetimeout=20)
    invite, out = rung(rich, one)
    one.answer(out, 180)
    rich.told(180)
    town.pass_time(10)
    if answered:
        one.answer(out, 200, body=sdp(41000))
        rich.ack(invite, rich.told(200, "INVITE"))
        one.asked("ACK")
    town.pass_time(9.5)
    assert town.board.calls
    town.pass_time(1)
    assert not town.board.calls
    record = records(town)[0]
    assert record["cause"] == "too_long" and "absolutetimeout" in record["comment"]
    if answered:
        for peer in (rich, one):
            peer.answer(peer.asked("BYE"), 200)
    else:
        rich.ack(invite, rich.told(480))
        one.answer(one.asked("CANCEL"), 200)
        one.answer(out, 487)
