"""From settings to the files of TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.config.registry import defaults
from apps.core.sealed import of_setting, seal
from switch.net import TlsFiles
from switch.tls_files import tls_files
from switch.world.settings import Settings

VAR = Path("/srv/mizu")


def files(**changed: object) -> TlsFiles:
    return tls_files(Settings.of(defaults()).but(changed), VAR, b"key of the installation")


def test_a_fresh_installation_looks_for_certificates_in_its_own_folder() -> None:
    assert files() == TlsFiles(certificates=(VAR / "tls",))


def test_paths_are_relative_to_the_state_directory_unless_they_are_absolute() -> None:
    found = files(tlscertfile=["a.pem", "/etc/b.pem"], tlskeyfile="k.pem", tlsclientca="/etc/ca.pem")
    assert found.certificates == (VAR / "a.pem", Path("/etc/b.pem"))
    assert (found.key, found.client_ca) == (VAR / "k.pem", Path("/etc/ca.pem"))


@pytest.mark.req("security-051")
def test_the_passphrase_of_keys_is_read_with_the_key_of_the_installation_only() -> None:
    sealed = seal(b"key of the installation", of_setting("sslcertpwd"), "open sesame")
    assert files(sslcertpwd=sealed).passphrase == "open sesame"
    for other in (
        seal(b"another key", of_setting("sslcertpwd"), "x"),
        seal(b"key of the installation", "else", "x"),
    ):
        assert files(sslcertpwd=other).passphrase == ""
    assert files().passphrase == ""


@pytest.mark.req("security-041")
def test_certificates_are_to_name_what_we_call_ourselves() -> None:
    assert files(localdomain="sip.example.net").domain == "sip.example.net"


@pytest.mark.req("security-045")
def test_tls_can_be_turned_off() -> None:
    assert files(usetls=False).certificates == ()


def test_whom_we_believe_is_chosen() -> None:
    found = files(tlsclientrequired=True, tlscarrierca="c.pem", tlsverifycarriers=False)
    assert (found.client_required, found.carrier_ca, found.verify_carriers) == (True, VAR / "c.pem", False)
