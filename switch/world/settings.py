"""The settings that the switch reads, typed; meaning, limits and defaults stand in `apps.config.registry`.

An account may have values of its own (`World.settings_of`): the same type, with some fields replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from apps.pricing.engine.tolls import Rules


@dataclass(frozen=True, slots=True)
class Settings(Rules):
    """One field for each key that the switch reads, by area as in the registry; those of prices stand in `Rules`."""

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
    sslcertpwd: str
    tlsclientca: str
    tlsclientrequired: bool
    tlscarrierca: str
    tlsverifycarriers: bool
    websocketorigins: tuple[str, ...]
    resolvedns: str
    dnsservers: tuple[str, ...]
    secondarybind: tuple[str, ...]
    interface: int
    localdomain: str
    allowlist: tuple[str, ...]
    supportlist: tuple[str, ...]
    addcontentdispoztion: str
    gmtdiff: int
    propersipcomments: bool
    forwardclientaddress: bool
    sipsendtodefport: bool
    reuseep: bool
    idletimeout: int
    offerservicesfor: str
    allowlanpeers: str
    autodetectlocalip: str
    sip_dscp: int
    maxnetworkspeed: int
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
    replacecalleroncallsusercheck: bool
    userealphonenumbercallerid: bool
    useorigcallerforeu: bool
    allowcalleridchange: bool
    allowanonymouscaller: bool
    parsesipdisplayname: str
    rewriteanumber: str
    cutanumber: tuple[str, ...]
    rewriteaddress: str
    globaldidout: str
    usephysicalfromaddr: str
    sendsipuseruripart: str
    diversion: str
    # signed caller numbers
    stir_verify: str
    stir_within: int
    stir_ca: str
    stir_hosts: tuple[str, ...]
    stir_tls_ca: str
    verstat: str
    stir_sign: str
    attestation: str
    stir_key: str
    stir_certificate: str
    stir_url: str
    # numbers
    normalizedef: str
    validateinput: str
    normalizenumbers: str
    normalizecallednumbersnec: str
    cfg_minnormalizelength: int
    country: str
    countryprefix: str
    iec1: str
    iec2: str
    iec3: str
    prefix1: str
    prefix2: str
    prefix3: str
    cfg_mobileprefixes: tuple[str, ...]
    checksss: bool
    checknumnumbers: str
    checknumlen: bool
    checkminnumlen: int
    checkmaxnumlen: int
    incomingprefixremove: tuple[str, ...]
    incomingprefixremove_maxlength: int
    incomingprefixremove_minlength: int
    incomingprefixremove2: str
    incomingprefixadd: str
    incomingprefixadd_minlength: int
    incomingprefixadd_maxlength: int
    incomingprefixadd_ifbegin: str
    incomingprefixadd_ifnotbegin: str
    outgoingprefixremove: tuple[str, ...]
    outgoingprefixremove_maxlength: int
    outgoingprefixremove_minlength: int
    outgoingprefixremove2: str
    outgoingprefixadd: str
    outgoingprefixadd_minlength: int
    outgoingprefixadd_maxlength: int
    outgoingprefixadd_ifbegin: str
    outgoingprefixadd_ifnotbegin: str
    prefixrewritestr: str
    prefixrewritefrom: int
    prefixrewriteto: str
    addtechprefix: str
    techprefixhandling: str
    rewriteinternalcalled: str
    checkprefixroules: bool
    checkdialplan1: bool
    checkdialplan2: bool
    checkdialplan3: bool
    checkdialplan4: bool
    # dialogs
    fwdunknownheaders: bool
    changediscreason: tuple[str, ...]
    usedefaultdisccodes: bool
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
    externalauth: str
    externalcalls: str
    externalauth_away: str
    externalauth_timeout: int
    externalauth_url: str
    externalauth_token: str
    radiusaccounting: bool
    radiusinterim: int
    radiusnasid: str
    allowtrustedip: str
    canacceptlocalip: bool
    hasinternalaccess: bool
    allowcallunregistered: bool
    alloweua: tuple[str, ...]
    blockeua: tuple[str, ...]
    anumberhandling: str
    anumberhandlingforrouting: bool
    enablenumberlookup: bool
    allowanonymoususers: bool
    freeaccessuserid: tuple[str, ...]
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
    maxepcounttreshold: int
    allowforkforsignaling: bool
    udpkeepalive: int
    fwdregistrations: str
    fwdregistrations_domain: str
    fwdregistrations_ip: str
    fwdregistrations_port: int
    allowupperselection: str
    # trunks
    registerival: int
    rebuildregclients: int
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
    noreroutedisccodes: frozenset[int]
    allowreroute: str
    rerouteon: str
    max_calls_per_worker: int
    usergroup: int
    # failover
    rerouteconnected: str
    failover_short_seconds: int
    failover_probe_share: int
    failover_repeat_seconds: int
    failover_repeat_within: int
    can_failover: bool
    hasfailover: bool
    refusedcallers: str
    # routing
    brs_lcr: int
    pricecalcsec: int
    qualification: int
    emergencynumbers: tuple[str, ...]
    emergencydir: str
    onlyroutealias: str
    fakegwalias: str
    allownumbersendback: bool
    removetrailinghash: bool
    allowusercalls: str
    configallowusertopstn: str
    checklocalnumbers: bool
    checklocalnumberpx: tuple[str, ...]
    onlylocalaccess: bool
    allowedusers: tuple[str, ...]
    temporarydisabled: bool
    checkrouterrights: bool
    enabledprefixes: tuple[str, ...]
    blockprefixes: tuple[str, ...]
    enabledtechprefixes: tuple[str, ...]
    allowedpartners: tuple[str, ...]
    testprefix: tuple[str, ...]
    onlytestcalls: bool
    testcallprefix: str
    globalabsolutepriority: int
    absolutepriority: int
    carrierpriority: int
    calledpriority: tuple[str, ...]
    callerpriority: tuple[str, ...]
    prioritypartner: tuple[str, ...]
    minsubsecventcallbegin: int
    # features
    donotdisturb: bool
    rejectanonymous: bool
    callwaiting: bool
    noanswertime: int
    maxforwards: int
    replacecalleronforward: str
    canmove: str
    handlerefer: str
    allowclientinitiatedtransfer: str
    discontransfer: str
    holdontransfer: bool
    refertorewrite: str
    musiconhold: str
    playtransfertone: str
    dtmffeatures: bool
    dtmfdigittimeout: int
    bargein: str
    code_barge_in: str
    bargeinheader: str
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
    code_hide_number: str
    code_show_number: str
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
    rtp_dscp: int
    ptime: int
    uniqueportperuser: bool
    rtp_start_timeout_seconds: int
    rtp_timeout_seconds: int
    # announcements
    defadvfile: str
    playadvfor: str
    playadv: bool
    connectvoice: str
    discadvonconnect: str
    allowdiscmessage: str
    connectondisccode: bool
    playadvifnortprouting: bool
    # recording
    record: str
    recordnumbers: tuple[str, ...]
    recordondemand: bool
    code_record: str
    recordannouncement: str
    disablep2prtrouting: bool
    recordingfreemb: int
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
    transcodefallback: bool
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
    enablefirewall: bool
    allowcountries: tuple[str, ...]
    blockcountries: tuple[str, ...]
    maxwrongmsgallowed: int
    maxwrongmsgperiod: int
    maxsubsipauthrequest: int
    allowua: tuple[str, ...]
    blockua: tuple[str, ...]
    maxsubmsgcount: int
    maxsubmsgperiod: int
    maxwrongauthfromip: int
    maxfailedauthenabledipport: int
    maxsubfailauthperiod: int
    reenabledosblocked: int
    # screening
    blockscanning_treshold: int
    blockscanning_mode: str
    usewrongnumfilter: bool
    wrongnumcache: int
    wrongnumdropcount: int
    maxrouterreqpermin: int
    maxcallperip: int
    maxdurationperip: int
    maxcostperip: str
    maxcallperperiod: str
    autoban: str
    autoban_numlength: int
    autoban_special: str
    autoban_askkey: str
    autoban_special_voicefile: str
    autoban_special_expecteddtmf: str
    smartblacklist_voice: str
    numfiltering: str
    checkknownnumbers: str
    filtering: str
    blocksatellitecalls: bool
    blockpremiumnumbers: bool
    # money
    hold_seconds: int
    hold_extend_before: int
    prepaid_when_database_away: str
    database_away_allowance_seconds: int
    # limits
    maxmonthlycredit: str
    creditcheckforpostp: bool
    creditcheckforts: bool
    maxdailycreditforenduser: str
    maxdailycreditforts: str
    maxdailycredit: str
    maxdailycreditperuser: bool
    checkmaxdyndailycredit: int
    maxdyndailycreditforenduser_min: str
    maxdynmaxdailycreditforts_min: str
    maxdyndailycredit_multiplier: int
    quotadiscreason: int
    mincreditonroute: str
    minusercreditonroute: str
    minspeachlenonroute: int
    maxslperday: int
    maxslpermonth: int
    calcmaxsl: int
    blocknotbilledcalls: int
    vgetpriceexactmatch: int
    notbilledcallerr: int
    blocknotprofitablecalls: int
    blockhighcostcalls: str
    checkfreeminutes: int
    freedirections: str
    allow_sellbelowcost: bool
    candial: bool
    callshop: bool
    # portability
    checknumport: str
    checknumportpx: tuple[str, ...]
    numporttype: str
    directcarrier: str
    numporturl: str
    numporttimeout: int
    numportcache: int
    enumsuffixes: tuple[str, ...]
    enumtimeout: int
    peaktimebegin: int
    peaktimeend: int
    weekendispeak: bool
    autocreatereguser: str
    # who calls by a PIN
    callingcardauth: str
    pinlength: int
    code_pin: str
    dialin: bool
    dialintries: int
    loginfailures: int
    loginwait: int
    loginwaitmost: int
    # numbers of ours
    didhandleruser: str
    feature_shareddidnumbers: str
    shareddid_checkcontactlist: str
    shareddid_checkcdr: str
    checklocaluserforshareddid: bool
    replaceanumwithdid: str
    anumberlookup: str

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


_SETS = ("reroutedisccodes", "noreroutedisccodes")
"""Looked up by member."""


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON gives as lists: sets where members are asked for, else tuples."""
    return {
        key: (frozenset(one) if key in _SETS else tuple(one)) if isinstance(one, list | tuple) else one
        for key, one in values.items()
    }
