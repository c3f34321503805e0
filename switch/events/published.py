"""What phones publish of themselves: kept until it expires, changed only by who knows its entity tag (RFC 3903)."""

from __future__ import annotations

from typing import Any, NamedTuple

MOST_OF_ONE = 5
"""Documents of one account, one for each of its phones; the oldest goes first."""


class Document(NamedTuple):
    """One published document. `expires_at` and `at` are epoch seconds."""

    body: str
    expires_at: float
    at: float


class Published:
    """Account → entity tag → document."""

    def __init__(self) -> None:
        self._documents: dict[int, dict[str, Document]] = {}

    def newest(self, account_id: int, now: float) -> bytes | None:
        """What the account said last, of what is still good."""
        found = [one for one in self._documents.get(account_id, {}).values() if one.expires_at > now]
        return max(found, key=lambda one: one.at).body.encode() if found else None

    def get(self, account_id: int, tag: str, now: float) -> Document | None:
        """The document with that entity tag, if it is still good."""
        found = self._documents.get(account_id, {}).get(tag)
        return found if found is not None and found.expires_at > now else None

    def replace(self, account_id: int, before: str, tag: str, document: Document | None, now: float) -> None:
        """Put `document` (None: nothing) in the place of the one whose tag is `before` ("": of none)."""
        kept = {key: one for key, one in self._documents.get(account_id, {}).items() if one.expires_at > now}
        kept.pop(before, None)
        if document is not None:
            kept[tag] = document
        for key in sorted(kept, key=lambda key: kept[key].at)[: max(0, len(kept) - MOST_OF_ONE)]:
            del kept[key]
        self._put(account_id, kept)

    def told(self, account_id: int, documents: dict[str, list[Any]]) -> None:
        """What another worker has of the account."""
        self._put(account_id, {tag: Document(*one) for tag, one in documents.items()})

    def as_json(self, account_id: int) -> dict[str, list[Any]]:
        return {tag: list(one) for tag, one in self._documents.get(account_id, {}).items()}

    def ended(self, now: float) -> list[int]:
        """Forget what has expired; the accounts of which something has."""
        over = [
            account
            for account, found in self._documents.items()
            if any(one.expires_at <= now for one in found.values())
        ]
        for account in over:
            self._put(
                account, {tag: one for tag, one in self._documents[account].items() if one.expires_at > now}
            )
        return over

    def _put(self, account_id: int, documents: dict[str, Document]) -> None:
        if documents:
            self._documents[account_id] = documents
        else:
            self._documents.pop(account_id, None)
