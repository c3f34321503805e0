"""A received Identity header judged (RFC 8224 §6.2), and one written (§6.1). The caller's number and the time come as values."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from switch.stir.credentials import Credential
from switch.stir.passport import ALGORITHM, SHAKEN, BadPassport, Signed, parse

PASSED: Final = "TN-Validation-Passed"
FAILED: Final = "TN-Validation-Failed"
NONE: Final = "No-TN-Validation"
"""What a called party is told (3GPP TS 24.229 §7.2A.20)."""

MISSING, STALE, NO_INFO, UNSUPPORTED, INVALID = 428, 403, 436, 437, 438
"""Statuses of RFC 8224 §6.2.2."""
MOST_HEADERS: Final = 8
_PARAM: Final = re.compile(r"\s*;\s*([A-Za-z0-9-]+)\s*=\s*(<[^<>\s]*>|\"[^\"]*\"|[^\s;\"<>]+)\s*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it. `status` and `why` say what a call would be refused with that insists on a good signature."""

    verstat: str
    status: int = 0
    why: str = ""
    attest: str = ""
    orig: str = ""  # the number that is proved
    origid: str = ""
    signer: str = ""

    @property
    def told(self) -> str:
        """For whoever asks why."""
        if self.verstat == PASSED:
            return f"The caller number {self.orig} is signed with attestation {self.attest} by {self.signer}"
        return f"The caller number is not proved: {self.why}"


NOTHING = Verdict(NONE, MISSING, "the call has no Identity header of SHAKEN")


def failed(status: int, why: str) -> Verdict:
    """A header that does not prove what it says."""
    return Verdict(FAILED, status, why)


@dataclass(frozen=True, slots=True)
class Claim:
    """A header that may be good: what is claimed, and where the certificate is that decides it."""

    signed: Signed
    place: str


def claim_of(
    headers: Sequence[str], *, calling: Collection[str], called: Collection[str], now: float, within: int
) -> Claim | Verdict:
    """The first header of SHAKEN, checked as far as that goes without its certificate.

    `calling` and `called`: how the numbers of the call may be written; the claim has to name one of each.
    `within`: seconds that a signature is good for, and that clocks may differ.
    """
    wrong = NOTHING
    for header in headers[:MOST_HEADERS]:
        token, semicolon, rest = header.strip().partition(";")
        params = _params(semicolon + rest)
        if params is None:
            wrong = failed(INVALID, "its parameters cannot be read")
            continue
        if params.get("ppt", "") != SHAKEN:
            continue  # of another kind, which says nothing about the number (RFC 8224 §6.2)
        return _checked(token.strip(), params, calling, called, now, within)
    return wrong


def _checked(
    token: str,
    params: dict[str, str],
    calling: Collection[str],
    called: Collection[str],
    now: float,
    within: int,
) -> Claim | Verdict:
    if params.get("alg", ALGORITHM) != ALGORITHM:
        return failed(UNSUPPORTED, f"it is signed by {params['alg'][:20]}, not by {ALGORITHM}")
    try:
        signed = parse(token)
    except BadPassport as error:
        return failed(INVALID, str(error))
    passport, place = signed.passport, params.get("info", "")
    if passport.x5u and passport.x5u != place:
        return failed(INVALID, "it names two certificates")
    if abs(now - passport.iat) > within:
        return failed(STALE, f"it was signed {int(now) - passport.iat} seconds ago")
    if passport.orig not in calling:
        return failed(INVALID, f"it was signed for a call from {passport.orig}")
    if not set(passport.dest) & set(called):
        return failed(INVALID, f"it was signed for a call to {', '.join(passport.dest)[:60]}")
    return Claim(signed, place)


def _params(text: str) -> dict[str, str] | None:
    """The parameters, `info` of which stands in angle brackets (RFC 8224 §4); None: they cannot be read."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAM.match(text, place)
        if match is None or match[1].lower() in found:
            return None
        found[match[1].lower()] = match[2].strip('<>"')
        place = match.end()
    return found


def place_of(url: str, hosts: Collection[str]) -> str:
    """The address if a certificate may be fetched from there, else "". Only by HTTPS, and from hosts that the office names."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    if parts.scheme != "https" or parts.username or parts.password or port == 0 or not url.isascii():
        return ""
    allowed = host in hosts or any(one.startswith("*.") and host.endswith(one[1:]) for one in hosts)
    return url if allowed and len(url) <= 1000 else ""


def judged(claim: Claim, credential: Credential) -> Verdict:
    """The last word, once the certificate is believed."""
    passport = claim.signed.passport
    if not claim.signed.fits(credential.key):
        return failed(INVALID, "its signature does not fit")
    if not credential.authority.covers(passport.orig):
        return failed(UNSUPPORTED, f"{credential.name[:80]} may not sign for {passport.orig}")
    return Verdict(
        PASSED,
        attest=passport.attest,
        orig=passport.orig,
        origid=passport.origid,
        signer=credential.name[:80],
    )


def header_of(token: str, place: str) -> str:
    """The value of an Identity header."""
    return f"{token};info=<{place}>;alg={ALGORITHM};ppt={SHAKEN}"
