"""The portal speaks the languages it offers, in every text of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from tests.house import House

TEMPLATES = [
    path
    for folder in ("portal", "account", "callshop")
    for path in Path(settings.ROOT / "templates" / folder).glob("*.html")
]


@pytest.mark.parametrize("language", ["de", "hu"])
def test_every_text_of_the_portal_is_translated(language: str) -> None:
    texts = {text for path in TEMPLATES for text in re.findall(r"{% trans \"([^\"]+)\" %}", path.read_text())}
    same = {"Name", "Text"}  # the same word in German
    with translation.override(language):
        assert len(texts) > 50
        assert {text for text in texts - same if translation.gettext(text) == text} == set()


@pytest.mark.django_db
def test_the_browser_chooses_the_language(client: Client, house: House) -> None:
    client.force_login(house.ada)
    page = client.get("/", headers={"Accept-Language": "hu"}).content.decode()
    assert '<html lang="hu">' in page and "Egyenleg" in page and "Üdvözöljük" in page
