"""How the switch reaches a carrier, and by which addresses it knows an account."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_address, ip_network

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.values.digits import listed
from apps.users.choices import Kind
from apps.users.models import Account, SourceAddress, Trunk
from apps.users.queries import setting_of
from apps.users.rules import ADDRESSED
from apps.users.services.locks import ADDRESSES, lock

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?\Z")
_HAS_PORT = re.compile(r"(\[(?P<v6>[^\]]+)\]|(?P<v4>[^:]+)):(?P<port>[0-9]{1,5})\Z")
#: The widest network whose calls may come in without a password.
_WIDEST = {4: 8, 6: 24}

#: Values of the setting `needauth` by which accounts behind one address are told apart.
_TOLD_APART = frozenset(("password", "user", "address_user", "address_password", "network_password"))

Network = str | tuple[str, int]


@transaction.atomic
def set_trunk(
    *,
    account: Account,
    host: str = "",
    port: int = 5060,
    transport: str = "udp",
    strip_digits: int = 0,
    prefix: str = "",
    max_calls: int = 0,
    answer_seconds: int = 60,
    response_seconds: int = 5,
    username: str = "",
    realm: str = "",
    password: str | None = None,
    registers: bool = False,
    backup_host: str = "",
    backup_port: int = 0,
) -> Trunk:
    """Say where a carrier is and how it wants its calls. `password` answers its digest challenges.

    One that `registers` is called where it is registered, and needs no host but a SIP password.

    Without `password` the secret that is there stays, as long as user name and realm do.
    Raises ValidationError, by field.
    """
    if account.kind != Kind.CARRIER:
        raise ValidationError({"account": _("Only a carrier has a trunk.")})
    trunk = Trunk.objects.select_for_update().filter(account=account).first() or Trunk(account=account)
    same_secret = (trunk.username, trunk.realm) == (username, realm)
    trunk.registers = registers
    trunk.host, trunk.port, trunk.transport = _host(host) if host or not registers else "", port, transport
    trunk.backup_host, trunk.backup_port = _backup(trunk, backup_host), backup_port
    trunk.strip_digits, trunk.prefix, trunk.max_calls = strip_digits, prefix, max_calls
    trunk.answer_seconds, trunk.response_seconds = answer_seconds, response_seconds
    trunk.username, trunk.realm = username, realm
    _set_secret(trunk, password, same_secret)
    trunk.full_clean()
    trunk.save()
    return trunk


def _backup(trunk: Trunk, host: str) -> str:
    """The second host as it is kept. Raises ValidationError."""
    if not host:
        return ""
    if not trunk.host:
        raise ValidationError({"backup_host": _("A second host stands in for a first: name that.")})
    try:
        return _host(host)
    except ValidationError as error:
        raise ValidationError({"backup_host": error.messages}) from error


def _set_secret(trunk: Trunk, password: str | None, same_secret: bool) -> None:
    from apps.users.services.secrets import ha1s

    if not trunk.username:
        trunk.realm = trunk.ha1_md5 = trunk.ha1_sha256 = ""
    elif password is not None:
        if not trunk.realm:
            raise ValidationError({"realm": _("A digest is bound to the carrier's realm: name it.")})
        trunk.ha1_md5, trunk.ha1_sha256 = ha1s(trunk.username, trunk.realm, password)
    elif not same_secret or not trunk.ha1_md5:
        raise ValidationError({"password": _("A new user name or realm needs the password again.")})


def _host(text: str) -> str:
    """An address in its usual spelling, or a host name."""
    text = text.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(text))
    except ValueError:
        if not _is_host_name(text):
            raise ValidationError({"host": _("This is neither an address nor a host name.")}) from None
        return text.lower()


def _is_host_name(text: str) -> bool:
    return len(text) <= 253 and bool(_HOST_NAME.match(text)) and not text.replace(".", "").isdigit()


@transaction.atomic
def set_addresses(*, account: Account, networks: Iterable[Network]) -> list[SourceAddress]:
    """Make exactly these the addresses that the account's calls may come from without a password.

    Each is a host name (the switch asks DNS where it is), "192.0.2.7", "192.0.2.0/28", "2001:db8::/64", with a port "192.0.2.7:5070" or "[2001:db8::1]:5070",
    or a pair of network and port. Refused: one that another account has with the same port and tech prefix.
    Raises ValidationError.
    """
    wanted = sorted({_network(item) for item in networks})
    if wanted and account.kind not in ADDRESSED:
        raise ValidationError({"addresses": _("An account of this kind places no calls.")})
    lock(ADDRESSES)
    refuse_taken_addresses(account, wanted)
    kept = set(account.addresses.values_list("network", "port"))
    for network, port in kept - set(wanted):
        account.addresses.filter(network=network, port=port).delete()
    for network, port in wanted:
        if (network, port) not in kept:
            row = SourceAddress(account=account, network=network, port=port)
            row.full_clean()
            row.save()
    return list(account.addresses.order_by("network", "port"))


def refuse_taken_addresses(account: Account, wanted: Iterable[tuple[str, int]]) -> None:
    """Two accounts with the same address, port and tech prefix could not be told apart, unless by user name or password."""
    if setting_of(account, "needauth") in _TOLD_APART:
        return
    for network, port in wanted:
        others = SourceAddress.objects.filter(network=network, port=port).exclude(account=account)
        same = (one for one in others.select_related("account") if _share_a_prefix(one.account, account))
        other = next((one for one in same if setting_of(one.account, "needauth") not in _TOLD_APART), None)
        if other is not None:
            raise ValidationError(
                {
                    "addresses": _(
                        "%(network)s already belongs to %(other)s with the same port and tech prefix."
                    )
                    % {"network": other, "other": other.account.username}
                }
            )


def _share_a_prefix(one: Account, other: Account) -> bool:
    """Whether a call may be of both by its tech prefix; accounts without one take calls without one."""
    return not set(listed(one.tech_prefix) or [""]).isdisjoint(listed(other.tech_prefix) or [""])


def _network(item: Network) -> tuple[str, int]:
    text, port = item if isinstance(item, tuple) else _split(item.strip())
    if not 0 <= port <= 65535:
        raise ValidationError({"addresses": _("%(port)s is not a port.") % {"port": port}})
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        name = text.strip().lower().removesuffix(".")
        if "." in name and _is_host_name(name):
            return name, port
        raise ValidationError(
            {"addresses": _("%(text)s is not an address, a network or a host name.") % {"text": text}}
        ) from None
    if network.prefixlen < _WIDEST[network.version]:
        raise ValidationError(
            {"addresses": _("%(text)s is too wide: half the world would call for free.") % {"text": text}}
        )
    mapped = None if isinstance(network, IPv4Network) else network.network_address.ipv4_mapped
    if mapped and network.prefixlen == 128:
        return str(mapped), port
    return (str(network.network_address) if network.num_addresses == 1 else str(network)), port


def _split(text: str) -> tuple[str, int]:
    """Network and port; 0 when none is given."""
    if found := _HAS_PORT.match(text):
        return found["v6"] or found["v4"], int(found["port"])
    return text.removeprefix("[").removesuffix("]"), 0
