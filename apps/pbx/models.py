"""What becomes of a call to an account beside ringing its phones, and its short numbers (guide 1523-1529, 6028-6151)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

#: A telephone number or a SIP user name of ours.
number_rule = RegexValidator(
    r"^\+?[A-Za-z0-9*#][A-Za-z0-9._*#-]*\Z", _("A telephone number or a user name, without blanks.")
)
code_rule = RegexValidator(r"^[0-9]{1,4}\Z", _("One to four digits."))
LONGEST_RINGING = 600


class ForwardKind(models.TextChoices):
    """When a call goes on to another number (guide 6120-6129)."""

    ALWAYS = "always", _("always")
    BUSY = "busy", _("when busy")
    NO_ANSWER = "no_answer", _("when nobody answers")
    UNREACHABLE = "unreachable", _("when no phone is registered")


class Forward(models.Model):
    """Where the calls of an account go on to, in one case. The account pays for that part as for a call of its own."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="forwards", verbose_name=_("account")
    )
    kind = models.CharField(_("when"), max_length=12, choices=ForwardKind.choices)
    number = models.CharField(_("to"), max_length=64, validators=[number_rule])
    seconds = models.PositiveSmallIntegerField(
        _("after seconds"),
        default=0,
        validators=[MaxValueValidator(LONGEST_RINGING)],
        help_text=_("Of ringing without an answer; 0: the setting noanswertime."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("call forward")
        verbose_name_plural = _("call forwards")
        ordering = ["account_id", "kind"]
        constraints = [models.UniqueConstraint(fields=["account", "kind"], name="one_forward_for_each_case")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.number}"


class GroupMode(models.TextChoices):
    """How the members of a ring group ring (guide 1529, RGMode)."""

    PARALLEL = "parallel", _("all at once")
    SERIAL = "serial", _("one after the other")


class RingGroup(models.Model):
    """Who rings when the account is called (guide 1523, RingGroup). A member outside is paid for by the account."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="ring_group", verbose_name=_("account")
    )
    mode = models.CharField(
        _("members ring"), max_length=8, choices=GroupMode.choices, default=GroupMode.PARALLEL
    )
    own_phones = models.BooleanField(
        _("its own phones ring too"), default=True, help_text=_("In a serial group they ring first.")
    )

    class Meta:
        verbose_name = _("ring group")
        verbose_name_plural = _("ring groups")
        ordering = ["account__username"]

    def __str__(self) -> str:
        return str(self.account)


class RingMember(models.Model):
    """One number that rings. `delay` holds in a parallel group, counted from its beginning."""

    group = models.ForeignKey(RingGroup, models.CASCADE, related_name="members", verbose_name=_("ring group"))
    number = models.CharField(_("number"), max_length=64, validators=[number_rule])
    place = models.PositiveSmallIntegerField(_("place"), default=1)
    delay_seconds = models.PositiveSmallIntegerField(
        _("begins after, seconds"), default=0, validators=[MaxValueValidator(LONGEST_RINGING)]
    )
    ring_seconds = models.PositiveSmallIntegerField(
        _("rings for, seconds"),
        default=0,
        validators=[MaxValueValidator(LONGEST_RINGING)],
        help_text=_("0: the setting ringtimeout."),
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["place", "id"]
        constraints = [models.UniqueConstraint(fields=["group", "number"], name="member_once_per_group")]

    def __str__(self) -> str:
        return self.number


class SpeedDial(models.Model):
    """A short number of an account and of the extensions below it."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="speed_dials", verbose_name=_("account")
    )
    code = models.CharField(_("short number"), max_length=4, validators=[code_rule])
    number = models.CharField(_("number"), max_length=64, validators=[number_rule])
    name = models.CharField(_("name"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("speed dial")
        verbose_name_plural = _("speed dials")
        ordering = ["account_id", "code"]
        constraints = [models.UniqueConstraint(fields=["account", "code"], name="short_number_once")]

    def __str__(self) -> str:
        return f"{self.code} → {self.number}"
