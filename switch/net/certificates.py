"""Certificates on disk and the names in them, without a connection (RFC 5280, RFC 5922)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from OpenSSL import SSL

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, all with forward secrecy; TLS 1.3 has its own list, which is good as it is."""
MOST_NAMES = 32
"""Of one certificate; what has more is not a party of a trunk."""


class BadCertificate(ValueError):
    """A certificate, key or CA file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificates and keys are, and whom we trust. An empty `certificates` listens nowhere."""

    certificates: tuple[Path, ...] = ()
    """PEM files, each with a certificate and its chain, or folders of such (`*.pem`, `*.crt`). The first is for callers that name no host."""
    key: Path | None = None
    """The key of a certificate that is not in its own file, nor beside it as `NAME.key`."""
    client_ca: Path | None = None
    """Whose certificates prove who a connecting trunk is; None: nobody is asked for one."""
    client_required: bool = False
    """Refuse a connection without such a certificate. Phones have none, as a rule."""
    carrier_ca: Path | None = None
    """Whom we believe a carrier's certificate; None: the machine's own list."""
    verify_carriers: bool = True


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that we can show: its context for OpenSSL and the host names that it is for."""

    context: SSL.Context
    names: frozenset[str]
    path: Path


def files_of(wanted: TlsFiles) -> list[tuple[Path, Path]]:
    """The pairs of certificate file and key file, in order. Raises BadCertificate."""
    found: list[tuple[Path, Path]] = []
    for place in wanted.certificates:
        if place.is_dir():
            inside = sorted(one for one in place.iterdir() if one.suffix in {".pem", ".crt"})
            found += [(one, _key_of(one, wanted.key)) for one in inside]
        elif place.exists():
            found.append((place, _key_of(place, wanted.key)))
    return found


def _key_of(certificate: Path, otherwise: Path | None) -> Path:
    try:
        if b"PRIVATE KEY-----" in certificate.read_bytes():
            return certificate
    except OSError as error:
        raise BadCertificate(f"{certificate} cannot be read: {error.strerror}.") from error
    beside = certificate.with_suffix(".key")
    if beside.exists():
        return beside
    if otherwise is None:
        raise BadCertificate(f"{certificate} has no key: neither inside, nor as {beside}, nor named.")
    return otherwise


def stamp(wanted: TlsFiles) -> tuple[object, ...]:
    """Changes when one of the files does. Costs a `stat` each."""
    places: list[Path] = [one for one in (wanted.key, wanted.client_ca, wanted.carrier_ca) if one is not None]
    for place in wanted.certificates:
        places.append(place)
        if place.is_dir():
            places += sorted(place.iterdir())
    return tuple(_stamp(one) for one in places)


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino


def load(wanted: TlsFiles) -> list[Certificate]:
    """Everything that we can show. Raises BadCertificate: then nothing of it is used."""
    return [_load(certificate, key, wanted) for certificate, key in files_of(wanted)]


def _load(certificate: Path, key: Path, wanted: TlsFiles) -> Certificate:
    context = bare_context()
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
        names = names_of(x509.load_pem_x509_certificates(certificate.read_bytes())[0])
    except (SSL.Error, OSError, ValueError, IndexError) as error:
        raise BadCertificate(f"{certificate} with key {key} cannot be used: {_why(error)}.") from error
    context.set_session_id(b"mizu-sip")
    if wanted.client_ca is not None:
        trust(context, wanted.client_ca)
        must = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if wanted.client_required else 0
        context.set_verify(SSL.VERIFY_PEER | must)
    return Certificate(context, frozenset(names), certificate)


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
    pairs = files_of(wanted)
    if pairs and _may_be_client(pairs[0][0]):
        context.use_certificate_chain_file(str(pairs[0][0]))
        context.use_privatekey_file(str(pairs[0][1]))
    return context


def _may_be_client(certificate: Path) -> bool:
    """Whether its extended key usage allows to show it to a server; many public authorities no longer say so."""
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError, OSError):
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
