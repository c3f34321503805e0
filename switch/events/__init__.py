"""Event packages: who wants to know what, and telling them (RFC 6665).

- `core`: SUBSCRIBE: who may, and who is told when something changes.
- `publishing`: PUBLISH.
- `subscription`: one watcher of one account.
- `lines`: which calls accounts have, on all workers; what `dialog` and `presence` are made of.
- `published`: what phones say of themselves (RFC 3903).
- `bodies`: the documents, as pure functions.

A subscription lives in the memory of the worker that took it; the tag of its dialog bears that worker's label, so what
belongs to it is handed over. When the worker dies, the watcher's next SUBSCRIBE gets 481 and begins anew.
"""
