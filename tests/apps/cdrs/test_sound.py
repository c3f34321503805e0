"""What a record tells an operator who is asked why somebody heard nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.cdrs.sound import findings
from tests import make

pytestmark = pytest.mark.django_db


def kept(**fields: Any) -> Cdr:
    cdr = make.call(make.subscriber(), at=timezone.now(), seconds=30)
    values = {"answered_at": cdr.started_at, "media": "relay", "rtp_sent": 100, "rtp_received": 100} | fields
    Cdr.objects.filter(pk=cdr.pk).update(**values)
    return Cdr.objects.get(pk=cdr.pk)


@pytest.mark.req("media-040")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, []),
        ({"answered_at": None, "rtp_sent": 0, "rtp_received": 0}, []),
        ({"media": "direct", "rtp_sent": 0, "rtp_received": 0}, ["routertpcaller"]),
        ({"rtp_sent": 0, "rtp_received": 0}, ["MIZU_RTP_PORTS"]),
        ({"media": "rtpengine", "rtp_sent": 0, "rtp_received": 0}, ["MIZU_RTPENGINE_PORTS"]),
        ({"rtp_sent": 0}, ["from the caller"]),
        ({"rtp_received": 0}, ["from the called"]),
        (
            {
                "rtp_received": 0,
                "quality": {"caller": {"packets": 100}, "called": {"packets": 0, "strays": 7}},
            },
            ["7 packets for the called's port", "from the called"],
        ),
    ],
)
def test_a_call_without_sound_says_whose_is_missing_and_what_to_look_at(
    fields: dict[str, Any], told: list[str]
) -> None:
    found = findings(kept(**fields))
    assert len(found) == len(told)
    assert all(part in sentence for part, sentence in zip(told, found, strict=True))


@pytest.mark.req("media-040", "media-017")
def test_the_page_of_the_record_shows_it_and_where_the_sound_came_from() -> None:
    side = {"packets": 100, "lost": 0, "jitter": 1.5, "mos": None}
    heard = side | {"address": "198.51.100.7:4000", "port": 20144}
    cdr = kept(rtp_received=0, quality={"caller": heard, "called": side | {"packets": 0, "port": 20146}})
    client = Client()
    client.force_login(make.admin())
    page = client.get(f"/admin/cdrs/cdr/{cdr.pk}/change/").content.decode()
    assert "No sound came from the called" in page
    assert all(one in page for one in ("198.51.100.7:4000", "20144", "20146"))
