"""An authority of certificates for tests, and the certificates that it gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from switch.stir.credentials import TN_AUTH_LIST, write_list
from switch.stir.credentials import Authority as TnAuthority


class Authority:
    """Whom a test believes. `path` is its own certificate."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._made(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.path = folder / f"{name}.ca"
        self.path.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def below(self, name: str) -> Authority:
        """An authority that this one vouches for."""
        other = Authority(self.folder, name)
        signed = self._made(other._name, other._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        other.path.write_bytes(
            signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        return other

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 2
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + timedelta(days=days))
        )

    def issue(
        self,
        *names: str,
        file: str = "",
        common: str = "",
        days: int = 2,
        apart: bool = False,
        passphrase: str = "",
    ) -> Path:
        """A PEM file with certificate and key. Names: addresses, `sip:` URIs, else host names. `apart`: the key is beside it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common or names[0])])
        builder = self._made(subject, key.public_key(), days)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(one) for one in names]), False
            )
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        locked = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        path = self.folder / (file or f"{(names or (common,))[0].replace(':', '-').replace('*', 'any')}.pem")
        if apart:
            path.with_suffix(".key").write_bytes(secret)
            secret = b""
        whole = path.with_suffix(".new")
        whole.write_bytes(certificate + secret)
        return whole.replace(path)

    def signer(
        self, authority: TnAuthority, *, days: int = 2, critical: str = ""
    ) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        """A certificate of STIR (RFC 8226), for these numbers or providers' codes; and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SHAKEN 1234")])
        builder = self._made(subject, key.public_key(), days).add_extension(
            x509.UnrecognizedExtension(TN_AUTH_LIST, write_list(authority)), False
        )
        if critical:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00"), True
            )
        return key, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def written(folder: Path, key: ec.EllipticCurvePrivateKey, certificate: bytes) -> tuple[str, str]:
    """Both as files; their names."""
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "stir.key").write_bytes(secret)
    (folder / "stir.pem").write_bytes(certificate)
    return "stir.key", "stir.pem"


def _general(name: str) -> x509.GeneralName:
    if name.startswith("sip:"):
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
