"""Recordings in a browser: heard where the call stands, moved about in, and taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from apps.cdrs.models import Cdr
from apps.recordings import services
from apps.recordings.models import Listening, Recording
from apps.users.models import Account
from apps.users.services import set_own
from tests.browser.conftest import Visitor
from tests.recorded import as_office, kept

PLAYED = """async player => {
  const until = (name) => new Promise((done, failed) => {
    player.addEventListener(name, done, {once: true}); player.addEventListener("error", () => failed(player.error.message));
  });
  player.muted = true;
  await player.play();
  player.currentTime = 20;
  await until("seeked");
  return [Math.round(player.duration), Math.floor(player.currentTime)];
}"""


@pytest.fixture
def recording(visitor: Visitor, tmp_path: Path, settings: Any) -> Any:
    """Of a call of 1001, half a minute long."""
    with as_office(tmp_path, settings):
        ada = Account.objects.get(username="1001")
        call = Cdr.objects.filter(caller=ada, answered_at__isnull=False).latest("started_at")
        facts = {"started": call.started_at.timestamp(), "caller_number": call.caller_number}
        kept(
            tmp_path,
            seconds=30,
            call_id=str(call.pk),
            for_caller=ada.pk,
            called_number=call.called_number,
            **facts,
        )
        services.finish_waiting()
        set_own(account=ada, key="recordlisten", value="all")
        yield Recording.objects.get()


def is_heard(page: Page) -> None:
    assert page.locator("audio").first.evaluate(PLAYED) == [30, 20]


@pytest.mark.req("recording-010", "recording-016")
def test_a_subscriber_listens_in_the_portal_and_takes_the_file(
    visitor: Visitor, recording: Recording
) -> None:
    visitor.log_in("1001")
    page = visitor.look("portal-recordings", "/recordings/")
    is_heard(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="MP3").click()
    assert download.value.suggested_filename == f"{recording.call_id}-1.mp3"
    is_heard(visitor.look("portal-call-recorded", f"/calls/{recording.call_id}/"))
    assert set(Listening.objects.values_list("username", "way")) == {("1001", "listen"), ("1001", "mp3")}
    assert not visitor.faults, visitor.faults


@pytest.mark.req("recording-010")
def test_an_operator_listens_at_the_call_record_and_sees_who_did(
    visitor: Visitor, recording: Recording
) -> None:
    visitor.log_in("admin")
    is_heard(visitor.look("admin-call-recorded", f"/admin/cdrs/cdr/{recording.call_id}/change/"))
    visitor.look("admin-recordings", "/admin/recordings/recording/")
    is_heard(visitor.look("admin-recording", f"/admin/recordings/recording/{recording.pk}/change/"))
    page = visitor.look("admin-listenings", "/admin/recordings/listening/")
    assert page.get_by_text("listened").count()
    assert not visitor.faults, visitor.faults
