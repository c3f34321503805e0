"""Certificates of STIR (RFC 8226): whose numbers a key may sign for, and whether somebody whom we trust vouches for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
Extension = TypeVar("Extension", bound=x509.ExtensionType)
MOST_CERTIFICATES: Final = 6
"""Of a chain, and so many steps at most from a certificate to an authority."""
_UNDERSTOOD: Final = frozenset(
    (
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.SubjectAlternativeName.oid,
        x509.CertificatePolicies.oid,
        x509.CRLDistributionPoints.oid,
        TN_AUTH_LIST,
    )
)
"""A critical extension that is none of these is a reason not to believe a certificate (RFC 5280 §4.2)."""


class BadCredential(ValueError):
    """A certificate or key that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What a certificate gives its holder the right to (its TNAuthList). Codes of providers stand for all their numbers."""

    codes: tuple[str, ...] = ()
    ranges: tuple[tuple[str, int], ...] = ()  # first number, how many

    def covers(self, number: str) -> bool:
        """Whether its holder may sign for a call from the number. A provider's code says that it may, for its customers."""
        if self.codes:
            return True
        return any(
            len(first) == len(number) and number.isdigit() and 0 <= int(number) - int(first) < count
            for first, count in self.ranges
        )


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate that is believed until `until`."""

    key: ec.EllipticCurvePublicKey
    authority: Authority
    name: str
    until: float


def read_chain(data: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file, the holder's first. Raises BadCredential."""
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise BadCredential("it holds no certificate") from error
    if len(found) > MOST_CERTIFICATES:
        raise BadCredential("it holds too many certificates")
    return found


def read_authorities(path: Path) -> list[x509.Certificate]:
    """Whom we trust: a PEM file with any number of certificates. Raises BadCredential, OSError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise BadCredential(f"{path} holds no certificate") from error


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Our own key. Raises BadCredential, OSError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise BadCredential(f"{path} holds no key that can be read without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCredential(f"{path} is not a key on the curve P-256")
    return key


def believed(chain: list[x509.Certificate], trusted: list[x509.Certificate], now: float) -> Credential:
    """The first certificate of the chain, if it is good now (RFC 5280 §6 as far as STIR needs it). Raises BadCredential.

    1. It is on the curve P-256, has a TNAuthList, is no authority, and may sign.
    2. Every certificate on the way is within its time and has no critical extension that we do not understand.
    3. Each is signed by the next one, which is an authority and may be so many steps above.
    4. The way ends at one that is trusted.
    """
    holder = chain[0]
    key = holder.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCredential("its key is not on the curve P-256")
    if _is_authority(holder, 0):
        raise BadCredential("it is an authority's own")
    usage = _extension(holder, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise BadCredential("it is not for signing")
    authority = authority_of(holder)
    until = _walk(holder, chain[1:], trusted, datetime.fromtimestamp(now, UTC))
    return Credential(key, authority, holder.subject.rfc4514_string(), until.timestamp())


def _walk(
    holder: x509.Certificate, others: list[x509.Certificate], trusted: list[x509.Certificate], now: datetime
) -> datetime:
    """Up to somebody who is trusted; until when the whole way is good."""
    at, steps = holder, 0
    until = holder.not_valid_after_utc
    while True:
        _check_itself(at, now)
        until = min(until, at.not_valid_after_utc)
        if at in trusted and steps:
            return until
        above = next((one for one in (*trusted, *others) if one != at and _signed(at, one, steps)), None)
        if above is None:
            raise BadCredential(f"nobody who is trusted vouches for {at.subject.rfc4514_string()[:80]}")
        at, steps = above, steps + 1
        if steps > MOST_CERTIFICATES:
            raise BadCredential("the way to an authority is too long")


def _check_itself(one: x509.Certificate, now: datetime) -> None:
    if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
        raise BadCredential(f"{one.subject.rfc4514_string()[:80]} is not good at this time")
    try:
        unknown = [each.oid for each in one.extensions if each.critical and each.oid not in _UNDERSTOOD]
    except ValueError as error:
        raise BadCredential("its extensions cannot be read") from error
    if unknown:
        raise BadCredential(f"it has the critical extension {unknown[0].dotted_string}, which we do not know")


def _signed(one: x509.Certificate, above: x509.Certificate, below: int) -> bool:
    """Whether `above` is an authority, with `below` others between it and the holder, and has signed it."""
    if one.issuer != above.subject or not _is_authority(above, below):
        return False
    try:
        one.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_authority(one: x509.Certificate, below: int) -> bool:
    constraints = _extension(one, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return False
    usage = _extension(one, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return False
    return constraints.path_length is None or below <= constraints.path_length


def _extension(one: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return one.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError as error:
        raise BadCredential("its extensions cannot be read") from error


# --- the list of numbers (RFC 8226 §9) ------------------------------------------------------------------------------------------


def authority_of(certificate: x509.Certificate) -> Authority:
    """What its TNAuthList says. Raises BadCredential when it has none, or one that cannot be read."""
    try:
        found = certificate.extensions.get_extension_for_oid(TN_AUTH_LIST).value
    except x509.ExtensionNotFound:
        raise BadCredential("it does not say whose numbers it is for (TNAuthList)") from None
    except ValueError as error:
        raise BadCredential("its extensions cannot be read") from error
    if not isinstance(found, x509.UnrecognizedExtension):
        raise BadCredential("its TNAuthList cannot be read")
    return read_list(found.value)


def read_list(der: bytes) -> Authority:
    """A TNAuthList: SEQUENCE OF choice of [0] provider's code, [1] range, [2] one number. Raises BadCredential."""
    codes: list[str] = []
    ranges: list[tuple[str, int]] = []
    try:
        tag, body, rest = _element(der)
        if tag != 0x30 or rest or not body:
            raise ValueError
        while body:
            tag, inner, body = _element(body)
            if tag == 0xA0:
                codes.append(_text(inner))
            elif tag == 0xA1:
                ranges.append(_range(inner))
            elif tag == 0xA2:
                ranges.append((_digits(_text(inner)), 1))
            else:
                raise ValueError
    except (ValueError, IndexError):
        raise BadCredential("its TNAuthList cannot be read") from None
    return Authority(tuple(codes), tuple(ranges))


