"""From settings to the files of TLS, and the passphrase of their keys."""

from __future__ import annotations

import logging
from pathlib import Path

from apps.core.sealed import CannotUnseal, of_setting, unseal
from switch.net import TlsFiles
from switch.world.settings import Settings

log = logging.getLogger("switch")


def tls_files(settings: Settings, var: Path, secret: bytes) -> TlsFiles:
    """What the settings name, relative to the state directory."""

    def path(text: str) -> Path | None:
        return var / text if text else None

    passphrase = ""
    if settings.sslcertpwd:
        try:
            passphrase = unseal(secret, of_setting("sslcertpwd"), settings.sslcertpwd)
        except CannotUnseal as error:
            log.error("the passphrase of TLS keys (sslcertpwd): %s", error)
    return TlsFiles(
        certificates=tuple(var / one for one in settings.tlscertfile) if settings.usetls else (),
        key=path(settings.tlskeyfile),
        passphrase=passphrase,
        domain=settings.localdomain,
        client_ca=path(settings.tlsclientca),
        client_required=settings.tlsclientrequired,
        carrier_ca=path(settings.tlscarrierca),
        verify_carriers=settings.tlsverifycarriers,
    )
