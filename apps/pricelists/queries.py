"""Reads of price lists that their pages need."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from apps.pricelists.models import Change, ChangeKind, ChangeSet


def changes_of(change_set: ChangeSet, *, kind: str = "", text: str = "") -> QuerySet[Change]:
    """What a list changes: of one kind, of all that do something ("", the default), or what deserves attention
    ("attention"); for a prefix or a part of a destination's name.
    """
    rows = Change.objects.filter(change_set=change_set)
    if kind == "attention":
        rows = rows.filter(attention=True)
    elif kind in ChangeKind.values:
        rows = rows.filter(kind=kind)
    else:
        rows = rows.exclude(kind=ChangeKind.UNCHANGED)
    text, digits = text.strip(), digits_of_search(text)
    if digits:
        rows = rows.filter(prefix__startswith=digits)
    elif text:
        rows = rows.filter(Q(destination__icontains=text) | Q(prefix=text))
    return rows.order_by("prefix", "valid_from")


def digits_of_search(text: str) -> str:
    """The number that a person looks for, without how people write numbers; empty when it is a name."""
    plain = re.sub(r"[\s()/.-]", "", text).removeprefix("+")
    return plain[:32] if plain.isascii() and plain.isdigit() else ""