def write_list(authority: Authority) -> bytes:
    """The same as DER."""
    parts = [_made(0xA0, _made(0x16, code.encode())) for code in authority.codes]
    for first, count in authority.ranges:
        number = _made(0x16, first.encode())
        if count == 1:
            parts.append(_made(0xA2, number))
        else:
            parts.append(
                _made(0xA1, _made(0x30, number + _made(0x02, count.to_bytes(count.bit_length() // 8 + 1))))
            )
    return _made(0x30, b"".join(parts))


def _made(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 128:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + body


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The first element: its tag, what is in it, and what follows it."""
    tag, size, place = der[0], der[1], 2
    if size & 0x80:
        more = size & 0x7F
        if not 1 <= more <= 3:
            raise ValueError
        size, place = int.from_bytes(der[2 : 2 + more]), 2 + more
    if len(der) < place + size:
        raise ValueError
    return tag, der[place : place + size], der[place + size :]


def _text(der: bytes) -> str:
    tag, body, rest = _element(der)
    if tag not in {0x16, 0x0C} or rest:
        raise ValueError
    return body.decode("ascii")


def _digits(text: str) -> str:
    if not text.isdigit() or len(text) > 15:
        raise ValueError
    return text


def _range(der: bytes) -> tuple[str, int]:
    tag, body, rest = _element(der)
    if tag != 0x30 or rest:
        raise ValueError
    tag, first, body = _element(body)
    number, count, after = _element(body)
    if tag not in {0x16, 0x0C} or number != 0x02 or after:
        raise ValueError
    many = int.from_bytes(count, signed=True)
    if many < 2:
        raise ValueError
    return _digits(first.decode("ascii")), many
