"""Networks that nobody routes: what comes from there comes from nearby, and from no country."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
"""RFC 1918, RFC 3927, RFC 4193, RFC 4291."""
HIGHEST_PORT = 65535
SHARED = ip_network("100.64.0.0/10")
"""Between a provider and its customers (RFC 6598)."""


def address_of(host: str) -> Address:
    """The address that a kernel's text stands for: without a zone, and IPv4 as such. Raises ValueError."""
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def is_private(address: Address) -> bool:
    """Whether it lies in a network of `PRIVATE`."""
    return any(address.version == network.version and address in network for network in PRIVATE)


def is_near(address: Address) -> bool:
    """Whether it is of no country: private, this machine's own, a provider's shared ones, or nobody's."""
    return (
        is_private(address)
        or address.is_loopback
        or address.is_unspecified
        or (address.version == 4 and address in SHARED)
    )


def with_port(text: str) -> tuple[str, int] | None:
    """'192.0.2.7:5060' or '[2001:db8::1]:5060' as address and port, each in its one spelling; None for anything else."""
    host, colon, digits = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) <= HIGHEST_PORT):
        return None
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    return (str(address), int(digits)) if bracketed == (address.version == 6) else None


def place(host: str, port: int) -> str:
    """An address with a port, as `with_port` reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
