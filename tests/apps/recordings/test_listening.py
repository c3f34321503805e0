"""Who may hear a recording: in the portal, in the admin and through the API; and that each hearing leaves a note."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from apps.recordings import services, store
from apps.recordings.models import Listening, Recording
from apps.users.models import Account
from apps.users.services import set_own
from tests import make
from tests.recorded import as_office, kept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Iterator[Path]:
    with as_office(tmp_path, settings):
        yield tmp_path


@pytest.fixture
def reseller() -> Account:
    return make.reseller()


@pytest.fixture
def ada(reseller: Account) -> Account:
    return make.subscriber(parent=reseller)


@pytest.fixture
def row(var: Path, ada: Account) -> Recording:
    """A recording that Ada made of a call to Ben, who is somebody else's customer."""
    kept(var, for_caller=ada.pk)
    services.finish_waiting()
    return Recording.objects.get()


def clients(user: Account) -> Client:
    client = Client()
    client.force_login(user)
    return client


def statuses(user: Account, row: Recording) -> set[int]:
    client = clients(user)
    paths = [f"/recordings/{row.pk}/{what}/" for what in ("listen", "wav", "mp3")]
    paths += [f"/api/v1/recordings/{row.pk}/{what}/" for what in ("wav", "mp3")]
    return {client.get(path).status_code for path in paths}


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.req("recording-010", "recording-016")
def test_a_customer_takes_the_own_recordings_when_the_setting_lets_it(ada: Account, row: Recording) -> None:
    assert statuses(ada, row) <= {403, 404}
    set_own(account=ada, key="recordlisten", value="subscribers")
    client = clients(ada)
    page = client.get("/recordings/").content.decode()
    assert f'src="/recordings/{row.pk}/listen/"' in page and f"/recordings/{row.pk}/wav/" in page
    for path in (f"/recordings/{row.pk}/wav/", f"/api/v1/recordings/{row.pk}/wav/"):
        response = client.get(path)
        assert response["Content-Type"] == "audio/wav"
        assert response["Content-Disposition"] == f'attachment; filename="{row.call_id}-1.wav"'
        with wave.open(io.BytesIO(body(response))) as file:
            assert (file.getnchannels(), file.getnframes()) == (2, 8000)
    for path in (f"/recordings/{row.pk}/mp3/", f"/api/v1/recordings/{row.pk}/mp3/"):
        assert body(client.get(path)).startswith((b"ID3", b"\xff"))
    assert list(Listening.objects.values_list("username", "way")) == [
        (ada.username, "mp3"), (ada.username, "mp3"), (ada.username, "wav"), (ada.username, "wav"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "theirs", "resellers"),
    [("nobody", False, False), ("subscribers", True, False), ("resellers", False, True), ("all", True, True)],
)
def test_the_setting_says_who_hears(
    ada: Account, reseller: Account, row: Recording, value: str, theirs: bool, resellers: bool
) -> None:
    set_own(account=reseller, key="recordlisten", value=value)
    assert (statuses(ada, row) == {200}) is theirs
    assert (statuses(reseller, row) == {200}) is resellers
    assert ("/recordings/" in clients(ada).get("/").content.decode()) is theirs


def test_nobody_hears_what_was_recorded_for_others(ada: Account, row: Recording) -> None:
    """Not even the other party of the call, unless it was recorded for that one too."""
    rival = make.reseller()
    ben = make.subscriber(parent=rival)
    for user in (ben, rival, ada):
        set_own(account=user, key="recordlisten", value="all")
    sister = make.subscriber(parent=ada.parent)
    set_own(account=sister, key="recordlisten", value="all")
    for user in (ben, rival, sister):
        assert statuses(user, row) == {404}
        assert clients(user).get("/api/v1/recordings/").json()["results"] == []
    Recording.objects.update(for_called=ben)
    assert statuses(ben, row) == statuses(rival, row) == {200}
    assert statuses(sister, row) == {404}


def test_staff_hears_by_right_only(row: Recording) -> None:
    helper = make.account("support")
    assert statuses(helper, row) == {403}
    listed = clients(helper).get("/api/v1/recordings/").json()["results"]
    assert [one["id"] for one in listed] == [row.pk]
    page = clients(helper).get(f"/admin/recordings/recording/{row.pk}/change/").content.decode()
    assert "<audio" not in page
    helper.user_permissions.add(Permission.objects.get(codename="listen_recording"))
    helper = Account.objects.get(pk=helper.pk)
    assert statuses(helper, row) == {200}
    page = clients(helper).get(f"/admin/recordings/recording/{row.pk}/change/").content.decode()
    assert "<audio" in page and helper.username in page  # the player, and the notes of who listened
    assert Client().get(f"/recordings/{row.pk}/listen/").status_code == 302


def test_a_browser_listens_in_parts_and_leaves_one_note(ada: Account, row: Recording) -> None:
    set_own(account=ada, key="recordlisten", value="all")
    client, path = clients(ada), f"/recordings/{row.pk}/listen/"
    whole = client.get(path)
    data = body(whole)
    assert (whole.status_code, whole["Accept-Ranges"], whole["Content-Type"]) == (200, "bytes", "audio/flac")
    assert data.startswith(b"fLaC") and len(data) == int(whole["Content-Length"])
    part = client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, body(part)) == (206, data[10:20])
    assert part["Content-Range"] == f"bytes 10-19/{len(data)}"
    rest = client.get(path, headers={"Range": f"bytes={len(data) - 5}-"})
    assert (rest.status_code, body(rest)) == (206, data[-5:])
    assert client.get(path, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    for odd in ("bytes=5-2", "bytes=a-b", "bytes=-3", "items=0-1", "bytes=" + "9" * 40 + "-"):
        assert client.get(path, headers={"Range": odd}).status_code in {200, 416}
    assert list(Listening.objects.values_list("username", "way", "address")) == [
        (ada.username, "listen", "127.0.0.1")
    ]


@pytest.mark.parametrize(("harm", "status", "words"), [("changed", 409, "was changed"), ("gone", 410, "not there"),
                                                        ("key", 503, "recording_keys")])  # fmt: skip
def test_a_file_that_is_not_as_it_was_is_refused_in_a_sentence(
    var: Path, ada: Account, row: Recording, harm: str, status: int, words: str
) -> None:
    set_own(account=ada, key="recordlisten", value="all")
    file = store.folder() / row.path
    if harm == "changed":
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif harm == "gone":
        file.unlink()
    else:
        (var / "recording_keys").unlink()
    client = clients(ada)
    for path in (
        f"/recordings/{row.pk}/listen/",
        f"/recordings/{row.pk}/wav/",
        f"/api/v1/recordings/{row.pk}/mp3/",
    ):
        response = client.get(path)
        assert response.status_code == status and words in response.content.decode()
    assert not Listening.objects.exists()


def test_the_recordings_of_a_call_stand_on_its_pages(ada: Account, row: Recording) -> None:
    set_own(account=ada, key="recordlisten", value="all")
    call = make.call(ada, at=timezone.now())
    Recording.objects.update(call_id=call.pk)
    player = f'src="/recordings/{row.pk}/listen/"'
    assert player in clients(ada).get(f"/calls/{call.pk}/").content.decode()
    assert player in clients(make.admin()).get(f"/admin/cdrs/cdr/{call.pk}/change/").content.decode()
    set_own(account=ada, key="recordlisten", value="nobody")
    assert player not in clients(ada).get(f"/calls/{call.pk}/").content.decode()
