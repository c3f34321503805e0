"""The settings that the switch reads, typed; meaning, limits and defaults stand in `apps.config.registry`.

An account may have values of its own (`World.settings_of`): the same type, with some fields replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each key that the switch reads, by area as in the registry."""

    currency: str
    # sip
    sip_realm: str
    nonce_seconds: int
    useshadigestauh: str
    minresendival: int
    sipmsgresendcount: int
    forwardcalled: str
    # who calls, as it is shown
    cli: str
    sendidentity: str
    forcedcallernidentity: str
    replacecalleroncalls: str
    minassertedidentitylen: int
    cansendremotepartyid: str
    parseidentity: str
    trustedidentity: str
    identityforward: tuple[str, ...]
    identityrewrite: str
    identityrwmode: str
    usephysicalfromaddr: str
    sendsipuseruripart: str
    diversion: str
    # dialogs
    fwdunknownheaders: bool
    changediscreason: tuple[str, ...]
    allowheaders: bool
    productname: str
    companyname: str
    usedateheader: bool
    forwardearlystart: str
    changesptoring: str
    loadcallednumberfromto: str
    sendonlyrec: str
    absolutetimeout: int
    prack: str
    sessiontimer: str
    sesskeepalive: int
    sessiontimerhandlelocally: str
    def_min_sessiontimer: int
    def_mid_sessiontimer: int
    def_max_sessiontimer: int
    # registrar
    upperexpire: int
    upperexpiremin: int
    upperexpiremax: int
    max_contacts: int
    # calls
    maxcallduration: int
    ringtimeout: int
    maxreroute: int
    reroutedisccodes: frozenset[int]
    max_calls_per_worker: int
    # media
    rtp_start_timeout_seconds: int
    rtp_timeout_seconds: int
    # security
    flood_messages_per_second: int
    flood_burst: int
    allowua: tuple[str, ...]
    blockua: tuple[str, ...]
    maxwrongauthfromip: int
    maxsubfailauthperiod: int
    reenabledosblocked: int
    # money
    hold_seconds: int
    hold_extend_before: int
    prepaid_when_database_away: str
    database_away_allowance_seconds: int

    @property
    def agent(self) -> str:
        """How we call ourselves in Server and User-Agent (RFC 3261 §20.35, §20.41); "" for not at all."""
        company = f" ({self.companyname})" if self.companyname else ""
        return f"{self.productname}{company}" if self.productname else ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """From all settings' values by key. Raises KeyError for one that is missing."""
        return cls(**_typed({name: values[name] for name in cls.__slots__}))

    def but(self, values: Mapping[str, Any]) -> Settings:
        """These with other values; keys that the switch does not read are passed over."""
        return replace(self, **_typed({key: one for key, one in values.items() if key in self.__slots__}))


_SETS = ("reroutedisccodes",)
"""Looked up by member."""


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON gives as lists: sets where members are asked for, else tuples."""
    return {
        key: (frozenset(one) if key in _SETS else tuple(one)) if isinstance(one, list | tuple) else one
        for key, one in values.items()
    }
