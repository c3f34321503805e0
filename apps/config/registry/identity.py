"""Who a called party is told that calls (guide 2680-2820, 11451-11477, 13859-13966). Names stand for the guide's numbers, in its order."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

_NUMBERS = (
    "auto", "no", "default", "username", "number", "best", "first_good", "long_enough", "with_number", "anonymous", "from",
    "contact", "remote_party", "best_of_client", "best_of_all", "called_username", "called_number",
)  # fmt: skip


def _is_shown(text: str) -> str:
    if text in {"", "anonymous"} or (text.isascii() and text.removeprefix("+").isdigit() and len(text) <= 33):
        return ""
    return "digits, or “anonymous”, are expected."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "cli",
        str,
        "normal",
        _(
            "The caller's number: forward (never hidden), normal (hidden when the caller asks), asserted (in the identity"
            " header too, always), asserted_to_trusted, hide, hide_all (no identity header either)."
        ),
        choices=("forward", "normal", "asserted", "asserted_to_trusted", "hide", "hide_all"),
        account=True,
    ),
    # The guide's default is "no"; carriers of today take no call without an asserted identity.
    Definition(
        "sendidentity",
        str,
        "required",
        _(
            "The identity header to who is called: never, no (unless cli or privacy ask for it), required (to carriers, for"
            " telephone numbers), always, preferred (always P-Preferred-Identity), asserted (always P-Asserted-Identity)."
        ),
        choices=("never", "no", "required", "always", "preferred", "asserted"),
        account=True,
    ),
    Definition(
        "forcedcallernidentity",
        str,
        "auto",
        _("Which number the identity header shows; the called account's own value goes before the caller's."),
        choices=_NUMBERS,
        account=True,
    ),
    Definition(
        "replacecalleroncalls",
        str,
        "auto",
        _("Which number From shows; the called account's own value goes before the caller's."),
        choices=_NUMBERS,
        account=True,
    ),
    Definition(
        "minassertedidentitylen",
        int,
        6,
        _("The fewest digits of a number that best and long_enough choose."),
        minimum=0,
        maximum=32,
        account=True,
    ),
    Definition(
        "cansendremotepartyid",
        str,
        "auto",
        _("Which header shows the identity: P-Asserted-Identity (auto, asserted) or Remote-Party-ID."),
        choices=("auto", "asserted", "remote_party"),
        account=True,
    ),
    # The guide's default is "normal", which leaves From as the caller's number; a trunk's asserted number is the better one.
    Definition(
        "parseidentity",
        str,
        "number",
        _(
            "Identity headers of trunks: no and normal leave the caller's number as From has it, number takes theirs, name"
            " their display name too."
        ),
        choices=("no", "normal", "number", "name"),
        account=True,
    ),
    Definition(
        "trustedidentity",
        str,
        "auto",
        _(
            "Whether the account may assert identities and know those of hidden callers (RFC 3325); auto: trunks may."
        ),
        choices=("auto", "yes", "no"),
        account=True,
    ),
    Definition(
        "identityforward",
        Words,
        (),
        _(
            "Beginnings of caller numbers that are shown as they are, with commas; others become identityrewrite."
        ),
        account=True,
    ),
    Definition(
        "identityrewrite",
        str,
        "",
        _("The number that is shown in place of one that identityforward does not let through."),
        check=lambda text: "" if not text or text.removeprefix("+").isdigit() else "digits are expected.",
        account=True,
    ),
    Definition(
        "identityrwmode",
        str,
        "identity",
        _(
            "identityrewrite: no, basic (in From and in the identity header), identity (in the identity header alone where"
            " cli asserts one)."
        ),
        choices=("no", "basic", "identity"),
        account=True,
    ),
    Definition(
        "replacecalleroncallsusercheck",
        bool,
        True,
        _("Accounts' own values of replacecalleroncalls count; otherwise everybody's alone."),
    ),
    Definition(
        "userealphonenumbercallerid",
        bool,
        False,
        _(
            "From shows the first number that a country's numbering plan knows, of the caller's and those that it came with,"
            " whatever replacecalleroncalls says."
        ),
        account=True,
    ),
    Definition(
        "useorigcallerforeu",
        bool,
        False,
        _("Subscribers of ours are shown the caller's usual number, whatever replacecalleroncalls says."),
        account=True,
    ),
    Definition(
        "allowcalleridchange",
        bool,
        False,
        _(
            "Phones may show any number that they name themselves, where replacecalleroncalls asks for it; otherwise only their"
            " own and those of pools that the account may use."
        ),
        account=True,
    ),
    Definition(
        "allowanonymouscaller",
        bool,
        True,
        _("The account may call without showing a number; otherwise such calls are refused."),
        account=True,
    ),
    Definition(
        "parsesipdisplayname",
        str,
        "name",
        _("The display name that phones send: shown as the caller's name (name), or not at all (no)."),
        choices=("no", "name"),
        account=True,
    ),
    Definition(
        "rewriteanumber",
        str,
        "",
        _("The caller number of all calls of the account; “anonymous” hides it."),
        check=_is_shown,
        account=True,
    ),
    Definition(
        "cutanumber",
        Words,
        (),
        _("Beginnings that go from the account's caller numbers, with commas."),
        check=lambda text: "" if text.isascii() and text.isdigit() else "digits are expected.",
        account=True,
    ),
    Definition(
        "rewriteaddress",
        str,
        "",
        _(
            "The caller number of all calls to the account, such as a carrier; “anonymous” hides it. It holds while the caller"
            " has no identityforward and no identityrewrite."
        ),
        check=_is_shown,
        account=True,
    ),
    Definition(
        "globaldidout",
        str,
        "",
        _("The one caller number of all calls that go to carriers, for a house with one number."),
        check=lambda text: "" if not text or text.removeprefix("+").isdigit() else "digits are expected.",
    ),
    Definition(
        "usephysicalfromaddr",
        str,
        "auto",
        _(
            "The domain of From to a carrier: target (its own), auto (its own where we have a user name there), mostly_local"
            " (an address of ours), local (also where the caller is hidden)."
        ),
        choices=("target", "auto", "mostly_local", "local"),
        account=True,
    ),
    Definition(
        "sendsipuseruripart",
        str,
        "request",
        _(
            "user=phone with telephone numbers to carriers: no, request (in the Request-URI), to (in To as well), always (From too)."
        ),
        choices=("no", "request", "to", "always"),
        account=True,
    ),
    Definition(
        "diversion",
        str,
        "diversion",
        _(
            "How a called party is told that a call was forwarded: none, diversion (RFC 5806), history (RFC 7044) or both."
        ),
        choices=("none", "diversion", "history", "both"),
        account=True,
    ),
)
