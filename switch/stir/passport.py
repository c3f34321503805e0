"""A PASSporT (RFC 8225) with the claims of SHAKEN (RFC 8588): a JSON Web Signature by ES256, in full form."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ALGORITHM: Final = "ES256"
SHAKEN: Final = "shaken"
ATTESTATIONS: Final = ("A", "B", "C")
LONGEST: Final = 8000
"""Characters of a token that are read; one of SHAKEN has about 500."""
_HALF: Final = 32
"""Bytes of each of the two numbers of a signature."""
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


class BadPassport(ValueError):
    """The text is none that we can check; the message says why."""


@dataclass(frozen=True, slots=True)
class Passport:
    """What is claimed: who calls whom, when, and how well whoever signs knows the caller (A fully, B the customer, C the way in)."""

    attest: str
    orig: str  # digits, country code first
    dest: tuple[str, ...]
    iat: int  # epoch seconds
    origid: str
    x5u: str  # where the certificate is


@dataclass(frozen=True, slots=True)
class Signed:
    """A token that was taken apart and not yet believed."""

    passport: Passport
    content: bytes
    signature: bytes

    def fits(self, key: ec.EllipticCurvePublicKey) -> bool:
        """Whether the owner of that key has signed it."""
        first, second = (int.from_bytes(part) for part in (self.signature[:_HALF], self.signature[_HALF:]))
        try:
            key.verify(encode_dss_signature(first, second), self.content, _ECDSA)
        except InvalidSignature:
            return False
        return True


def sign(passport: Passport, key: ec.EllipticCurvePrivateKey) -> str:
    """The token, members in the order that RFC 8225 §9 gives them."""
    header = {"alg": ALGORITHM, "ppt": SHAKEN, "typ": "passport", "x5u": passport.x5u}
    claims = {
        "attest": passport.attest,
        "dest": {"tn": list(passport.dest)},
        "iat": passport.iat,
        "orig": {"tn": passport.orig},
        "origid": passport.origid,
    }
    content = f"{_part(header)}.{_part(claims)}"
    first, second = decode_dss_signature(key.sign(content.encode(), _ECDSA))
    return f"{content}.{_encoded(first.to_bytes(_HALF) + second.to_bytes(_HALF))}"


def parse(token: str) -> Signed:
    """Take a token apart. Raises BadPassport for what is none of SHAKEN in full form."""
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3:
        raise BadPassport("it does not have three parts")
    header, claims, signature = _json(parts[0]), _json(parts[1]), _decoded(parts[2])
    if (header.get("alg"), header.get("ppt"), header.get("typ")) != (ALGORITHM, SHAKEN, "passport"):
        raise BadPassport("it is no PASSporT of SHAKEN signed by ES256")
    if len(signature) != 2 * _HALF:
        raise BadPassport("its signature is not one of ES256")
    orig, dest, issued = claims.get("orig"), claims.get("dest"), claims.get("iat")
    numbers = dest.get("tn") if isinstance(dest, dict) else None
    calling = orig.get("tn") if isinstance(orig, dict) else None
    if isinstance(issued, bool) or not isinstance(issued, int):
        raise BadPassport("it does not say when it was signed")
    if (
        not _is_number(calling)
        or not isinstance(numbers, list)
        or not numbers
        or not all(map(_is_number, numbers))
    ):
        raise BadPassport("it does not name a caller and a called number")
    if claims.get("attest") not in ATTESTATIONS or not isinstance(claims.get("origid"), str):
        raise BadPassport("it has no attestation")
    passport = Passport(
        claims["attest"],
        str(calling),
        tuple(numbers),
        issued,
        claims["origid"][:64],
        str(header.get("x5u", "")),
    )
    return Signed(passport, f"{parts[0]}.{parts[1]}".encode(), signature)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 32 and value.isascii() and value.strip("*#").isdigit()


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode())


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadPassport("it is not base64") from error


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text))
    except (ValueError, RecursionError) as error:
        raise BadPassport("a part of it is not JSON") from error
    if not isinstance(found, dict):
        raise BadPassport("a part of it is not an object")
    return found
