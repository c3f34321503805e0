"""Where calls to numbers of ours go, and which number a call shows: values in, values out."""

from __future__ import annotations

import pytest

from apps.dids.engine import DAY, HOUR, Asked, Dids, Found, Last, Nothing, Ways, best, look_up, same, shown

D, E = "36211112222", "36213334444"
U, V, W = 1, 2, 3  # accounts; 9 is one of ours that is a contact
NOW = 1_000_000.0
ANY = Ways()


class Calls(Nothing):
    """The last calls, as `switch.call.recents` answers them."""

    def __init__(self, *calls: Last) -> None:
        self.calls = sorted(calls, key=lambda one: one.at, reverse=True)

    def between(self, did: str, party: str) -> Last | None:
        return next((one for one in self.calls if one.did == did and same(one.party, party)), None)

    def with_party(self, party: str) -> Last | None:
        return next((one for one in self.calls if same(one.party, party)), None)

    def of_account(self, account: int, party: str) -> Last | None:
        return next((one for one in self.calls if one.account == account and same(one.party, party)), None)

    def by(self, did: str) -> Last | None:
        return next((one for one in self.calls if one.did == did), None)


def book(*contacts: tuple[int, str, list[str]], shared: tuple[str, ...] = (D, E)) -> Dids:
    dids = Dids()
    dids.take("dids", [[number, True, [], None, None] for number in shared])
    dids.take("contacts", contacts)
    return dids


def find(
    dids: Dids, number: str, did: str = D, *calls: Last, ways: Ways = ANY, account: int = 0,
    ranks: dict[int, int | None] | None = None, local: dict[str, int] | None = None,
) -> Found | None:  # fmt: skip
    known = {U: 0, V: 0, W: 0, 9: 0} | (ranks or {})
    asked = Asked(did, number, NOW, account)
    return look_up(dids, Calls(*calls), asked, ways, known.get, (local or {}).get)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("+36301234567", "36301234567", True),
        ("0036301234567", "36301234567", True),
        ("301234567", "36301234567", True),
        ("06301234567", "36301234567", True),
        ("36301234567", "36301234568", False),
        ("4567", "36301234567", False),
        ("Ada", "ada", True),
        ("ada", "bada", False),
        ("36301234567", "993636301234567", False),
    ],
)
@pytest.mark.req("did-018")
def test_numbers_are_the_same_with_and_without_a_country_code(one: str, other: str, expected: bool) -> None:
    assert same(one, other) is expected
    assert same(other, one) is expected


@pytest.mark.req("did-011", "did-018")
def test_step_1_who_calls_its_own_contacts_number_reaches_the_contact() -> None:
    found = find(book((U, D, ["", "36301234567"])), "1001", account=U)
    assert (found.account, found.number, found.step) == (0, "36301234567", 1)


@pytest.mark.req("did-011")
def test_of_a_contacts_user_name_and_numbers_the_one_that_is_there_is_best() -> None:
    dids = book((U, D, ["cleo", "36301234567"]))
    assert find(dids, "1001", account=U, local={"cleo": 9}).account == 9
    away = find(dids, "1001", account=U, local={"cleo": 9}, ranks={9: 2})
    assert (away.account, away.number) == (0, "36301234567")
    assert find(book((U, D, ["cleo"])), "1001", account=U, local={"cleo": 9}, ranks={9: 2}).account == 9


@pytest.mark.req("did-022")
def test_a_contacts_number_that_is_ours_rings_inside_unless_the_setting_says_no() -> None:
    dids = book((U, D, ["", "36301234567"]))
    assert find(dids, "1001", account=U, local={"36301234567": 9}).account == 9
    outside = find(dids, "1001", account=U, local={"36301234567": 9}, ways=Ways(inside=False))
    assert (outside.account, outside.number) == (0, "36301234567")


@pytest.mark.req("did-011", "did-018")
@pytest.mark.parametrize("spelt", ["36301234567", "0036301234567", "301234567"])
def test_step_2_a_contact_that_calls_its_number_reaches_who_has_it_as_a_contact(spelt: str) -> None:
    found = find(book((U, D, ["", "+36301234567"]), (V, E, ["", "36301234567"])), spelt)
    assert (found.account, found.step) == (U, 2)


@pytest.mark.req("did-015")
def test_of_several_accounts_with_the_same_contact_the_one_that_is_there_is_called() -> None:
    dids = book((U, D, ["", "36301234567"]), (V, D, ["", "36301234567"]))
    assert find(dids, "36301234567").account == U
    assert find(dids, "36301234567", ranks={U: 2}).account == V
    assert find(dids, "36301234567", ranks={U: None, V: 1}).account == V


