"""SUBSCRIBE, NOTIFY and PUBLISH on the clock: who is told what, when, and who is not."""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from switch.events.bodies import BadDocument, Line, Waiting, check_presence, dialog_info, message_summary
from switch.events.lines import Both
from switch.sip.digest import MD5
from switch.sip.message import Request, Response
from tests.support_sip import credential, sdp
from tests.switch.call.town import Citizen, Town
from tests.switch.worlds import Office

Build = Callable[..., "EventTown"]
DIALOG = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"
AWAY = b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1001@mizu"><tuple id="a"><status><basic>closed</basic></status></tuple></presence>'


class EventTown(Town):
    """The town as the service wires it for events."""

    def __init__(self, folder: Path, change: Callable[[Office], None] | None = None) -> None:
        super().__init__(folder, change)
        self.events = self.b2bua.inbound.events
        self.board.live = Both(self.board.live, self.events.lines)
        self.board.registrar.changed.append(self.events.phones_changed)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Build]:
    made: list[EventTown] = []

    def build(change: Callable[[Office], None] | None = None, **settings: object) -> EventTown:
        def both(office: Office) -> None:
            office.settings |= settings
            if change is not None:
                change(office)

        made.append(EventTown(tmp_path / str(len(made)), both))
        return made[-1]

    yield build
    for one in made:
        assert one.failures == 0
        one.spool.close()


def ask(
    phone: Citizen, method: str, whom: str, event: str, *, expires: int | None = 600, **fields: object
) -> Response:
    """One request with its proof; the final response."""
    headers = (
        ("Event", event),
        *((("Expires", str(expires)),) if expires is not None else ()),
        *fields.pop("headers", ()),
    )  # type: ignore[misc]
    uri = f"sip:{whom}@127.0.0.1"
    first = phone.request(method, uri, headers=headers, **fields)  # type: ignore[arg-type]
    if first.body:
        first.set("Content-Type", "application/pidf+xml")
    phone.send(first)
    answer = phone._next(lambda m: isinstance(m, Response), "an answer", 5)
    if answer.status != 401:
        return answer  # type: ignore[no-any-return]
    again = Request(method, uri, list(first.headers), first.body)
    again.set("Via", phone.via())
    again.set("CSeq", f"{first.cseq.number + 1} {method}")
    again.headers.append(("Authorization", phone.proof(answer, method, uri, f"secret-{phone.user}", MD5)))
    phone.send(again)
    return phone._next(lambda m: isinstance(m, Response), "an answer", 5)  # type: ignore[no-any-return]


def notified(phone: Citizen, seconds: float = 3, status: int = 200) -> Request:
    request = phone.asked("NOTIFY", seconds)
    phone.answer(request, status)
    return request


def states(notify: Request) -> list[tuple[str, str]]:
    """(direction, state) of each call."""
    return [
        (one.attrib["direction"], one.findtext(f"{DIALOG}state") or "")
        for one in Tree.fromstring(notify.body).findall(f"{DIALOG}dialog")
    ]


def basic(notify: Request) -> str:
    return Tree.fromstring(notify.body).findtext(f"{PIDF}tuple/{PIDF}status/{PIDF}basic") or ""


# RFC 6665


def test_a_subscription_is_answered_and_the_state_told_at_once(town: Build) -> None:
    phone = town().peer("1001")
    ok = ask(phone, "SUBSCRIBE", "1002", "dialog")
    assert (ok.status, ok.get("Expires")) == (200, "600")
    notify = notified(phone)
    assert (notify.get("Subscription-State") or "").startswith("active;expires=")
    assert (notify.call_id, notify.from_.tag, notify.get("Event")) == (ok.call_id, ok.to.tag, "dialog")
    assert states(notify) == []


