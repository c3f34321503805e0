"""A RADIUS server as the switch knows it."""

from __future__ import annotations

from typing import NamedTuple


class Server(NamedTuple):
    """Where it is, the secret (sealed, as the office keeps it), how it wants digests, and what it is asked."""

    name: str
    address: str
    auth_port: int
    acct_port: int
    sealed_secret: str
    dialect: str
    signed: bool
    authorises: bool
    accounts: bool

    @property
    def draft(self) -> bool:
        """Whether it reads digests as the draft before RFC 5090 had them."""
        return self.dialect == "draft"