@pytest.mark.req("did-018")
def test_step_3_comes_before_step_4_and_step_5_after_it() -> None:
    dids = book((U, "", ["", "36301234567"]))
    lately = Last(V, D, "36301234567", NOW - 2 * HOUR + 1)
    before = lately._replace(at=NOW - 2 * HOUR - 1)
    assert (find(dids, "36301234567", D, lately).account, find(dids, "36301234567", D, lately).step) == (V, 3)
    assert (find(dids, "36301234567", D, before).account, find(dids, "36301234567", D, before).step) == (U, 4)
    assert find(book(), "36301234567", D, before)[::2] == (V, 5)
    assert find(book(), "36301234567", D, before._replace(at=NOW - DAY - 1)) is None
    assert find(book(), "36301234567", E, lately) is None, "it was another number"


@pytest.mark.req("did-021", "did-022")
def test_contact_lists_and_last_calls_can_each_be_left_out() -> None:
    dids = book((U, D, ["", "36301234567"]))
    lately = Last(V, D, "36301234567", NOW - 60)
    assert find(dids, "36301234567", D, lately).account == U
    assert find(dids, "36301234567", D, lately, ways=Ways(contacts=False)).account == V
    assert find(dids, "36301234567", D, lately, ways=Ways(contacts=False, calls=False)) is None
    old = lately._replace(at=NOW - 6 * DAY)
    assert find(book(), "36301234567", D, old) is None
    assert find(book(), "36301234567", D, old, ways=Ways(longest=7 * DAY)).account == V


@pytest.mark.req("did-013")
def test_at_the_extreme_whoever_used_the_number_last_is_called() -> None:
    last = Last(V, D, "36309999999", NOW - 3 * DAY)
    assert find(book(), "44207946000", D, last) is None
    assert find(book(), "44207946000", D, last, ways=Ways(last_user=True))[::2] == (V, 6)


@pytest.mark.req("did-019")
def test_without_a_number_that_means_anything_the_caller_alone_leads() -> None:
    dids = book((U, D, ["", "36301234567"]))
    assert find(dids, "36301234567", "").account == U
    called = Last(V, E, "36305555555", NOW - 60)
    assert find(dids, "36305555555", "", called).account == V
    assert find(dids, "36307777777", "", called) is None


@pytest.mark.req("did-010", "did-035")
def test_the_best_has_a_phone_and_is_not_in_a_call() -> None:
    ranks: dict[int, int | None] = {U: 2, V: 1, W: None}
    assert best([U, V, W], ranks.get) == V
    assert best([W], ranks.get) is None
    assert best([V, U], {U: 0, V: 0}.get) == V


@pytest.mark.req("did-025")
def test_which_number_a_call_shows() -> None:
    dids = book((U, D, ["", "36301234567"]), shared=(D, E, "442079460000"))
    dids.take("held", [[7, ["36218889999"]]])
    calls = Calls(Last(U, E, "36305555555", NOW - 2 * DAY))

    def show(mode: str, called: str) -> str:
        return shown(dids, calls, mode, path=(7, U), called=[called], now=NOW)

    assert show("no", "36301234567") == ""
    for mode in ("auto", "shared", "all", "extended"):
        assert show(mode, "36301234567") == D, mode
    assert show("auto", "442071111111") == ""
    assert show("shared", "442071111111") == "442079460000", "the nearest to the called"
    assert show("company", "36301234567") == "36218889999"
    assert show("all", "36305555555") == "36218889999", "the last call is older than a day"
    assert show("extended", "36305555555") == E
    assert show("last", "36305555555") == ""


@pytest.mark.req("did-014")
def test_a_shared_number_of_another_company_is_not_shown() -> None:
    dids = Dids()
    dids.take("dids", [[D, True, [], 7, None], [E, True, [], 8, None]])
    assert shown(dids, Calls(), "shared", path=(8, U), called=["3621111"], now=NOW) == E


def test_a_short_number_is_looked_for_below_then_beside_then_above() -> None:
    dids = Dids()
    above = {U: 7, V: 8, W: 7, 4: U}
    dids.take("short_numbers", [["101", V], ["101", W], ["101", 4]])
    assert dids.short_number((7, U), "101", above.__getitem__) == 4
    assert dids.short_number((7, 5), "101", above.__getitem__) == W
    assert dids.short_number((8, 6), "101", above.__getitem__) == V
    assert dids.short_number((9,), "101", above.__getitem__) is None
