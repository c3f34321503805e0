"""RTP: which way it goes, and whom the relay believes (guide 1673-1702, 4874-4896, 8825, 9191, 9896-9955, 13418-13420)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

# The guide's numbers 0 to 7, in this order.
ROUTES = ("peer", "bypass", "correct", "both_nat", "caller_nat", "called_nat", "any_nat", "always")

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "routertpcaller",
        str,
        "always",
        _(
            "Media of calls from this account: as the called account says (peer), SDP and RTP untouched (bypass), only addresses in "
            "the SDP corrected (correct), led through the switch if both parties, the caller, the called or any of them is "
            "behind a NAT (both_nat, caller_nat, called_nat, any_nat), or always. Merged with the called account's "
            "routertpcalled: always and bypass hold for both, else the stricter one."
        ),
        choices=ROUTES,
        account=True,
    ),
    Definition(
        "routertpcalled",
        str,
        "always",
        _("The same for calls to this account; peer: as the caller's routertpcaller says."),
        choices=ROUTES,
        account=True,
    ),
    Definition(
        "natdetected",
        str,
        "auto",
        _(
            "Whether phones of this account are behind a NAT: found out for each call (auto), or known (yes, no)."
        ),
        choices=("auto", "yes", "no"),
        account=True,
    ),
    Definition(
        "nathandling",
        str,
        "auto",
        _(
            "Media addresses in an SDP that are believed: local ones of local parties only (auto), public ones, all others than "
            "our own (others), all, or local ones; for what is not believed stands the address that the SIP messages come from."
        ),
        choices=("auto", "public", "others", "all", "local"),
        account=True,
    ),
    Definition(
        "nataddrtype",
        str,
        "auto",
        _(
            "Which address of ours stands in the SDP while MIZU_SIP_ADVERTISE names another than the bound one: by where the "
            "party is (auto), the advertised one (public), the bound one (private)."
        ),
        choices=("auto", "public", "private"),
        account=True,
    ),
    Definition(
        "checkrtpaddr",
        str,
        "auto",
        _(
            "From where the relay takes the first RTP packet of a party: from anywhere (any), of phones from anywhere and of trunks "
            "from the address of their SDP or SIP messages (auto), of all from these addresses only (known)."
        ),
        choices=("any", "auto", "known"),
        account=True,
    ),
    Definition(
        "sdpalhandling",
        str,
        "addresses",
        _(
            "Attributes of an SDP that is led over the relay: all pass (none), those go that tell an address (addresses), only "
            "standard ones pass (unknown)."
        ),
        choices=("none", "addresses", "unknown"),
        account=True,
    ),
    Definition(
        "earlystart",
        bool,
        True,
        _(
            "Whether callers get the called party's media before the answer; if not, their phones play their own ringing."
        ),
        account=True,
    ),
    Definition(
        "blockearlymedia",
        str,
        "no",
        _(
            "Media of the called before the answer is kept from the caller: its SDP, its sound where it is relayed (audio), or both "
            "(all). Holds for calls of the account and for calls to it."
        ),
        choices=("no", "sdp", "audio", "all"),
        account=True,
    ),
    Definition(
        "blockearlymedia_in",
        bool,
        False,
        _("Whether the relay keeps the caller's sound from the called until the answer."),
        account=True,
    ),
    Definition(
        "rtpsendonlytorec",
        bool,
        False,
        _("Whether the relay sends nothing to a party before something came from it, and then only there."),
        account=True,
    ),
    Definition(
        "rtpwritefirst",
        bool,
        False,
        _("Whether the relay sends a party one packet at the answer, which opens a NAT between them."),
        account=True,
    ),
    Definition("enablertcp", bool, True, _("Whether the relay passes RTCP on."), account=True),
    Definition(
        "rtp_dscp",
        int,
        46,
        _("The DSCP of RTP that the switch sends, for routers that give voice way (46: expedited); 0: none."),
        minimum=0,
        maximum=63,
    ),
    Definition(
        "maxnetworkspeed",
        int,
        800_000,
        _(
            "How much media the relay of a node takes in at most, in kbit/s; each worker has its share, and drops what is more. 800000"
            " suits a network card of 1 Gbit/s. 0: no limit. What goes by rtpengine is not counted."
        ),
        minimum=0,
        maximum=1_000_000_000,
    ),
    # The guide counts frames per packet and codec (8130-8135, 10915); an SDP says milliseconds, whatever the codec.
    Definition(
        "ptime",
        int,
        0,
        _(
            "Milliseconds of sound that this account is asked to put into one RTP packet (a=ptime), whatever the other party asks for;"
            " more cost less, and are heard later; 0: as the other party says."
        ),
        minimum=0,
        maximum=120,
        account=True,
    ),
    Definition(
        "uniqueportperuser",
        bool,
        True,
        _(
            "Whether the relay gives an account the RTP port that it had last, if that is free: NATs and firewalls may know it."
        ),
        account=True,
    ),
    Definition(
        "rtp_start_timeout_seconds",
        int,
        30,
        _("A relayed call that has had no sound at all since its answer is ended; 0: never."),
        minimum=0,
        maximum=3600,
        account=True,
    ),
    Definition(
        "rtp_timeout_seconds",
        int,
        60,
        _("A relayed call from which all sound has stopped is ended; 0: never."),
        minimum=0,
        maximum=3600,
        account=True,
    ),
)
