"""Digest: the vectors of the RFCs, and what a server must refuse."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.digest import (
    ALGORITHMS,
    MD5,
    SHA256,
    Authenticator,
    Challenge,
    Credentials,
    Verdict,
    authorize,
    choose,
    make_ha1,
)
from switch.sip.grammar import BadValue

NOW = 1_700_000_000.0
URI = "sip:4930123456@example.net"
RFC_7616_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("challenge", "password", "cnonce", "response"),
    [
        pytest.param(
            Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", MD5, ("auth", "auth-int")),
            "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1", id="RFC 2617 §3.5",
        ),
        pytest.param(
            Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", MD5, ()),
            "CircleOfLife", "", "1949323746fe6a43ef61f9606e7febea", id="RFC 2069 §2.4 as corrected by its errata",
        ),
        pytest.param(
            Challenge("http-auth@example.org", RFC_7616_NONCE, MD5), "Circle of Life", RFC_7616_CNONCE,
            "8ca523f5e9506fed4657c9700eebdbec", id="RFC 7616 §3.9.1 MD5",
        ),
        pytest.param(
            Challenge("http-auth@example.org", RFC_7616_NONCE, SHA256), "Circle of Life", RFC_7616_CNONCE,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", id="RFC 7616 §3.9.1 SHA-256",
        ),
    ],
)  # fmt: skip
def test_the_response_is_that_of_the_rfc(challenge, password, cnonce, response):
    ha1 = make_ha1("Mufasa", challenge.realm, password, challenge.algorithm)
    value = authorize(
        challenge, method="GET", uri="/dir/index.html", username="Mufasa", ha1=ha1, cnonce=cnonce
    )
    assert Credentials.parse(value).response == response


@pytest.fixture
def door() -> Authenticator:
    return Authenticator("mizu", b"a secret")


def answer(
    door: Authenticator, *, algorithm=SHA256, password="pw", now=NOW, uri=URI, **changes
) -> Credentials:
    challenge = next(c for c in map(Challenge.parse, door.challenges(now)) if c.algorithm == algorithm)
    challenge = replace(challenge, **changes.pop("challenge", {}))
    ha1 = make_ha1("bob", door.realm, password, algorithm)
    return Credentials.parse(
        authorize(challenge, method="INVITE", uri=uri, username="bob", ha1=ha1, **changes)
    )


def judge(door: Authenticator, given: Credentials, *, now=NOW, uri=URI, method="INVITE") -> Verdict:
    ha1 = make_ha1("bob", "mizu", "pw", given.algorithm)
    return door.check(given, method=method, uri=uri, ha1=ha1, now=now)


def test_one_challenge_per_algorithm_the_strongest_first(door):
    challenges = [Challenge.parse(value) for value in door.challenges(NOW, stale=True)]
    assert [c.algorithm for c in challenges] == ["SHA-256", "MD5"] == list(ALGORITHMS)
    assert all(c.stale and c.qop == ("auth",) and c.realm == "mizu" for c in challenges)


@pytest.mark.req("auth-039")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_right_credentials_pass_with_either_algorithm(door, algorithm):
    assert judge(door, answer(door, algorithm=algorithm)) is Verdict.GOOD


def test_another_worker_with_the_same_secret_accepts_the_nonce(door):
    assert judge(Authenticator("mizu", b"a secret"), answer(door)) is Verdict.GOOD
    assert judge(Authenticator("mizu", b"another"), answer(door)) is Verdict.FOREIGN


def test_a_wrong_password_or_method_fails(door):
    assert judge(door, answer(door, password="guess")) is Verdict.WRONG
    assert judge(door, answer(door), method="BYE") is Verdict.WRONG


@pytest.mark.req("auth-038", "auth-064")
def test_an_old_nonce_is_stale(door):
    given = answer(door)
    assert judge(door, given, now=NOW + 301) is Verdict.STALE
    assert judge(door, given, now=NOW + 300) is Verdict.GOOD


def test_a_wrong_password_with_an_old_nonce_is_wrong_and_not_stale(door):
    assert judge(door, answer(door, password="guess"), now=NOW + 301) is Verdict.WRONG


def test_a_replayed_request_is_stale_and_the_next_count_passes(door):
    challenge = Challenge.parse(door.challenges(NOW)[0])
    ha1 = make_ha1("bob", "mizu", "pw", SHA256)

    def use(count: int) -> Verdict:
        value = authorize(challenge, method="INVITE", uri=URI, username="bob", ha1=ha1, nc=count)
        return judge(door, Credentials.parse(value))

    assert [use(n) for n in (1, 1, 2, 10, 9)] == [
        Verdict.GOOD,
        Verdict.STALE,
        Verdict.GOOD,
        Verdict.GOOD,
        Verdict.STALE,
    ]


def test_a_failed_attempt_does_not_use_up_the_nonce(door):
    given = answer(door)
    assert judge(door, replace(given, response="0" * 64)) is Verdict.WRONG
    assert judge(door, given) is Verdict.GOOD


def test_without_qop_a_nonce_serves_once(door):
    given = answer(door, algorithm=MD5, challenge={"qop": ()})
    assert (given.qop, given.nc) == ("", "")
    assert [judge(door, given), judge(door, given)] == [Verdict.GOOD, Verdict.STALE]


def test_the_memory_of_used_nonces_is_bounded_and_never_lets_a_replay_pass():
    door = Authenticator("mizu", b"a secret", capacity=10)
    used = []
    for second in range(30):
        given = answer(door, now=NOW + second)
        assert judge(door, given, now=NOW + second) is Verdict.GOOD
        used.append(given)
    assert len(door._used) <= 10
    assert {judge(door, given, now=NOW + 30) for given in used} == {Verdict.STALE}


def test_credentials_that_name_the_server_only_serve_for_a_number_there(door):
    given = answer(door, uri="sip:example.com")
    assert judge(door, given, uri="sip:90012345@example.com") is Verdict.GOOD


def test_credentials_for_another_called_number_do_not_serve(door):
    assert judge(door, answer(door), uri="sip:90012345@example.net") is Verdict.OTHER_URI
    assert judge(door, answer(door), uri="sip:4930123456@proxy.example.net:5070") is Verdict.GOOD


@pytest.mark.req("auth-064")
@pytest.mark.parametrize(
    "change",
    [
        {"realm": "other"},
        {"nonce": "1.2.3"},
        {"nonce": ""},
        {"nonce": "ä"},
        {"qop": "auth-int"},
        {"algorithm": "MD5-SESS"},
    ],
)
def test_what_is_not_ours_is_foreign(door, change):
    assert judge(door, replace(answer(door), **change)) is Verdict.FOREIGN


def test_the_client_answers_the_strongest_challenge_it_knows():
    values = ['Digest realm="r", nonce="n", algorithm=SHA-512-256, qop="auth"', 'Digest realm="r", nonce="m"', "Basic realm=r",
              'Digest realm="r", nonce="s", algorithm=sha-256, qop="auth,auth-int", opaque="o\\"q"']  # fmt: skip
    chosen = choose(values)
    assert (chosen.nonce, chosen.algorithm, chosen.opaque) == ("s", SHA256, 'o"q')
    value = authorize(chosen, method="REGISTER", uri="sip:r", username='b"ob', ha1="x")
    assert Credentials.parse(value).username == 'b"ob'
    assert choose(values[:1]) is None


@pytest.mark.parametrize(
    "value", ["", "Digest", "Basic x", 'Digest username="a', 'Digest username="a", username="b"', "Digest a"]
)
def test_malformed_credentials_are_a_bad_value(value):
    with pytest.raises(BadValue):
        Credentials.parse(value)


@given(st.text(max_size=60))
def test_any_credentials_are_read_or_refused(text):
    with contextlib.suppress(BadValue):
        Credentials.parse("Digest " + text)
