"""What the compiler puts into each part of the snapshot, read from PostgreSQL in one consistent view."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from apps.aaa import snapshot as aaa
from apps.config.snapshot import settings
from apps.dids import snapshot as dids
from apps.groups import snapshot as groups
from apps.invoices import snapshot as invoices
from apps.numbers import snapshot as numbers
from apps.pbx import snapshot as pbx
from apps.portability import snapshot as portability
from apps.portability.build import build as build_ported
from apps.portability.engine import PortedError, PortedFile
from apps.pricing import snapshot as pricing
from apps.pricing.deck_build import copy_deck
from apps.pricing.engine.deck import DeckError
from apps.routing import snapshot as routing
from apps.routing.health import snapshot as health
from apps.screening import snapshot as screening
from apps.screening.engine.numbers import ListError
from apps.signalling import snapshot as signalling
from apps.users import snapshot as users
from switch.world.lane import Lane
from switch.world.names import write_names
from switch.world.store import Sections, Store, StoreError, read_part

logger = logging.getLogger(__name__)

SMALL = (
        "accounts", "dids", "features", "numbers", "porting", "routes", "health", "tariffs", "signalling", "limits", "screening", "settings",
)  # fmt: skip
PORTED = "ported"
"""The part that is a big file of its own."""
ALL = "*"


def parts_of(notices: Iterable[str]) -> set[str]:
    """The parts that the payloads of notices concern; a tariff's deck and its header change together."""
    found: set[str] = set()
    for notice in notices:
        part, _, number = notice.partition(":")
        if notice == "tariffs":
            found |= {"tariffs", "routes"}  # both have time windows in them
        elif notice == PORTED:
            found |= {PORTED, "porting"}  # what changed one by one may have changed with the others
        elif part == "deck" and number.isdigit():
            found |= {notice, "tariffs"}
        elif notice == "settings":
            found |= {"settings", "tariffs", "routes", "screening"}  # when the peak begins, for example
        elif notice in SMALL or notice in screening.LISTS:
            found.add(notice)
        else:
            logger.warning("a notice that nobody knows was ignored: %s", notice)
    return found


