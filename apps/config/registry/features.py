"""What happens to calls beside being put through: features of accounts, redirections, transfers (guide 6028-6308, 10550, 13485)."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import star_code
from apps.config.registry.definition import Definition, Words

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def _place(text: str) -> str:
    return (
        "" if not text or _HOST.fullmatch(text) else "an address or a name is expected, perhaps with a port."
    )


def _star(key: str, default: str, what: object) -> Definition:
    """A code that a phone dials; empty: there is none."""
    return Definition(key, str, default, what, account=True, check=star_code)  # type: ignore[arg-type]


SETTINGS: tuple[Definition, ...] = (
    Definition("donotdisturb", bool, False, _("The account's phones do not ring: it is busy."), account=True),
    Definition(
        "rejectanonymous",
        bool,
        False,
        _("Calls without a caller number are refused (433, RFC 5079)."),
        account=True,
    ),
    Definition(
        "callwaiting",
        bool,
        True,
        _("A second call rings while the account is in a call; otherwise it is busy."),
        account=True,
    ),
    Definition(
        "noanswertime",
        int,
        22,
        _("After how many seconds of ringing a call is forwarded when nobody answers."),
        minimum=3,
        maximum=600,
        account=True,
    ),
    Definition(
        "maxforwards",
        int,
        5,
        _("How often one call may be forwarded; more is a circle."),
        minimum=0,
        maximum=20,
    ),
    Definition(
        "replacecalleronforward",
        str,
        "no",
        _(
            "A forwarded call shows the number of who forwards, not that of who calls: no, yes; username, number: yes, and with its user"
            " name or number as the caller's name."
        ),
        choices=("no", "yes", "username", "number"),
        account=True,
    ),
    # The guide's 0, 1, 2, 3, 4, 5.
    Definition(
        "canmove",
        str,
        "pass",
        _(
            "An answer 300-305 of this account's phones: refuse the call, pass the answer to the caller, try another number of the"
            " same account, go where it says (number, domain: the price stays, use with care), route the caller's call anew, or"
            " forward at the account's own cost."
        ),
        choices=("refuse", "pass", "number", "domain", "route", "forward"),
        account=True,
    ),
    # The guide's -2, -1, 0, 1, 2, 3, 4. Its 0 passes a REFER to a peer that supports it and carries out the others itself. Here 0
    # always carries it out: a phone that is passed one calls at its own cost, for whoever asked it to, and baresip 1.0 then
    # calls without its account. The guide's 1 and 2 differ in when the asking party is disconnected, see `discontransfer`.
    Definition(
        "handlerefer",
        str,
        "auto",
        _(
            "Transfers asked for by REFER: block; only of subscribers; auto, carried out by the switch; blind, the asking party is"
            " disconnected at once; attended, it stays until the target answers; new_call, without replacing another call; or"
            " passed on to the other party, which then calls itself."
        ),
        choices=("block", "subscribers", "auto", "blind", "attended", "new_call", "pass"),
        account=True,
    ),
    # The guide's -1, 0, 1.
    Definition(
        "allowclientinitiatedtransfer",
        str,
        "auto",
        _("Who may transfer: auto (subscribers, and anybody in a call that costs nothing), nobody or all."),
        choices=("auto", "no", "yes"),
        account=True,
    ),
    # The guide's -1, 0, 1, 2, 3, 4; auto goes by `handlerefer`: at once for blind, else on connect.
    Definition(
        "discontransfer",
        str,
        "auto",
        _("When the party that transfers is disconnected."),
        choices=(
            "auto",
            "never",
            "on_connect",
            "at_once_without_refersub",
            "on_failure_without_refersub",
            "at_once",
        ),
        account=True,
    ),
    Definition(
        "holdontransfer",
        bool,
        True,
        _("The party that is transferred is put on hold until the new one answers."),
        account=True,
    ),
    # The guide's -1, 0, 1, 2; -1 and 1 are the same.
    Definition(
        "refertorewrite",
        str,
        "auto",
        _("The address in a REFER that is passed on becomes ours: when it names us, never, or always."),
        choices=("auto", "never", "always"),
        account=True,
    ),
    Definition(
        "domainnames",
        Words,
        (),
        _("Names of this switch's domains, beside its own addresses."),
    ),
    # The guide's 0, 1, 4, 5, and none of them by default: phones and trunks write what they like into the domain. Its 2 asks which
    # numbers are mobile, which nothing here says, and its 3 carries calls to strangers free of charge.
    Definition(
        "fwdtootherdomains",
        str,
        "ignore",
        _(
            "Calls to a domain that is neither an address of ours nor in domainnames: routed here all the same; refused; redirected"
            " (302) unless the number is ours; redirected for all known callers; or for anybody, without asking who calls."
        ),
        choices=("ignore", "refuse", "local_first", "redirect", "redirect_anybody"),
    ),
    Definition(
        "forwardpx",
        Words,
        (),
        _("Calls to numbers that begin so are redirected (302) to forwardto before anything else; *: all."),
    ),
    Definition(
        "forwardto",
        str,
        "",
        _("The address or domain that calls of forwardpx are redirected to, with a port if it is not 5060."),
        check=_place,
    ),
    # The guide's 0, 1, 2.
    Definition(
        "allowselfcall",
        str,
        "special",
        _("An account that calls itself: no; to selfforwardto if that is set; yes."),
        choices=("no", "special", "yes"),
        account=True,
    ),
    Definition("selfforwardto", str, "", _("Where a call of an account to itself goes."), account=True),
    Definition(
        "pickup_group",
        str,
        "",
        _("Accounts with the same word here may answer each other's ringing calls."),
        account=True,
    ),
    _star("code_pickup", "*7*", _("Answers the call that rings at the number that follows.")),
    _star("code_pickup_group", "*8", _("Answers the call that rings longest in the pickup group.")),
    _star("code_speed_dial", "*0", _("Calls the short number that follows.")),
    _star("code_forward_always", "*72", _("Forwards all calls to the number that follows.")),
    _star("code_forward_always_off", "*73", _("Ends that forward.")),
    _star("code_forward_busy", "*90", _("Forwards calls to the number that follows when busy.")),
    _star("code_forward_busy_off", "*91", _("Ends that forward.")),
    _star(
        "code_forward_no_answer", "*92", _("Forwards calls to the number that follows when nobody answers.")
    ),
    _star("code_forward_no_answer_off", "*93", _("Ends that forward.")),
    _star("code_do_not_disturb", "*78", _("The phones ring no more.")),
    _star("code_do_not_disturb_off", "*79", _("They ring again.")),
    _star("code_hide_number", "#31#", _("Before a number: this call does not show who calls.")),
    _star(
        "code_show_number",
        "*31#",
        _("Before a number: this call shows who calls, though the account's do not."),
    ),
)
