"""Tokens and certificates of STIR/SHAKEN: what is claimed, who may claim it, and whether it is believed."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from switch.stir.credentials import Authority as Numbers
from switch.stir.credentials import BadCredential, believed, read_chain, read_list, write_list
from switch.stir.identity import (
    FAILED,
    INVALID,
    NONE,
    PASSED,
    STALE,
    UNSUPPORTED,
    Claim,
    Verdict,
    claim_of,
    header_of,
    judged,
    place_of,
)
from switch.stir.passport import BadPassport, Passport, parse, sign
from tests.certificates import Authority

KEY = ec.generate_private_key(ec.SECP256R1())
URL = "https://certs.example.org/shaken.pem"
NOW = 1_790_000_000
DAY = 86400
PLAIN = Passport("A", "12155551212", ("12025551000",), NOW, "123e4567-e89b-12d3-a456-426655440000", URL)
ANY = Numbers(codes=("1234",))


def test_a_token_says_what_was_signed_in_the_order_of_the_standard() -> None:
    token = sign(PLAIN, KEY)
    header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert header == b'{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"%s"}' % URL.encode()
    assert claims == (
        b'{"attest":"A","dest":{"tn":["12025551000"]},"iat":1790000000,"orig":{"tn":"12155551212"},'
        b'"origid":"123e4567-e89b-12d3-a456-426655440000"}'
    )
    signed = parse(token)
    assert signed.passport == PLAIN and signed.fits(KEY.public_key())


def test_a_token_that_was_changed_or_signed_by_another_does_not_fit() -> None:
    token = sign(PLAIN, KEY)
    header, claims, signature = token.split(".")
    other = sign(replace(PLAIN, orig="12155551213"), KEY).split(".")[1]
    assert not parse(f"{header}.{other}.{signature}").fits(KEY.public_key())
    assert not parse(token).fits(ec.generate_private_key(ec.SECP256R1()).public_key())
    turned = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    assert not parse(f"{header}.{claims}.{turned}").fits(KEY.public_key())
    assert not parse(f"{header}.{claims}.{'A' * 86}").fits(KEY.public_key())


def token(header: dict[str, Any], claims: dict[str, Any], signature: bytes = bytes(64)) -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


HEADER = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
CLAIMS = {"attest": "A", "dest": {"tn": ["1"]}, "iat": 1, "orig": {"tn": "2"}, "origid": "x"}


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c.d", "..", "!!.??.&&", token(HEADER | {"alg": "none"}, CLAIMS), token(HEADER | {"alg": "HS256"}, CLAIMS),
     token(HEADER | {"ppt": "div"}, CLAIMS), token(HEADER, CLAIMS | {"attest": "D"}), token(HEADER, CLAIMS | {"iat": "1"}),
     token(HEADER, CLAIMS | {"iat": True}), token(HEADER, CLAIMS | {"orig": {"tn": ["2"]}}), token(HEADER, CLAIMS | {"dest": {}}),
     token(HEADER, CLAIMS | {"dest": {"tn": []}}), token(HEADER, CLAIMS | {"orig": {"uri": "sip:a@b"}}),
     token(HEADER, CLAIMS, b"x"), token(HEADER, CLAIMS | {"origid": 5}), token([], CLAIMS), "A" * 9000,  # type: ignore[arg-type]
     base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.AA"],
)  # fmt: skip
def test_what_is_no_token_of_shaken_is_refused(text: str) -> None:
    with pytest.raises(BadPassport):
        parse(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    with contextlib.suppress(BadPassport):
        parse(text)


# --- certificates ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trusted(*authorities: Authority) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(one.path.read_bytes()) for one in authorities]


def test_a_certificate_is_believed_by_way_of_the_authorities_between(ca: Authority, tmp_path: Path) -> None:
    between = ca.below("between")
    key, certificate = between.signer(ANY)
    chain = read_chain(certificate + between.path.read_bytes())
    found = believed(chain, trusted(ca), time.time())
    assert found.key == key.public_key() and found.authority == ANY
    assert found.until == chain[0].not_valid_after_utc.timestamp()
    with pytest.raises(BadCredential, match="vouches"):
        believed(chain[:1], trusted(ca), time.time())
    with pytest.raises(BadCredential, match="vouches"):
        believed(chain, trusted(Authority(tmp_path, "stranger")), time.time())
    with pytest.raises(BadCredential, match="vouches"):
        believed(chain, [], time.time())


def test_an_authority_that_may_have_none_below_it_makes_no_further_one(ca: Authority) -> None:
    far = ca.below("between").below("far")  # `between` may sign holders only
    _, certificate = far.signer(ANY)
    chain = read_chain(certificate + far.path.read_bytes() + (ca.folder / "between.ca").read_bytes())
    with pytest.raises(BadCredential, match="vouches"):
        believed(chain, trusted(ca), time.time())


def test_a_certificate_that_signs_for_itself_or_is_an_authority_is_not_believed(
    ca: Authority, tmp_path: Path
) -> None:
    own = trusted(ca)
    stranger = Authority(tmp_path, "authority")  # of the same name, with another key
    _, certificate = stranger.signer(ANY)
    with pytest.raises(BadCredential, match="vouches"):
        believed(read_chain(certificate), own, time.time())
    with pytest.raises(BadCredential, match="authority"):
        believed(own, own, time.time())


Break = Callable[[Authority], bytes]


@pytest.mark.parametrize(
    ("make", "later", "why"),
    [
        (lambda ca: ca.signer(ANY, days=1)[1], 2 * DAY, "not good at this time"),
        (lambda ca: ca.signer(ANY)[1], -9 * DAY, "not good at this time"),
        (lambda ca: ca.signer(ANY, critical="1.2.3.4")[1], 0, "critical"),
        (lambda ca: ca.issue("phone.example").read_bytes(), 0, "TNAuthList"),
        (lambda ca: b"nonsense", 0, "no certificate"),
    ],
)
def test_a_certificate_that_is_not_good_is_not_believed(
    ca: Authority, make: Break, later: float, why: str
) -> None:
    with pytest.raises(BadCredential, match=why):
        believed(read_chain(make(ca)), trusted(ca), time.time() + later)


@pytest.mark.parametrize(
    "authority",
    [Numbers(("1234",)), Numbers(("1234", "ABC5")), Numbers((), (("12155551212", 1),)), Numbers((), (("12155550000", 10_000),)),
     Numbers(("1",), (("361", 300), ("49", 1)))],
)  # fmt: skip
def test_a_list_of_numbers_is_read_as_it_was_written(authority: Numbers) -> None:
    assert read_list(write_list(authority)) == authority


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reading_of_a_list(data: bytes) -> None:
    with contextlib.suppress(BadCredential):
        read_list(data)


def test_who_has_a_range_speaks_for_its_numbers_only() -> None:
    own = Numbers((), (("12155551200", 100), ("361", 1)))
    assert own.covers("12155551200") and own.covers("12155551299") and own.covers("361")
    assert not own.covers("12155551300") and not own.covers("12155551199") and not own.covers("362")
    assert not own.covers("00012155551200") and not own.covers("abc")


# --- headers --------------------------------------------------------------------------------------------------------------------


def header(passport: Passport = PLAIN, **params: str) -> str:
    return header_of(sign(passport, KEY), params.pop("place", URL)) + "".join(
        f";{k}={v}" for k, v in params.items()
    )


def claimed(
    *headers: str, now: int = NOW, calling: str = "12155551212", called: str = "12025551000"
) -> Claim | Verdict:
    return claim_of(headers, calling={calling}, called={called}, now=now, within=60)


@pytest.mark.parametrize("seconds", [-60, 0, 60])
def test_a_header_about_this_call_and_this_minute_is_a_claim(seconds: int) -> None:
    found = claimed(header(), now=NOW + seconds)
    assert isinstance(found, Claim) and found.place == URL


@pytest.mark.parametrize(
    ("headers", "verstat", "status"),
    [
        ((), NONE, 428),
        ((header(replace(PLAIN, iat=NOW - 61)),), FAILED, STALE),
        ((header(replace(PLAIN, iat=NOW + 61)),), FAILED, STALE),
        ((header(replace(PLAIN, orig="12155551213")),), FAILED, INVALID),
        ((header(replace(PLAIN, dest=("12025551001",))),), FAILED, INVALID),
        ((header(place="https://elsewhere.example/x.pem"),), FAILED, INVALID),
        ((header().replace("alg=ES256", "alg=RS256"),), FAILED, UNSUPPORTED),
        (("nonsense;ppt=shaken",), FAILED, INVALID),
        (("..sig;info=<https://x.example/>;ppt=shaken",), FAILED, INVALID),
        ((header().replace("ppt=shaken", "ppt=div"),), NONE, 428),
        (("a;;b=",), FAILED, INVALID),
    ],
)
def test_a_header_that_is_not_about_this_call_proves_nothing(
    headers: tuple[str, ...], verstat: str, status: int
) -> None:
    found = claimed(*headers)
    assert isinstance(found, Verdict) and (found.verstat, found.status) == (verstat, status), found


def test_a_signature_of_another_kind_before_it_is_passed_over() -> None:
    assert isinstance(claimed(header().replace("ppt=shaken", "ppt=div"), header()), Claim)
    assert isinstance(claimed(header().replace("ppt=shaken", 'ppt="shaken"')), Claim)


def test_the_certificate_decides(ca: Authority) -> None:
    key, certificate = ca.signer(Numbers((), (("12155551200", 100),)))
    credential = believed(read_chain(certificate), trusted(ca), time.time())
    outcomes = []
    for passport, by in ((PLAIN, key), (PLAIN, KEY), (replace(PLAIN, orig="12155559999"), key)):
        claim = claimed(header_of(sign(passport, by), URL), calling=passport.orig)
        assert isinstance(claim, Claim)
        outcomes.append((judged(claim, credential).verstat, judged(claim, credential).status))
    assert outcomes == [(PASSED, 0), (FAILED, INVALID), (FAILED, UNSUPPORTED)]


@pytest.mark.parametrize(
    ("url", "good"),
    [("https://certs.example.org/a.pem", True), ("https://CERTS.example.org:8443/a", True), ("https://a.b.example.net/x", True),
     ("https://example.net/x", False), ("http://certs.example.org/a", False), ("https://evil.example/a", False),
     ("https://certs.example.org@evil.example/", False), ("https://u:p@certs.example.org/", False), ("file:///etc/passwd", False),
     ("https://127.0.0.1/", False), ("https://certs.example.org:99999/", False), ("https://[::1", False),
     ("https://certs.example.org.evil.example/", False), ("https://certs.example.org/é", False)],
)  # fmt: skip
def test_certificates_are_fetched_only_from_hosts_that_the_office_names(url: str, good: bool) -> None:
    assert (place_of(url, ("certs.example.org", "*.example.net")) == url) is good
