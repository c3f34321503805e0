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
    # features
    donotdisturb: bool
    rejectanonymous: bool
    callwaiting: bool
    noanswertime: int
    maxforwards: int
    replacecalleronforward: bool
    canmove: str
    handlerefer: str
    allowclientinitiatedtransfer: str
    discontransfer: str
    holdontransfer: bool
    refertorewrite: str
    domainnames: tuple[str, ...]
    fwdtootherdomains: str
    forwardpx: tuple[str, ...]
    forwardto: str
    allowselfcall: str
    selfforwardto: str
    pickup_group: str
    code_pickup: str
    code_pickup_group: str
    code_speed_dial: str
    code_forward_always: str
    code_forward_always_off: str
    code_forward_busy: str
    code_forward_busy_off: str
    code_forward_no_answer: str
    code_forward_no_answer_off: str
    code_do_not_disturb: str
    code_do_not_disturb_off: str
    # media
    rtp_start_timeout_seconds: int
    rtp_timeout_seconds: int
    # security
    flood_messages_per_second: int
    flood_burst: int
    maxwrongauthfromip: int
    maxsubfailauthperiod: int
    reenabledosblocked: int
    # money
    hold_seconds: int
    hold_extend_before: int
    prepaid_when_database_away: str
    database_away_allowance_seconds: int

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