def build(store: Store, wanted: set[str], *, node: str, lane: Lane | None = None) -> dict[str, str]:
    """Write the wanted parts (or `ALL`) and answer all current ones, by the name of their file.

    Everything is read in one transaction that sees one state of the database. Only ported numbers are compiled by the
    `lane`, if there is one, and a file of them that calls can go by meanwhile.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        existing = pricing.tariff_ids()
        if ALL in wanted:
            wanted = {*SMALL, PORTED, *screening.LISTS, *(f"deck:{tariff}" for tariff in existing)}
        known = dict(store.manifest.parts) if store.manifest else {}
        for part in sorted(wanted):  # ported before porting
            if part == "porting":
                known[part] = store.write_part(part, _porting(store, known))
            elif part in SMALL:
                known[part] = store.write_part(part, _sections(part, node))
            elif part == PORTED:
                known |= _ported(store, known.get(PORTED, ""), lane)
            elif part in screening.LISTS:
                known |= _list(store, part)
            elif int(part.removeprefix("deck:")) in existing:
                known |= _deck(store, int(part.removeprefix("deck:")))
    alive = {str(tariff) for tariff in existing}
    always = {*SMALL, PORTED, *screening.LISTS}
    return {part: file for part, file in known.items() if part in always or part.partition(":")[2] in alive}


def _sections(part: str, node: str) -> Sections:
    if part == "accounts":
        return {
            "accounts": users.accounts(),
            "credentials": users.credentials(),
            "addresses": users.addresses(),
            "trunks": users.trunks(),
            "trunk_accounts": users.trunk_accounts(),
            "known_numbers": users.known_numbers(),
            "pins": users.pins(),
            "radius_servers": aaa.servers(),
            "overrides": users.overrides(),
            "memberships": groups.memberships(),
        }
    if part == "dids":
        return {
            "dids": dids.dids(),
            "did_stock": dids.did_stock(),
            "held": dids.held(),
            "short_numbers": dids.short_numbers(),
            "contacts": dids.contacts(),
        }
    if part == "features":
        return {
            "forwards": pbx.forwards(),
            "ring_groups": pbx.ring_groups(),
            "speed_dials": pbx.speed_dials(),
        }
    if part == "numbers":
        return {
            "lists": numbers.lists(),
            "listed_numbers": numbers.listed_numbers(),
            "prefix_rules": numbers.prefix_rules(),
            "rewrite_rules": numbers.rewrite_rules(),
        }
    if part == "routes":
        return {
            "rules": routing.rules(),
            "calendars": pricing.calendars(),
            "figures": routing.figures(),
        }
    if part == "health":
        return {"standings": health.standings()}
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
    if part == "limits":
        return {"used_up": invoices.used_up(), "allowances": invoices.allowances()}
    if part == "screening":
        return {
            "firewall": screening.firewall(),
            "bad_callers": screening.bad_callers(),
            "known_callers": screening.known_callers(),
        }
    return {"settings": settings(node).items()}


def _porting(store: Store, known: Mapping[str, str]) -> Sections:
    """What has changed number by number since the big file.

    While a newer one is compiled the office may forget changes that it has: the old one still needs them.
    """
    also: list[str] = []
    before = known.get("porting")
    if before and _stamp_of(store, known.get(PORTED, "")) != portability.stamp():
        with suppress(StoreError, FileNotFoundError):
            for section, rows in read_part(store.folder / before):
                also += [row[0] for row in rows] if section == "port_changes" else []
    return {"port_changes": portability.port_changes(also), "operators": portability.operators()}


def _stamp_of(store: Store, file: str) -> int | None:
    """Which state of ported numbers a file has; None: it cannot be read."""
    if not file:
        return None
    try:
        return int(PortedFile(store.folder / file).stamp)
    except (PortedError, FileNotFoundError):
        logger.warning("the file of ported numbers cannot be read: it is built anew")
        return None


def _ported(store: Store, before: str, lane: Lane | None) -> dict[str, str]:
    """The file of ported numbers; the one that there is, while it is of the same state or no other can be built."""
    file = (lane.take() if lane else "") or before
    stamp = _stamp_of(store, file)
    if stamp is not None and stamp == portability.stamp():
        return {PORTED: file}
    if stamp is not None and lane is not None:
        lane.start()
        return {PORTED: file}
    found = compiled_ported(store)
    return {PORTED: found} if found else {}


def compiled_ported(store: Store) -> str:
    """Compile ported numbers as they are now; the name of the file, or nothing when it cannot be done."""
    path = store.temporary(PORTED)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            build_ported(cursor, path, portability.stamp())
    except (OperationalError, InterfaceError):
        raise
    except (PortedError, DatabaseError, ValueError):
        logger.exception("ported numbers cannot be compiled; calls go on by the last good ones")
        path.unlink(missing_ok=True)
        return ""
    return store.keep(PORTED, path, "ported")


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


def _list(store: Store, part: str) -> dict[str, str]:
    """The file of one list of numbers; none when it cannot be compiled: then the last good one stays in use."""
    try:
        with transaction.atomic():
            screening.write_list(part, store.temporary(part))
    except (OperationalError, InterfaceError):
        raise
    except (ListError, DatabaseError, ValueError):
        logger.exception("%s cannot be compiled; calls go on by its last good numbers", part)
        store.temporary(part).unlink(missing_ok=True)
        return {}
    return {part: store.keep(part, store.temporary(part), "numbers")}


def _write_names(tariff: int, path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.destination FROM pricing_rate r JOIN pricing_tariff t ON t.id = r.tariff_id"
            " WHERE r.tariff_id = %s AND t.kind = 'retail' AND r.destination <> '' ORDER BY r.id",
            [tariff],
        )
        write_names(iter(cursor.fetchall()), path)