def test_it_ends_when_it_is_not_renewed_and_the_watcher_is_told(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ask(phone, "SUBSCRIBE", "1002", "dialog", expires=60)
    notified(phone)
    begun = here.now
    assert notified(phone, 70).get("Subscription-State") == "terminated;reason=timeout"
    assert here.now - begun == pytest.approx(60, abs=1)
    assert len(here.events) == 0


def within(phone: Citizen, ok: Response, expires: int, cseq: int) -> Request:
    assert ok.contact is not None
    request = phone.request(
        "SUBSCRIBE", ok.contact.uri_text, call_id=ok.call_id, to=ok.get("To") or "", from_=ok.get("From") or "",
        cseq=cseq, headers=(("Event", "dialog"), ("Expires", str(expires))),
    )  # fmt: skip
    phone.send(request)
    return request


def test_it_is_renewed_and_ended_within_its_dialog(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ok = ask(phone, "SUBSCRIBE", "1002", "dialog", expires=60)
    notified(phone)
    here.pass_time(50)
    within(phone, ok, 60, 10)
    phone.told(200)
    notified(phone)
    here.pass_time(50)
    assert len(here.events) == 1
    within(phone, ok, 0, 11)
    phone.told(200)
    assert notified(phone).get("Subscription-State") == "terminated;reason=timeout"
    within(phone, ok, 60, 12)
    phone.told(481)


def test_a_watcher_that_knows_nothing_of_it_any_more_is_forgotten(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ask(phone, "SUBSCRIBE", "1002", "dialog")
    notified(phone, status=481)
    here.pass_time(0.1)
    assert len(here.events) == 0


def test_a_watcher_that_is_gone_is_forgotten(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ask(phone, "SUBSCRIBE", "1002", "dialog")
    here.pass_time(40)
    assert len(here.events) == 0


def test_a_worker_that_stops_asks_watchers_to_subscribe_anew(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ask(phone, "SUBSCRIBE", "1002", "dialog")
    notified(phone)
    here.events.leave()
    assert notified(phone).get("Subscription-State") == "terminated;reason=deactivated"


@pytest.mark.parametrize(
    ("whom", "event", "fields", "status"),
    [
        ("1002", "weather", {}, 489),
        ("1002", "dialog", {"headers": (("Accept", "text/plain"),)}, 406),
        ("1002", "dialog", {"expires": 5}, 423),
        ("nobody", "dialog", {}, 404),
    ],
)
def test_what_cannot_be_had_is_refused(
    town: Build, whom: str, event: str, fields: dict[str, object], status: int
) -> None:
    here = town()
    answer = ask(here.peer("1001"), "SUBSCRIBE", whom, event, **fields)  # type: ignore[arg-type]
    assert answer.status == status
    assert len(here.events) == 0
    if status == 489:
        assert answer.get("Allow-Events") == "dialog, presence, message-summary"


def test_a_package_that_eventlist_does_not_name_is_not_served(town: Build) -> None:
    answer = ask(town(eventlist=("presence",)).peer("1001"), "SUBSCRIBE", "1002", "dialog")
    assert (answer.status, answer.get("Allow-Events")) == (489, "presence")


# who may watch whom


def resellers(office: Office) -> None:
    for name, user in (("here", "2001"), ("there", "2002")):
        above = office.account(name, "reseller")
        account = office.account(user, above=above, media="direct")
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))


@pytest.mark.req("presence-chat-006")
@pytest.mark.parametrize(
    ("manner", "watcher", "whom", "status"),
    [
        ("tree", "1001", "1002", 200), ("tree", "2001", "2002", 403), ("tree", "2001", "1001", 403),
        ("all", "2001", "2002", 200), ("off", "1001", "1002", 403), ("off", "1001", "1001", 200),
    ],
)  # fmt: skip
def test_who_may_watch_whom_says_routepresence(
    town: Build, manner: str, watcher: str, whom: str, status: int
) -> None:
    here = town(resellers, routepresence=manner)
    assert ask(here.peer(watcher), "SUBSCRIBE", whom, "dialog").status == status


def test_a_mailbox_is_nobody_elses(town: Build) -> None:
    assert ask(town(routepresence="all").peer("1001"), "SUBSCRIBE", "1002", "message-summary").status == 403


# RFC 4235


def test_a_lamp_blinks_shines_and_goes_out_with_the_call(town: Build) -> None:
    here = town(maxstatchangepermin=600)
    lamp, phone, caller = here.peer("1001"), here.peer("1002"), here.peer("rich")
    assert phone.register("secret-1002", algorithm=MD5).status == 200
    ask(lamp, "SUBSCRIBE", "1002", "dialog")
    notified(lamp)
    invite = caller.invite("1002")
    caller.send(invite)
    ringing = phone.asked("INVITE")
    phone.answer(ringing, 180)
    while states(early := notified(lamp)) != [("recipient", "early")]:
        pass
    answer = phone.answer(ringing, 200, body=sdp())
    caller.ack(invite, caller.told(200))
    up = notified(lamp)
    assert states(up) == [("recipient", "confirmed")]
    versions = [int(Tree.fromstring(one.body).attrib["version"]) for one in (early, up)]
    assert versions[1] == versions[0] + 1
    phone.back("BYE", ringing, answer)
    assert states(notified(lamp)) == []


def test_calls_at_other_workers_light_the_lamp_too(town: Build) -> None:
    here = town()
    lamp = here.peer("1001")
    ask(lamp, "SUBSCRIBE", "1002", "dialog")
    notified(lamp)
    assert here.events.watched() == [here.ids["1002"]]
    here.pass_time(2)
    here.events.others_told({here.ids["1002"]: [Line("x", "initiator", "confirmed", "49")]})
    assert states(notified(lamp)) == [("initiator", "confirmed")]
    here.pass_time(2)
    here.events.others_told({})
    assert states(notified(lamp)) == []


@pytest.mark.req("presence-chat-005")
def test_quick_changes_are_told_no_faster_than_maxstatchangepermin(town: Build) -> None:
    here = town(maxstatchangepermin=6)
    lamp = here.peer("1001")
    ask(lamp, "SUBSCRIBE", "1002", "dialog")
    notified(lamp)
    begun = here.now
    for number in range(5):
        here.events.others_told({here.ids["1002"]: [Line(str(number), "initiator", "early", "49")]})
    told = notified(lamp, 15)
    assert here.now - begun == pytest.approx(10, abs=0.5)
    assert b'id="4"' in told.body, "the last state is the one that is told"
    lamp.silent(15)


# RFC 3856, RFC 3903


@pytest.mark.req("presence-chat-001")
def test_presence_follows_the_phones_of_who_publishes_nothing(town: Build) -> None:
    here = town(maxstatchangepermin=600)
    watcher, phone = here.peer("1001"), here.peer("1002")
    ask(watcher, "SUBSCRIBE", "1002", "presence")
    assert basic(notified(watcher)) == "closed"
    assert phone.register("secret-1002", algorithm=MD5).status == 200
    assert basic(notified(watcher)) == "open"


def test_what_a_phone_publishes_is_told_and_ends_with_its_time(town: Build) -> None:
    here = town()
    watcher, phone = here.peer("1002"), here.peer("1001")
    ask(watcher, "SUBSCRIBE", "1001", "presence", expires=3600)
    notified(watcher)
    here.pass_time(2)
    ok = ask(phone, "PUBLISH", "1001", "presence", expires=60, body=AWAY)
    assert ok.status == 200 and ok.get("SIP-ETag")
    assert notified(watcher).body == AWAY
    for _ in range(61):
        here.pass_time(1)
        here.events.second()
    assert notified(watcher).body != AWAY


def test_a_publication_is_renewed_changed_and_removed_by_its_tag(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    first = ask(phone, "PUBLISH", "1001", "presence", body=AWAY).get("SIP-ETag") or ""
    renewed = ask(phone, "PUBLISH", "1001", "presence", headers=(("SIP-If-Match", first),))
    assert renewed.status == 200 and renewed.get("SIP-ETag") != first
    assert ask(phone, "PUBLISH", "1001", "presence", headers=(("SIP-If-Match", first),)).status == 412
    tag = renewed.get("SIP-ETag") or ""
    assert (
        ask(phone, "PUBLISH", "1001", "presence", expires=0, headers=(("SIP-If-Match", tag),)).status == 200
    )
    assert here.events.published.newest(here.ids["1001"], 0) is None


@pytest.mark.parametrize(
    ("whom", "body", "status"),
    [
        ("1002", AWAY, 403), ("1001", b"", 400), ("1001", b"<presence/>", 400), ("1001", b"<a", 400),
        ("1001", b'<!DOCTYPE x [<!ENTITY a "b">]>' + AWAY, 400), ("1001", AWAY + b" " * 9000, 400),
    ],
)  # fmt: skip
def test_what_may_not_be_published_is_refused_and_not_kept(
    town: Build, whom: str, body: bytes, status: int
) -> None:
    here = town()
    assert ask(here.peer("1001"), "PUBLISH", whom, "presence", body=body).status == status
    assert here.events.published.as_json(here.ids["1001"]) == {}


# RFC 3842


@pytest.mark.req("sip-001")
def test_the_lamp_for_messages_follows_what_the_office_tells(town: Build) -> None:
    here = town()
    phone = here.peer("1001")
    ask(phone, "SUBSCRIBE", "1001", "message-summary")
    assert b"Messages-Waiting: no" in notified(phone).body
    here.pass_time(2)
    here.events.waiting_told(here.ids["1001"], 2, 5)
    told = notified(phone)
    assert b"Messages-Waiting: yes" in told.body and b"Voice-Message: 2/5" in told.body
    assert told.content_type == "application/simple-message-summary"


# documents


def test_names_cannot_break_out_of_a_document() -> None:
    document = dialog_info('sip:"><x/>@a', 1, [Line('"/><x', "initiator", "early", "<x>&")], "mizu")
    assert [one.tag for one in Tree.fromstring(document)] == [f"{DIALOG}dialog"]


def test_waiting_messages_are_written_as_phones_read_them() -> None:
    assert message_summary("sip:a@b", Waiting(0, 3)).split(b"\r\n")[:3] == [
        b"Messages-Waiting: no", b"Message-Account: sip:a@b", b"Voice-Message: 0/3",
    ]  # fmt: skip


def test_only_presence_documents_are_taken_for_such() -> None:
    check_presence(AWAY)
    with pytest.raises(BadDocument):
        check_presence(b"<html/>")
