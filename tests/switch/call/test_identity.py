"""Who the called party is told that calls: the rules as a table, and the headers that go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.call.history import divert, headers
from switch.call.identity import Facts, Shown, from_value, identity_headers, present
from switch.sip.message import Request
from switch.world.settings import Settings
from tests.switch.call.scenes import declined, rung, settle
from tests.switch.call.town import Citizen, Town, founded

PLAIN = Settings.of(defaults())
FACTS = Facts(
    number="3611112222", ruled="", ruled_identity="", display="Ann", username="acme", own_number="3617654321", from_user="1234567", contact_user="7000001",
    asserted="4930555555", remote_party="4940666666", everybodys="auto", called_username="bob", called_number="3680999999",
    privacy=frozenset(), carrier=True, trusted=True,
)  # fmt: skip
ID = frozenset({"id"})


def shown(caller: dict[str, Any] | None = None, called: dict[str, Any] | None = None, **facts: Any) -> Shown:
    return present(replace(FACTS, **facts), PLAIN.but(caller or {}), PLAIN.but(called or {}))


# --- hidden or not ---------------------------------------------------------------------------------------------------


@pytest.mark.req("callerid-004", "callerid-018", "callerid-027", "callerid-036", "callerid-042")
@pytest.mark.parametrize(
    ("cli", "asks", "trusted", "user", "identity"),
    [
        ("forward", False, True, "3611112222", "4930555555"),
        ("forward", True, True, "3611112222", "4930555555"),
        ("forward", True, False, "3611112222", "4930555555"),
        ("normal", False, True, "3611112222", "4930555555"),
        ("normal", True, True, "anonymous", "4930555555"),
        ("normal", True, False, "anonymous", ""),
        ("asserted", False, False, "3611112222", "4930555555"),
        ("asserted", True, False, "anonymous", ""),
        ("asserted_to_trusted", False, True, "3611112222", "4930555555"),
        ("asserted_to_trusted", False, False, "3611112222", ""),
        ("hide", False, True, "anonymous", "4930555555"),
        ("hide", False, False, "anonymous", ""),
        ("hide_all", False, True, "anonymous", ""),
    ],
)
def test_cli_says_whether_the_number_is_hidden_and_whom_it_is_asserted_to(
    cli: str, asks: bool, trusted: bool, user: str, identity: str
) -> None:
    found = shown({"cli": cli}, privacy=ID if asks else frozenset(), trusted=trusted)
    assert (found.user, found.identity if found.header else "") == (user, identity)
    assert found.hidden is (user == "anonymous")


@pytest.mark.req("callerid-028")
@pytest.mark.parametrize(
    ("asked", "hidden"),
    [("id", True), ("user", True), ("header", True), ("session", False), ("critical", False)],
)
def test_privacy_hides_who_asks_for_it(asked: str, hidden: bool) -> None:
    assert shown(privacy=frozenset({asked})).hidden is hidden


def test_privacy_none_shows_the_number() -> None:
    assert not shown(privacy=frozenset({"none", "id"})).hidden


# --- the header -------------------------------------------------------------------------------------------------------


@pytest.mark.req("callerid-009", "callerid-041", "callerid-050", "callerid-051")
@pytest.mark.parametrize(
    ("send", "carrier", "number", "header"),
    [
        ("never", True, "36201", ""),
        ("no", True, "36201", ""),
        ("required", True, "36201", "P-Asserted-Identity"),
        ("required", True, "acme", ""),
        ("required", False, "36201", ""),
        ("always", False, "acme", "P-Asserted-Identity"),
        ("preferred", False, "36201", "P-Preferred-Identity"),
        ("asserted", False, "36201", "P-Asserted-Identity"),
    ],
)
def test_sendidentity_says_who_gets_the_identity_header(
    send: str, carrier: bool, number: str, header: str
) -> None:
    assert shown({}, {"sendidentity": send}, carrier=carrier, number=number).header == header


@pytest.mark.req("callerid-051")
@pytest.mark.parametrize(
    "caller", [{"cli": "asserted"}, {"cli": "forward"}, {"forcedcallernidentity": "username"}]
)
def test_cli_and_a_forced_identity_bring_the_header_where_it_is_not_sent_of_itself(
    caller: dict[str, Any],
) -> None:
    assert shown(caller, {"sendidentity": "no"}).header == "P-Asserted-Identity"


@pytest.mark.req("callerid-050")
def test_a_callers_own_no_keeps_its_identity_back() -> None:
    assert shown({"forcedcallernidentity": "no"}, {"sendidentity": "always"}).header == ""


@pytest.mark.req("callerid-049", "callerid-040")
def test_the_identity_may_go_out_as_remote_party_id() -> None:
    found = shown({}, {"cansendremotepartyid": "remote_party"})
    assert identity_headers(found, "192.0.2.1") == [
        ("Remote-Party-ID", '"Ann" <sip:4930555555@192.0.2.1>;party=calling;privacy=off;screen=yes')
    ]
    hidden = shown({"cli": "hide"}, {"cansendremotepartyid": "remote_party"})
    assert identity_headers(hidden, "192.0.2.1") == [
        ("Remote-Party-ID", "<sip:4930555555@192.0.2.1>;party=calling;privacy=full;screen=yes")
    ]


# --- the number --------------------------------------------------------------------------------------------------------

NUMBERS = {
    "no": "3611112222", "default": "3611112222", "username": "acme", "number": "3617654321", "best": "3611112222",
    "with_number": "3617654321", "anonymous": "anonymous", "from": "1234567", "contact": "7000001", "remote_party": "4940666666",
    "best_of_client": "4930555555", "best_of_all": "4930555555", "called_username": "bob", "called_number": "3680999999",
}  # fmt: skip


@pytest.mark.req("callerid-014")
@pytest.mark.parametrize(("choice", "number"), NUMBERS.items())
def test_replacecalleroncalls_names_the_number_of_from(choice: str, number: str) -> None:
    assert shown({"replacecalleroncalls": choice}).user == number


@pytest.mark.req("callerid-007", "callerid-015", "callerid-045", "callerid-046")
@pytest.mark.parametrize(("choice", "number"), [one for one in NUMBERS.items() if one[0] != "no"])
def test_forcedcallernidentity_names_the_number_of_the_identity_alone(choice: str, number: str) -> None:
    found = shown({"forcedcallernidentity": choice})
    assert (found.identity, found.user) == (number, "3611112222")


@pytest.mark.req("callerid-052")
def test_the_called_accounts_choice_goes_before_the_callers() -> None:
    found = shown(
        {"replacecalleroncalls": "number", "forcedcallernidentity": "number"},
        {"replacecalleroncalls": "called_username", "forcedcallernidentity": "best_of_client"},
    )
    assert (found.user, found.identity) == ("bob", "4930555555")


@pytest.mark.req("callerid-048", "callerid-010")
@pytest.mark.parametrize(
    ("choice", "number"), [("best", "3617654321"), ("first_good", "12345"), ("long_enough", "3617654321")]
)
def test_the_best_number_has_digits_enough(choice: str, number: str) -> None:
    assert (
        shown({"forcedcallernidentity": choice, "minassertedidentitylen": 6}, number="12345").identity
        == number
    )


@pytest.mark.req("callerid-003", "callerid-008", "callerid-017", "callerid-039", "callerid-044")
@pytest.mark.parametrize(
    ("mode", "cli", "number", "user", "identity"),
    [
        ("basic", "normal", "3611112222", "3611112222", "3611112222"),
        ("basic", "normal", "4911112222", "3690", "3690"),
        ("basic", "asserted", "4911112222", "3690", "3690"),
        ("identity", "normal", "4911112222", "3690", "3690"),
        ("identity", "asserted", "4911112222", "4911112222", "3690"),
        ("no", "normal", "4911112222", "4911112222", "4930555555"),
        ("identity", "hide", "4911112222", "anonymous", "4930555555"),
    ],
)
def test_identityrewrite_stands_in_for_numbers_that_identityforward_does_not_let_through(
    mode: str, cli: str, number: str, user: str, identity: str
) -> None:
    own = {"identityrewrite": "3690", "identityforward": ("361", "362"), "identityrwmode": mode, "cli": cli}
    found = shown(own, number=number)
    assert (found.user, found.identity) == (user, identity)


def test_a_name_with_blanks_and_quotes_makes_no_header_of_its_own() -> None:
    found = shown(number='a b"<>;x', display='An"n\\')
    assert from_value(found, "h") == '"Ann" <sip:a%20b%22%3C%3E;x@h>'


# --- on the wire ----------------------------------------------------------------------------------------------------------


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


Sent = Callable[..., Request]


@pytest.fixture
def sent(town: Town, tmp_path: Path, rich: Citizen, one: Citizen) -> Sent:
    """What a carrier gets of a call that it declines."""

    def call(
        headers: Any = (),
        *,
        caller: dict[str, Any] | None = None,
        called: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Request:
        settle(town, tmp_path, "rich", **(caller or {}))
        settle(town, tmp_path, "one", **(called or {}))
        fields.setdefault("from_", '"Ann" <sip:36201234567@example.org>;tag=a')
        invite, out = rung(rich, one, headers, **fields)
        declined(rich, one, invite, out)
        return out

    return call


def test_a_carrier_hears_the_callers_number_and_that_we_assert_it(sent: Sent) -> None:
    out = sent()
    assert (out.get("From") or "").startswith('"Ann" <sip:36201234567@127.0.0.1>;tag=')
    assert out.get("P-Asserted-Identity") == '"Ann" <sip:36201234567@127.0.0.1>'
    assert out.get("Privacy") is None


@pytest.mark.req("sip-003", "callerid-028")
def test_a_caller_that_asks_for_privacy_is_known_to_the_trusted_alone(sent: Sent) -> None:
    asked = (
        ("Privacy", "id"),
        ("P-Asserted-Identity", "<sip:+36209999999@example.org>"),
        ("Subject", "Ann calls"),
    )
    out = sent(asked)
    assert (out.get("From") or "").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert out.get("P-Asserted-Identity") == "<sip:36209999999@127.0.0.1>"
    assert out.get("Privacy") == "id"
    out = sent(asked, called={"trustedidentity": "no"})
    assert "3620" not in out.encode().decode().replace(out.uri, "")
    assert out.get("P-Asserted-Identity") is None and out.get("Privacy") is None


def test_an_anonymous_from_asks_for_privacy_too(sent: Sent) -> None:
    out = sent(
        (("P-Asserted-Identity", "<tel:+36209999999>"),),
        from_='"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a',
    )
    assert (out.get("From") or "").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert out.get("P-Asserted-Identity") == "<sip:36209999999@127.0.0.1>"


def test_privacy_of_the_user_takes_away_what_tells_who_it_is(sent: Sent) -> None:
    assert sent((("Privacy", "user"), ("Subject", "Ann calls"))).get("Subject") is None
    assert sent((("Subject", "Ann calls"),)).get("Subject") == "Ann calls"


@pytest.mark.req("callerid-040", "callerid-022", "callerid-047")
@pytest.mark.parametrize(
    ("parse", "number", "name"),
    [
        ("no", "36201234567", "Ann"),
        ("normal", "36201234567", "Ann"),
        ("number", "36209999999", "Ann"),
        ("name", "36209999999", "Desk"),
    ],
)
def test_parseidentity_says_what_is_made_of_an_asserted_identity(
    sent: Sent, parse: str, number: str, name: str
) -> None:
    out = sent(
        (("P-Asserted-Identity", '"Desk" <sip:+36209999999@example.org>'),), caller={"parseidentity": parse}
    )
    assert (out.get("From") or "").startswith(f'"{name}" <sip:{number}@')


@pytest.mark.req("callerid-040")
def test_a_remote_party_id_is_heeded_where_nothing_is_asserted(sent: Sent) -> None:
    out = sent((("Remote-Party-ID", "<sip:36209999999@example.org>;party=calling"),))
    assert "sip:36209999999@" in (out.get("From") or "")


def test_who_is_not_trusted_asserts_nothing(sent: Sent) -> None:
    out = sent((("P-Asserted-Identity", "<sip:36209999999@example.org>"),), caller={"trustedidentity": "no"})
    assert "sip:36201234567@" in (out.get("From") or "")


@pytest.mark.req("sip-109")
@pytest.mark.parametrize(
    ("part", "marked"),
    [
        ("no", [False] * 3),
        ("request", [True, False, False]),
        ("to", [True, True, False]),
        ("always", [True] * 3),
    ],
)
def test_user_phone_stands_where_sendsipuseruripart_wants_it(
    sent: Sent, part: str, marked: list[bool]
) -> None:
    out = sent(called={"sendsipuseruripart": part})
    assert ["user=phone" in (text or "") for text in (out.uri, out.get("To"), out.get("From"))] == marked


@pytest.mark.req("sip-110")
@pytest.mark.parametrize(
    ("where", "secret", "hidden", "host"),
    [
        ("target", "", False, "127.0.0.1"), ("auto", "", False, "203.0.113.5"), ("auto", "me", False, "127.0.0.1"),
        ("mostly_local", "me", False, "203.0.113.5"), ("mostly_local", "", True, "anonymous.invalid"),
        ("local", "me", False, "203.0.113.5"), ("local", "", True, "203.0.113.5"),
    ],
)  # fmt: skip
def test_the_domain_of_from_is_the_targets_or_ours(
    town: Town, sent: Sent, where: str, secret: str, hidden: bool, host: str
) -> None:
    town.wires.local_address = lambda flow: ("203.0.113.5", 6073)  # type: ignore[method-assign]
    town.office.rows["trunks"][0][9] = secret
    out = sent((("Privacy", "user"),) if hidden else (), called={"usephysicalfromaddr": where})
    assert out.from_.uri.host == host


def test_the_diversions_of_a_trusted_caller_go_on(sent: Sent) -> None:
    turned = (
        ("Diversion", "<sip:3611@example.org>;reason=user-busy"),
        ("Diversion", "<sip:3612@example.org>;reason=no-answer"),
    )
    assert sent(turned).all("Diversion") == [value for _, value in turned]
    assert sent(turned, called={"diversion": "none"}).all("Diversion") == []
    assert (
        sent(turned, called={"diversion": "diversion"}, caller={"trustedidentity": "no"}).all("Diversion")
        == []
    )


def test_turns_of_ours_come_first_in_diversion_and_last_in_history(
    town: Town, rich: Citizen, one: Citizen
) -> None:
    told = (("Diversion", "<sip:9@x>;reason=away"), ("History-Info", "<sip:9@x>;index=1"))
    invite, out = rung(rich, one, told)
    (call,) = town.board.calls.values()
    divert(call, "1001", "1002", "user-busy")
    divert(call, "1002", "36301", "no-answer", private=True)
    assert headers(call, "both", "h", trusted=True) == [
        ("Diversion", "<sip:1002@h>;reason=no-answer;counter=1;privacy=full"),
        ("Diversion", "<sip:1001@h>;reason=user-busy;counter=1;privacy=off"),
        ("Diversion", "<sip:9@x>;reason=away"),
        ("History-Info", "<sip:9@x>;index=1"),
        ("History-Info", "<sip:1002@h;cause=486?Reason=SIP%3Bcause%3D408&Privacy=history>;index=1.1;mp=1"),
        ("History-Info", "<sip:36301@h;cause=408>;index=1.1.1;mp=1.1"),
    ]
    assert headers(call, "history", "h", trusted=False)[0] == (
        "History-Info",
        "<sip:1001@h?Reason=SIP%3Bcause%3D486>;index=1",
    )
    with pytest.raises(ValueError, match="no reason"):
        divert(call, "1001", "1002", "because")
    declined(rich, one, invite, out)
