"""The file of countries on its way into the snapshot, and what the office tells of it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.config.services import set_value
from apps.screening import countries
from apps.screening.engine.countries import Countries
from apps.screening.models import CountryFile
from apps.screening.services import create_rule
from switch.world.countries import PART
from switch.world.countries import CountryFile as Kept
from switch.world.store import Store
from tests import make, mmdb

pytestmark = pytest.mark.django_db

ADDRESS = "81.2.69.7"
LONG_AGO = 1_700_000_000


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A node whose state directory is the test's, and whose setting names a file in it that is not there yet."""
    set_value(key="geoipfile", value="c.mmdb")
    return Kept(Store(tmp_path / "world"), "")


def put(folder: Path, country: str, name: str = "c.mmdb", changed: float = LONG_AGO) -> Path:
    path = mmdb.write(folder / name, {"81.2.69.0/24": country})
    os.utime(path, (changed, changed))
    return path


def country(folder: Path, parts: dict[str, str]) -> str:
    return Countries.open(folder / "world" / parts[PART]).of(ADDRESS)


@pytest.mark.req("other-001", "cdr-069")
def test_the_file_is_compiled_and_compiled_again_when_it_changes(kept: Kept, tmp_path: Path) -> None:
    put(tmp_path, "GB")
    first = kept.parts(again=True)
    assert country(tmp_path, first) == "GB" and not kept.changed() and kept.parts(again=False) == first
    put(tmp_path, "FR", changed=LONG_AGO + 60)
    assert kept.changed() and country(tmp_path, kept.parts(again=False)) == "FR"
    row = CountryFile.objects.get()
    assert (row.path, row.error) == (str(tmp_path / "c.mmdb"), "")
    assert row.built_at is not None and row.built_at.timestamp() == mmdb.BUILT


def test_a_file_that_is_being_written_waits_while_there_is_an_older_one(kept: Kept, tmp_path: Path) -> None:
    put(tmp_path, "GB")
    kept.parts(again=True)
    put(tmp_path, "FR", changed=LONG_AGO + 60)
    assert not kept.changed(now=LONG_AGO + 61) and kept.changed(now=LONG_AGO + 63)
    assert kept.changed(now=LONG_AGO)  # a clock that runs ahead makes nobody wait


@pytest.mark.parametrize("wrong", ["missing", "broken", "a folder", "no countries"])
def test_a_file_that_cannot_be_used_is_no_part_and_told_once(
    kept: Kept, tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.mmdb"
    if wrong == "broken":
        path.write_bytes(b"nothing" * 100)
    elif wrong == "a folder":
        path.mkdir()
    elif wrong == "no countries":
        mmdb.write(path, {"81.2.69.0/24": {"autonomous_system_number": "1"}})
    with caplog.at_level(logging.ERROR):
        assert kept.parts(again=True) == kept.parts(again=True) == {}
    assert [one.levelname for one in caplog.records] == ["ERROR"] and "c.mmdb" in caplog.text
    assert "c.mmdb" in CountryFile.objects.get().error
    if path.is_dir():
        path.rmdir()
    put(tmp_path, "GB")
    assert kept.changed() and country(tmp_path, kept.parts(again=False)) == "GB"
    assert CountryFile.objects.get().error == ""
    path.write_bytes(b"broken again")
    assert kept.changed(now=path.stat().st_mtime + 5) and kept.parts(again=False) == {}


def test_another_setting_takes_another_file_and_an_empty_one_none(kept: Kept, tmp_path: Path) -> None:
    put(tmp_path, "GB")
    put(tmp_path, "FR", "other.mmdb")
    kept.parts(again=True)
    set_value(key="geoipfile", value=str(tmp_path / "other.mmdb"))
    assert country(tmp_path, kept.parts(again=True)) == "FR"
    set_value(key="geoipfile", value="")
    assert kept.parts(again=True) == {} and not CountryFile.objects.exists()


def test_a_broken_file_is_told_where_alerts_and_rules_are_and_on_the_first_page(
    client: Client, kept: Kept, tmp_path: Path
) -> None:
    client.force_login(make.admin())
    pages = ("/admin/screening/alert/", "/admin/screening/firewallrule/", "/admin/")
    create_rule(source="C:FR")
    kept.parts(again=True)
    for page in pages:
        assert "c.mmdb cannot be read" in client.get(page).content.decode()
    put(tmp_path, "GB")
    kept.parts(again=False)
    for page in pages:
        assert "c.mmdb" not in client.get(page).content.decode()


@pytest.mark.req("cdr-069")
def test_the_country_of_a_callers_address_stands_at_its_call(
    client: Client, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "VAR", tmp_path)
    put(tmp_path, "GB")
    kept._store.publish(kept.parts(again=True), 1.0)
    assert countries.country_of(f"{ADDRESS}:5060") == countries.country_of(ADDRESS) == "GB"
    assert [
        countries.country_of(one) for one in ("10.0.0.1:5060", "8.8.8.8:5060", "", "[::1]:5060", "x")
    ] == [""] * 5
    call = make.call(make.subscriber(), at=timezone.now())
    Cdr.objects.filter(pk=call.pk).update(caller_address=f"{ADDRESS}:5060")
    client.force_login(make.admin())
    assert "United Kingdom" in client.get(f"/admin/cdrs/cdr/{call.pk}/change/").content.decode()
    (tmp_path / "world" / "manifest.json").unlink()
    assert countries.country_of(ADDRESS) == ""
