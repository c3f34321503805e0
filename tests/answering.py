"""A worker's half of the question where a call would go: the switch's own code, in a thread of the test."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from apps.core import workers
from apps.users.models import Account
from switch.call.explain import answered
from tests.switch.worlds import Office, Usage

LABEL = "here-1-abc"


class Worker:
    """Answers orders as `switch.service` does, by a world with a subscriber and some carriers, each dearer than the one before."""

    def __init__(self, subscriber: Account, *carriers: Account, folder: Path) -> None:
        office = Office()
        office._last = max(one.pk for one in (subscriber, *carriers)) + 1000
        for one in (subscriber, *carriers):
            plain = [True, "prepaid", "EUR", 0, "UTC", "", "", 0, 0, 0]
            office.rows["accounts"].append([one.pk, one.username, one.kind, [one.pk], *plain])
        for place, one in enumerate(carriers, 3):
            office.rows["trunks"].append([one.pk, "192.0.2.9", 5060, "udp", 0, "", 0, 60, 5, "", "", "", ""])
            office.tariff("carrier", {"36": place * 10_000}, to=one.pk)
        office.tariff("retail", {"36": 100_000}, to=subscriber.pk)
        office.rule("world", *[one.pk for one in carriers])
        self.world = office.world(folder)
        self.orders: list[dict[str, Any]] = []
        self.client = workers.client()
        self.heard = self.client.pubsub(ignore_subscribe_messages=True)
        self.heard.subscribe(workers.CONTROL)
        self.heard.get_message(timeout=2)
        self.client.zadd(workers.WORKERS, {LABEL: time.time()})
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while not self.stopping.is_set():
            message = self.heard.get_message(timeout=0.05)
            order = json.loads(message["data"]) if message else {}
            if order.get("do") == "explain" and order.get("worker") == LABEL:
                self.orders.append(order)
                tell = answered(order, self.world, time.time(), Usage())
                assert tell is not None
                tell(self.client)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.heard.close()
        self.client.zrem(workers.WORKERS, LABEL)
