"""Certificates made ready for OpenSSL, and the names in them (RFC 5280, RFC 5922)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from OpenSSL import SSL

from .pem import BadCertificate, Pair, TlsFiles, pairs_of

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, all with forward secrecy; TLS 1.3 has its own list, which is good as it is."""
_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)
MOST_NAMES = 32
"""Of one certificate; what has more is not a party of a trunk."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that we can show: its context for OpenSSL and the host names that it is for."""

    context: SSL.Context
    names: frozenset[str]
    path: Path


def load(wanted: TlsFiles) -> list[Certificate]:
    """Everything that we can show. Raises BadCertificate: then nothing of it is used."""
    return [_load(pair, wanted) for pair in pairs_of(wanted)]


def _load(pair: Pair, wanted: TlsFiles) -> Certificate:
    context = bare_context()
    _show(context, pair, wanted.passphrase)
    context.set_session_id(b"mizu-sip")
    if wanted.client_ca is not None:
        trust(context, wanted.client_ca)
        must = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if wanted.client_required else 0
        context.set_verify(SSL.VERIFY_PEER | must)
    names = names_of(x509.load_pem_x509_certificates(pair.certificate.read_bytes())[0])
    return Certificate(context, frozenset(names), pair.certificate)


def _show(context: SSL.Context, pair: Pair, passphrase: str) -> None:
    """Let the context show this certificate. Raises BadCertificate."""
    try:
        context.use_certificate_chain_file(str(pair.certificate))
        context.use_privatekey(_key(pair.key, passphrase))
        context.check_privatekey()
        if pair.chain is not None:
            for above in x509.load_pem_x509_certificates(pair.chain.read_bytes()):
                context.add_extra_chain_cert(above)
    except (SSL.Error, OSError, ValueError) as error:
        raise BadCertificate(
            f"{pair.certificate} with key {pair.key} cannot be used: {_why(error)}."
        ) from error


def _key(path: Path, passphrase: str) -> Any:
    """The first key of a file; OpenSSL would ask for a passphrase at a terminal. Raises ValueError, OSError."""
    found = _KEY.search(path.read_bytes())
    if found is None:
        raise ValueError("there is no key in it")
    locked = b"ENCRYPTED" in found[0]
    if locked and not passphrase:
        raise ValueError("it has a passphrase, which is not known (sslcertpwd)")
    return load_pem_private_key(found[0], passphrase.encode() if locked else None)


def bare_context() -> SSL.Context:
    """TLS 1.2 and 1.3, no compression, no renegotiation."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(CIPHERS)
    return context


def trust(context: SSL.Context, authorities: Path | None) -> None:
    """Believe these authorities; None: the machine's. Raises BadCertificate."""
    if authorities is None:
        context.set_default_verify_paths()
        return
    try:
        context.load_verify_locations(str(authorities))
    except SSL.Error as error:
        raise BadCertificate(f"{authorities} holds no certificate of an authority: {_why(error)}.") from error


def _why(error: Exception) -> str:
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        return str(error.args[0][-1][-1])
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Whom a certificate is for, as RFC 5922 §7.1 reads it: hosts of `sip:` URIs, else DNS names and addresses, else the CN."""
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        found = None
    if isinstance(found, x509.SubjectAlternativeName):
        uris = [
            one for one in map(_host_of, found.get_values_for_type(x509.UniformResourceIdentifier)) if one
        ]
        names = uris or [
            *found.get_values_for_type(x509.DNSName),
            *map(str, found.get_values_for_type(x509.IPAddress)),
        ]
        if names:
            return tuple(dict.fromkeys(one.lower() for one in names if one.isascii()))[:MOST_NAMES]
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(text.lower() for one in common[:1] if (text := str(one.value)).isascii() and " " not in text)


def _host_of(uri: str) -> str:
    """The domain of a `sip:` URI without a user; nothing for others (RFC 5922 §7.1)."""
    scheme, _, rest = uri.partition(":")
    return rest.partition(";")[0] if scheme.lower() in {"sip", "sips"} and "@" not in rest else ""


def matches(names: Iterable[str], wanted: str) -> bool:
    """Whether one of the names is the wanted one, or `*.` before all but its first label.

    RFC 5922 §7.2 forbids wildcards; carriers use them all the same, and RFC 9525 §6.3 says how they are read.
    """
    wanted = wanted.lower().rstrip(".")
    try:
        wanted = str(ip_address(wanted))
    except ValueError:
        above = wanted.partition(".")[2]
        return any(name.rstrip(".") == wanted or ("." in above and name == f"*.{above}") for name in names)
    return wanted in set(names)


def for_client(wanted: TlsFiles) -> SSL.Context:
    """The context of connections that we open; our own certificate is shown to carriers that ask. Raises BadCertificate."""
    context = bare_context()
    if wanted.verify_carriers:
        trust(context, wanted.carrier_ca)
        context.set_verify(SSL.VERIFY_PEER)
    pairs = pairs_of(wanted)
    if pairs and _may_be_client(pairs[0].certificate):
        _show(context, pairs[0], wanted.passphrase)
    return context


def _may_be_client(certificate: Path) -> bool:
    """Whether its extended key usage allows to show it to a server; many public authorities no longer say so."""
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError, OSError):
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
