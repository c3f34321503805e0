"""Enumerations of accounts, each with its label; `COLOURS` is what a page shows them in."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What an account is (guide 1404-1438; the guide's word in the comment where it differs)."""

    SUBSCRIBER = "subscriber", _("subscriber")  # enduser
    EXTENSION = "extension", _("extension")  # sub-enduser: billed to the subscriber above
    AGENT = "agent", _("agent")  # operator
    CALLING_CARD = "calling_card", _("calling card")
    RESELLER = "reseller", _("reseller")
    OWNER = "owner", _("owner")
    CUSTOMER_TRUNK = "customer_trunk", _("customer trunk")  # traffic sender
    CARRIER = "carrier", _("carrier trunk")  # SIP server
    SALES = "sales", _("sales")
    SUPPORT = "support", _("support")
    ADMIN = "admin", _("admin")


class Billing(models.TextChoices):
    """When an account pays: prepaid has its balance, postpaid its credit limit besides."""

    PREPAID = "prepaid", _("prepaid")
    POSTPAID = "postpaid", _("postpaid")


class Contract(models.TextChoices):
    """How far the contract with a customer is (guide 1647-1659)."""

    UNKNOWN = "unknown", _("not known")
    NOT_APPLICABLE = "not_applicable", _("none needed")
    IN_PROGRESS = "in_progress", _("in progress")
    ACTIVE = "active", _("active")
    TERMINATED = "terminated", _("terminated")


class PhoneState(models.TextChoices):
    """How an account's phones stood when that was last stored (guide 1714-1716)."""

    OFFLINE = "offline", _("not registered")
    REGISTERED = "registered", _("registered")
    IN_CALL = "in_call", _("in a call")


class LockoutKind(models.TextChoices):
    """Of whom wrong passwords are counted."""

    PAIR = "pair", _("user name at an address")
    ADDRESS = "address", _("address")
    ACCOUNT = "account", _("user name")


class Transport(models.TextChoices):
    """How SIP reaches a trunk."""

    UDP = "udp", "UDP"
    TCP = "tcp", "TCP"
    TLS = "tls", "TLS"
    AUTO = "auto", _("as DNS says")


#: Kinds that may place calls, and so carry a retail tariff and a balance.
CALLERS = (Kind.SUBSCRIBER, Kind.EXTENSION, Kind.AGENT, Kind.CALLING_CARD, Kind.CUSTOMER_TRUNK, Kind.RESELLER)
#: Kinds that work in the admin.
STAFF = (Kind.ADMIN, Kind.SUPPORT)

COLOURS = {
    Kind.SUBSCRIBER: "info",
    Kind.EXTENSION: "info",
    Kind.CUSTOMER_TRUNK: "warning",
    Kind.CARRIER: "success",
    Kind.RESELLER: "primary",
    Kind.ADMIN: "danger",
}
