"""Which PEM files make up our certificates, as operators and ACME clients lay them out (guide 8906-8914)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

KEYS = ("key.pem", "privkey.pem")
CHAINS = ("root.pem", "chain.pem")
WITH_CHAIN = "fullchain.pem"


class BadCertificate(ValueError):
    """A certificate, key or CA file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificates and keys are, and whom we trust. Empty `certificates`: we listen nowhere."""

    certificates: tuple[Path, ...] = ()
    """PEM files or folders of such; the first is for callers that name no host. What is not there counts as none."""
    key: Path | None = None
    """The key of a certificate for which none is found beside it."""
    passphrase: str = field(default="", repr=False)
    """Of the keys that have one."""
    domain: str = ""
    """What we call ourselves: some certificate should name it; "": nothing in particular."""
    client_ca: Path | None = None
    """Whose certificates prove who a connecting trunk is; None: nobody is asked for one."""
    client_required: bool = False
    """Refuse a connection without such a certificate. Phones have none, as a rule."""
    carrier_ca: Path | None = None
    """Whom we believe a carrier's certificate; None: the machine's own list."""
    verify_carriers: bool = True


class Pair(NamedTuple):
    """A certificate file, its key, and the file of its chain when that is not in the first."""

    certificate: Path
    key: Path
    chain: Path | None


def pairs_of(wanted: TlsFiles) -> list[Pair]:
    """Everything that we can show, in order. Raises BadCertificate.

    1. In a folder every `*.pem` and `*.crt` counts that begins with a certificate which is no authority's; `cert.pem`
       does not where a `fullchain.pem` says the same and more.
    2. The key is in the file itself, or beside it as `NAME.key`, `key.pem` or `privkey.pem`, or it is named.
    3. The chain is in the file itself, or beside it as `root.pem` or `chain.pem`.
    """
    found: list[Pair] = []
    for place in wanted.certificates:
        if place.is_dir():
            found += [_pair(one, wanted.key) for one in _inside(place)]
        elif place.exists():
            found.append(_pair(place, wanted.key))
    return found


def _inside(folder: Path) -> Iterator[Path]:
    files = sorted(one for one in folder.iterdir() if one.suffix in {".pem", ".crt"})
    whole = any(one.name == WITH_CHAIN for one in files)
    for one in files:
        shown = _certificates(one)
        if shown and not _is_authority(shown[0]) and not (whole and one.name == "cert.pem"):
            yield one


def _pair(certificate: Path, otherwise: Path | None) -> Pair:
    shown = _certificates(certificate)
    if not shown:
        raise BadCertificate(f"{certificate} holds no certificate.")
    chains = [certificate.with_name(name) for name in CHAINS]
    chain = next((one for one in chains if one.exists() and len(shown) == 1), None)
    return Pair(certificate, _key_of(certificate, otherwise), chain)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        data = path.read_bytes()
        return x509.load_pem_x509_certificates(data) if b"BEGIN CERTIFICATE-----" in data else []
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadCertificate(f"{path} holds a certificate that cannot be read.") from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_of(certificate: Path, otherwise: Path | None) -> Path:
    if b"PRIVATE KEY-----" in certificate.read_bytes():
        return certificate
    beside = [certificate.with_suffix(".key"), *(certificate.with_name(name) for name in KEYS)]
    found = next((one for one in beside if one.exists()), otherwise)
    if found is None:
        raise BadCertificate(
            f"{certificate} has no key: neither inside, nor beside it ({beside[0].name}), nor named."
        )
    return found


def stamp(wanted: TlsFiles) -> tuple[object, ...]:
    """Changes when one of the files does. Costs a `stat` each."""
    places = [one for one in (wanted.key, wanted.client_ca, wanted.carrier_ca) if one is not None]
    for place in wanted.certificates:
        places += [place, *_around(place)]
    return tuple(_stamp(one) for one in places)


def _around(place: Path) -> list[Path]:
    """The files of a folder; of a file those that its key and chain may be in."""
    if not place.is_dir():
        return [place.with_suffix(".key"), *(place.with_name(name) for name in (*KEYS, *CHAINS))]
    try:
        return sorted(place.iterdir())
    except OSError:
        return []


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
