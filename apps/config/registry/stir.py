"""Signed caller numbers (STIR/SHAKEN: RFC 8224, 8225, 8226, 8588). Files are relative to the state directory."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry import checks
from apps.config.registry.definition import Definition, Words

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "stir_verify",
        str,
        "tell",
        _(
            "Signed caller numbers of calls from the account: no (nobody looks), tell (the called is told what came of it),"
            " strict (a bad signature is refused), required (no signature is refused too). Nothing is checked without stir_ca."
        ),
        choices=("no", "tell", "strict", "required"),
        account=True,
    ),
    Definition(
        "stir_within",
        int,
        60,
        _("Seconds that a signature is good for."),
        minimum=1,
        maximum=3600,
        account=True,
    ),
    Definition(
        "stir_ca",
        str,
        "",
        _("A PEM file with the certificates of the authorities whose signatures are believed."),
        check=checks.path,
    ),
    Definition(
        "stir_hosts",
        Words,
        (),
        _(
            "Hosts that certificates may be fetched from, with commas; *.example.com for all below. Others are not asked."
        ),
        check=checks.host_name,
    ),
    Definition(
        "stir_tls_ca",
        str,
        "",
        _(
            "A PEM file with the authorities that vouch for those hosts; empty: those that the machine trusts."
        ),
        check=checks.path,
    ),
    Definition(
        "verstat",
        str,
        "identity",
        _(
            "Where a phone is told whether the caller's number is proved: no, identity (P-Asserted-Identity, which is added where"
            " there is none), from, both. Hidden callers are not told of."
        ),
        choices=("no", "identity", "from", "both"),
        account=True,
    ),
    Definition(
        "stir_sign",
        str,
        "forward",
        _(
            "What a carrier gets: no (nothing), forward (signatures that came with a trunk's call and still fit), yes (one of ours"
            " where there is none)."
        ),
        choices=("no", "forward", "yes"),
        account=True,
    ),
    Definition(
        "attestation",
        str,
        "auto",
        _(
            "How far we vouch for the caller number of the account: A (it is its own), B (we know the customer), C (it came through"
            " us), no (we do not sign), auto (A for numbers of the account and of those above and below, C for carriers, else B)."
        ),
        choices=("auto", "A", "B", "C", "no"),
        account=True,
    ),
    Definition("stir_key", str, "", _("Our key, PEM, on the curve P-256."), check=checks.path),
    Definition(
        "stir_certificate",
        str,
        "",
        _("The certificate of that key, PEM, with its chain behind it."),
        check=checks.path,
    ),
    Definition(
        "stir_url",
        str,
        "",
        _("The address by HTTPS where others fetch that certificate."),
        check=lambda text: (
            "" if not text or text.startswith("https://") else "expected is an address by https."
        ),
    ),
)
