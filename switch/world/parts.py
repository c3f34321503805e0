"""What the compiler puts into each part of the snapshot, read from PostgreSQL in one consistent view."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from apps.config.snapshot import settings
from apps.pricing import snapshot as pricing
from apps.routing import snapshot as routing
from apps.signalling import snapshot as signalling
from apps.users import snapshot as users
from switch.world.deck import DeckError
from switch.world.deck_build import copy_deck
from switch.world.names import write_names
from switch.world.store import Sections, Store

logger = logging.getLogger(__name__)

SMALL = ("accounts", "routes", "tariffs", "signalling", "settings")
ALL = "*"


def parts_of(notices: Iterable[str]) -> set[str]:
    """The parts that the payloads of notices concern; a tariff's deck and its header change together."""
    found: set[str] = set()
    for notice in notices:
        part, _, number = notice.partition(":")
        if notice == "tariffs":
            found |= {"tariffs", "routes"}  # both have time windows in them
        elif part == "deck" and number.isdigit():
            found |= {notice, "tariffs"}
        elif notice == "settings":
            found |= {"settings", "tariffs", "routes"}  # when the peak begins, for example, is a setting
        elif notice in SMALL:
            found.add(notice)
        else:
            logger.warning("a notice that nobody knows was ignored: %s", notice)
    return found


def build(store: Store, wanted: set[str], *, node: str) -> dict[str, str]:
    """Write the wanted parts (or `ALL`) and answer all current ones, by the name of their file.

    Everything is read in one transaction that sees one state of the database.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        existing = pricing.tariff_ids()
        if ALL in wanted:
            wanted = {*SMALL, *(f"deck:{tariff}" for tariff in existing)}
        known = dict(store.manifest.parts) if store.manifest else {}
        for part in sorted(wanted):
            if part in SMALL:
                known[part] = store.write_part(part, _sections(part, node))
            elif int(part.removeprefix("deck:")) in existing:
                known |= _deck(store, int(part.removeprefix("deck:")))
    alive = {str(tariff) for tariff in existing}
    return {part: file for part, file in known.items() if part in SMALL or part.partition(":")[2] in alive}


def _sections(part: str, node: str) -> Sections:
    if part == "accounts":
        return {
            "accounts": users.accounts(),
            "credentials": users.credentials(),
            "addresses": users.addresses(),
            "trunks": users.trunks(),
            "overrides": users.overrides(),
        }
    if part == "routes":
        return {"rules": routing.rules()}
    if part == "tariffs":
        return {
            "tariffs": pricing.tariffs(),
            "assignments": pricing.assignments(),
            "windows": pricing.windows(),
            "calendars": pricing.calendars(),
            "exchange": pricing.exchange_rates(),
        }
    if part == "signalling":
        return {"header_rules": signalling.header_rules(), "causes": signalling.causes()}
    return {"settings": settings(node).items()}


def _deck(store: Store, tariff: int) -> dict[str, str]:
    """The files of one price list; none when it cannot be compiled: then the last good ones stay in use."""
    deck, names = f"deck:{tariff}", f"names:{tariff}"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            copy_deck(cursor, tariff, store.temporary(deck))
            _write_names(tariff, store.temporary(names))
    except (OperationalError, InterfaceError):
        raise
    except (DeckError, DatabaseError, ValueError):
        logger.exception("tariff %s cannot be compiled; calls go on by its last good prices", tariff)
        store.temporary(deck).unlink(missing_ok=True)
        return {}
    return {
        deck: store.keep(deck, store.temporary(deck), "deck"),
        names: store.keep(names, store.temporary(names), "names"),
    }


def _write_names(tariff: int, path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.destination FROM pricing_rate r JOIN pricing_tariff t ON t.id = r.tariff_id"
            " WHERE r.tariff_id = %s AND t.kind = 'retail' AND r.destination <> '' ORDER BY r.id",
            [tariff],
        )
        write_names(iter(cursor.fetchall()), path)
