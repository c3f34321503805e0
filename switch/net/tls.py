"""TLS for SIP: what we show and whom we believe, replaced without a restart (RFC 3261 §26.3, RFC 5922, RFC 7525)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from .certificates import Certificate, bare_context, for_client, load, matches, names_of
from .pem import BadCertificate, TlsFiles, stamp

log = Logger("switch.net.tls")


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """The certificates in use. A file that cannot be used leaves everything as it was, and is told once."""

    def __init__(self) -> None:
        self._files = TlsFiles()
        self._stamp: tuple[object, ...] = ()
        self._certificates: list[Certificate] = []
        self._client: SSL.Context | None = None
        self.failures = 0

    @property
    def serves(self) -> bool:
        """Whether there is a certificate to show."""
        return bool(self._certificates)

    @property
    def verifies(self) -> bool:
        """Whether a carrier must prove its name."""
        return self._files.verify_carriers

    def follow(self, files: TlsFiles) -> None:
        """Other settings."""
        if files != self._files:
            self._files, self._stamp = files, ()
        self.look()

    def look(self) -> bool:
        """Load what has changed on disk; whether anything has."""
        found = stamp(self._files)
        if found == self._stamp:
            return False
        self._stamp = found
        try:
            certificates, client = load(self._files), for_client(self._files)
        except (BadCertificate, SSL.Error, OSError) as error:
            self.failures += 1
            log.error("TLS goes on as it was: {error}", error=error)
            return False
        for one in certificates:
            one.context.set_tlsext_servername_callback(self._named)
        self._certificates, self._client = certificates, client
        log.info("TLS has certificates for {names}", names=[sorted(one.names) for one in certificates])
        domain = self._files.domain
        if domain and certificates and not any(matches(one.names, domain) for one in certificates):
            log.warn("no certificate names {domain}, which we call ourselves (localdomain)", domain=domain)
        return True

    def _named(self, connection: SSL.Connection) -> None:
        """The caller said which host it wants (SNI): show the certificate for that one, if there is one."""
        wanted = (connection.get_servername() or b"").decode("latin-1")
        for one in self._certificates:
            if wanted and matches(one.names, wanted):
                connection.set_context(one.context)
                return

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """For Twisted: a connection that somebody opened."""
        context = self._certificates[0].context if self._certificates else bare_context()
        return SSL.Connection(context, None)

    def towards(self, name: str) -> Towards:
        """What Twisted opens a connection to that name with."""
        if self._client is None:
            self._client = for_client(self._files)
        return Towards(self._client, name)


@implementer(IOpenSSLClientConnectionCreator)
class Towards:
    """Opens TLS to one named remote."""

    def __init__(self, context: SSL.Context, name: str) -> None:
        self._context = context
        self._name = name

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """For Twisted."""
        connection = SSL.Connection(self._context, None)
        try:
            ip_address(self._name)
        except ValueError:
            connection.set_tlsext_host_name(self._name.encode("ascii", "ignore"))
        return connection


class Secured(TLSMemoryBIOFactory):
    """Wraps each connection of a factory in TLS, unless that one wants none."""

    def __init__(self, creator: Any, factory: Any, *, client: bool, clock: Any) -> None:
        super().__init__(creator, client, factory, clock)

    def buildProtocol(self, addr: Any) -> Any:
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


def proved_by(wire: Any) -> tuple[str, ...]:
    """The names that the remote of a TLS connection has proved; () when it showed no certificate.

    OpenSSL has verified the chain by then, or nobody wanted it verified.
    """
    certificate = wire.getPeerCertificate()
    return () if certificate is None else names_of(certificate.to_cryptography())
