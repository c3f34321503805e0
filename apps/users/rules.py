"""What may stand where in the tree of accounts, and what a kind may have."""

from __future__ import annotations

from apps.users.choices import Kind

#: Kinds whose phones register, and so have a SIP password.
REGISTERING = (Kind.SUBSCRIBER, Kind.EXTENSION, Kind.AGENT)
#: Kinds known by a source address.
ADDRESSED = (*REGISTERING, Kind.CUSTOMER_TRUNK, Kind.RESELLER, Kind.CARRIER)

_TOP = ""  # no parent
_BUSINESS = (_TOP, Kind.OWNER, Kind.RESELLER)
#: Which kinds may stand above which (guide 1404-1438: an extension is billed to the subscriber above it).
PARENTS: dict[str, tuple[str, ...]] = {
    Kind.SUBSCRIBER: _BUSINESS,
    Kind.EXTENSION: (Kind.SUBSCRIBER,),
    Kind.AGENT: (*_BUSINESS, Kind.SUBSCRIBER),
    Kind.CALLING_CARD: _BUSINESS,
    Kind.RESELLER: _BUSINESS,
    Kind.OWNER: (_TOP,),
    Kind.CUSTOMER_TRUNK: _BUSINESS,
    Kind.CARRIER: (_TOP, Kind.OWNER),
    Kind.SALES: _BUSINESS,
    Kind.SUPPORT: (_TOP, Kind.OWNER),
    Kind.ADMIN: (_TOP, Kind.OWNER),
}
