"""The settings that the switch reads, typed; meaning, limits and defaults stand in `apps.config.registry`.

An account may have values of its own (`World.settings_of`): the same type, with some fields replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
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
    siptrace: str
    loglevel: str
    hep_server: str
    hep_capture_id: int
    hep_password: str
    usetls: bool
    tlscertfile: tuple[str, ...]
    tlskeyfile: str
    tlsclientca: str
    tlsclientrequired: bool
    tlscarrierca: str
    tlsverifycarriers: bool
    websocketorigins: tuple[str, ...]
    resolvedns: str
    dnsservers: tuple[str, ...]
    secondarybind: tuple[str, ...]
    interface: int
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
    # access
    needauth: str
    enforcestrongauth: bool
    stricttransport: str
    ipdontfragment: bool
    denyaddr: tuple[str, ...]
    # registrar
    upperexpire: int
    upperexpiremin: int
    upperexpiremax: int
    userofflinemin: int
    maxregelivetime: int
    sendbackregcontact: str
    cacheregistrations: str
    max_contacts: int
    udpkeepalive: int
    # trunks
    registerival: int
    reuseupperreg: bool
    trunk_account_failures: int
    trunk_ping_seconds: int
    trunk_ping_failures: int
    trunk_ping_successes: int
    # events
    eventlist: tuple[str, ...]
    routepresence: str
    maxstatchangepermin: int
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
    routertpcaller: str
    routertpcalled: str
    natdetected: str
    nathandling: str
    nataddrtype: str
    checkrtpaddr: str
    sdpalhandling: str
    earlystart: bool
    blockearlymedia: str
    blockearlymedia_in: bool
    rtpsendonlytorec: bool
    rtpwritefirst: bool
    enablertcp: bool
    rtp_start_timeout_seconds: int
    rtp_timeout_seconds: int
    # announcements
    defadvfile: str
    playadvfor: str
    playadv: bool
    connectvoice: str
    discadvonconnect: str
    playadvifnortprouting: bool
    # dtmf
    convertdtmf: str
    defdtmfpayload: int
    maxdtmfdigit: int
    ivrdtmfmethod: str
    deftmfsleep: int
    deftmfdelay: int
    deftmfpackettime: int
    deftmfpacketcount: int
    deftmfendpacketcount: int
    # rtpengine
    media_engine: str
    rtpengine_nodes: tuple[str, ...]
    srtp: str
    srtp_keys: str
    def_srtp_alg: str
    srtp_auth: bool
    needcodeconversion: bool
    convertcodecs: tuple[str, ...]
    convertcodecsforced: bool
    # codecs
    choosecodecs: tuple[str, ...]
    codecorder: tuple[str, ...]
    cutg711: bool
    block711: bool
    onlyg711: bool
    onlyg723: bool
    onlyg729: bool
    onlyg72x: bool
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
    discount1: str
    direction1: str
    discount2: str
    direction2: str
    discount3: str
    direction3: str
    reduction: str
    addedby: str
    commission: str
    salescomissionfromprofit: bool
    freenumlen: int
    billshortnumlength: int
    shortnumbill_type: str
    shortnum_endusercost: str
    shortnum_providercost: str
    internal_endusercost: str
    defaultenduserprice: str
    defaultproviderprice: str

    @property
    def agent(self) -> str:
        """How we call ourselves in Server and User-Agent (RFC 3261 §20.35, §20.41); "" for not at all."""
        company = f" ({self.companyname})" if self.companyname else ""
        return f"{self.productname}{company}" if self.productname else ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """From all settings' values by key. Raises KeyError for one that is missing."""
        return cls(**_typed({one.name: values[one.name] for one in fields(cls)}))

    def but(self, values: Mapping[str, Any]) -> Settings:
        """These with other values; keys that the switch does not read are passed over."""
        return replace(self, **_typed({key: one for key, one in values.items() if hasattr(self, key)}))


_SETS = ("reroutedisccodes",)
"""Looked up by member."""


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON gives as lists: sets where members are asked for, else tuples."""
    return {
        key: (frozenset(one) if key in _SETS else tuple(one)) if isinstance(one, list | tuple) else one
        for key, one in values.items()
    }
