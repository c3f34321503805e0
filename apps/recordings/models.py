"""Recorded calls, and who listened to them (guide 6367-6411)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why a call was recorded."""

    SETTING = "setting", _("setting")
    PARTY = "party", _("asked for by a party")
    OPERATOR = "operator", _("asked for by an operator")


class Way(models.TextChoices):
    """How somebody got to hear it."""

    LISTEN = "listen", _("listened")
    WAV = "wav", _("downloaded as WAV")
    MP3 = "mp3", _("downloaded as MP3")


def _account(title: object, text: object = "") -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=title,  # type: ignore[arg-type]
        help_text=text,  # type: ignore[arg-type]
    )


class Recording(models.Model):
    """What was said in a call, from somewhere in it to its end or somewhere else; of one call there may be several.

    The sound is a sealed file of FLAC, the caller left and the called right: `path` below the folder `serverftpvoice`, and
    the same below `voicebackupdir` from `backed_up_at` until `backup_removed_at`. `sha256` and `size` are of the sealed file.
    """

    call_id = models.UUIDField(_("call"), db_index=True)
    number = models.PositiveSmallIntegerField(
        _("number"), help_text=_("Of the recordings of the call, from 1 on.")
    )
    started_at = models.DateTimeField(_("started"))
    seconds = models.PositiveIntegerField(_("length, s"))
    frames = models.PositiveBigIntegerField(_("samples"))
    rate = models.PositiveIntegerField(_("samples per second"))
    size = models.PositiveBigIntegerField(_("bytes"))
    sha256 = models.CharField(max_length=64)
    key_id = models.CharField(_("key"), max_length=8)
    path = models.CharField(_("file"), max_length=255, unique=True)
    caller_number = models.CharField(_("caller number"), max_length=64, default="")
    called_number = models.CharField(_("called number"), max_length=64, default="")
    for_caller = _account(_("recorded for the caller"), _("The account that recorded the calls it makes."))
    for_called = _account(_("recorded for the called"), _("The account that recorded the calls it gets."))
    reason = models.CharField(_("why"), max_length=8, choices=Reason.choices, default=Reason.SETTING)
    asked_by = models.CharField(_("asked for by"), max_length=64, default="")
    comment = models.CharField(_("comment"), max_length=255, default="")
    backed_up_at = models.DateTimeField(_("copied"), null=True)
    removed_at = models.DateTimeField(_("removed"), null=True)
    backup_removed_at = models.DateTimeField(_("copy removed"), null=True)

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        ordering = ["-started_at", "-id"]
        permissions = [
            ("listen_recording", "Can listen to recordings"),
            ("record_call", "Can record a call that is up"),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="recording_time"),
            models.Index(fields=["for_caller", "-started_at"], name="recording_for_caller"),
            models.Index(fields=["for_called", "-started_at"], name="recording_for_called"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["call_id", "number"], name="a_recording_is_stored_once"),
        ]

    def __str__(self) -> str:
        return f"{self.caller_number} → {self.called_number}"

    @property
    def has_backup(self) -> bool:
        return self.backed_up_at is not None and self.backup_removed_at is None


class Listening(models.Model):
    """Somebody listened to a recording, or took it away. It stays when the recording is removed."""

    recording = models.ForeignKey(
        Recording, models.SET_NULL, null=True, related_name="listenings", verbose_name=_("recording")
    )
    call_id = models.UUIDField(_("call"), db_index=True)
    account = _account(_("who"))
    username = models.CharField(_("user name"), max_length=64)
    way = models.CharField(_("what"), max_length=8, choices=Way.choices)
    address = models.CharField(_("from"), max_length=64)
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("listening to a recording")
        verbose_name_plural = _("listenings to recordings")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["-at", "-id"], name="listening_time")]

    def __str__(self) -> str:
        return f"{self.username}: {self.way}"
