"""How many authenticated REGISTERs one worker answers per second, and how much room phones take: `python -m tests.bench.registers [PHONES]`.

All of the worker but sockets and Redis: parsing, transaction, digest, bindings, the answer. Every phone registers as most do: once
with a challenge, then with the same nonce and the next count.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

_ACCOUNT = (True, "prepaid", "EUR", 0, "UTC", "", "", 0, 0, 0, "relay")
"""The other columns of an account (`tests.switch.worlds.Office.account`)."""


def main(phones: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    import gc
    import logging

    from switch.net import Flow
    from switch.service import tune
    from switch.sip.digest import MD5, authorize, choose, make_ha1
    from switch.sip.message import parse
    from switch.stats import held
    from tests.switch.call.town import Town

    logging.disable(logging.INFO)

    def office(changed) -> None:  # type: ignore[no-untyped-def]
        for number in range(phones):
            user = f"{100000 + number}"
            account = changed.id()
            changed.rows["accounts"].append([account, user, "subscriber", [account], *_ACCOUNT])
            ha1 = make_ha1(user, "mizu", "pw", MD5)
            changed.rows["credentials"].append([user, account, "mizu", ha1, "s" * 64])

    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder), office)
        answers: list[bytes] = []
        town.wires.boxes = _Everywhere(answers)  # type: ignore[assignment]
        worker = town.b2bua

        def flow(number: int) -> Flow:
            return Flow(
                "udp", f"198.18.{number >> 8 & 255}.{number & 255}", 20000 + (number >> 16), False, 0, 1
            )

        def message(number: int, cseq: int, proof: str = "") -> bytes:
            user = f"{100000 + number}"
            to = f"<sip:{user}@voip.example.com>"
            lines = [
                "REGISTER sip:voip.example.com SIP/2.0",
                f"Via: SIP/2.0/UDP 192.168.1.{number % 250}:5060;rport;branch=z9hG4bK{number}x{cseq}",
                "Max-Forwards: 70", f"From: {to};tag=f{number}", f"To: {to}", f"Call-ID: {number}-abcdefgh@192.168.1.7",
                f"CSeq: {cseq} REGISTER", f"Contact: <sip:{user}@192.168.1.{number % 250}:5060;transport=udp>",
                "User-Agent: Yealink SIP-T46S 66.86.0.15", "Expires: 3600", *([f"Authorization: {proof}"] if proof else []),
                "Content-Length: 0",
            ]  # fmt: skip
            return ("\r\n".join(lines) + "\r\n\r\n").encode()

        def proof(number: int, challenge, nc: int) -> str:  # type: ignore[no-untyped-def]
            user = f"{100000 + number}"
            ha1 = make_ha1(user, "mizu", "pw", MD5)
            return authorize(
                challenge, method="REGISTER", uri="sip:voip.example.com", username=user, ha1=ha1, nc=nc
            )

        def room() -> int:
            gc.collect()
            return held(town.board, _Nothing()).get("rss_kb", 0)  # type: ignore[arg-type]

        def run(what: str, batch: list[tuple[bytes, Flow]]) -> None:
            begun = time.process_time()
            for data, where in batch:
                worker.on_message(data, where)
            took = time.process_time() - begun
            print(f"{what}: {len(batch) / took:,.0f} a second, {1e6 * took / len(batch):.0f} us each")

        for user in range(phones):  # credentials' rows become values at their first use; not the registrar's
            town.world.credential(f"{100000 + user}")
        challenges = {}
        step = 5000
        tune()
        before = room()
        for first in range(0, phones, step):
            numbers = range(first, min(first + step, phones))
            answers.clear()
            asked = [(message(one, 1), flow(one)) for one in numbers]
            run("challenged", asked) if first == 0 else [worker.on_message(*one) for one in asked]
            for number, answer in zip(numbers, answers, strict=True):
                challenges[number] = choose(parse(answer).all("WWW-Authenticate"))
            answers.clear()
            proved = [(message(one, 2, proof(one, challenges[one], 1)), flow(one)) for one in numbers]
            run("registered anew", proved) if first == 0 else [worker.on_message(*one) for one in proved]
            assert all(one.startswith(b"SIP/2.0 200") for one in answers), answers[0]
            answers.clear()
            if first:  # what this program itself remembers is not to be measured
                challenges = {number: one for number, one in challenges.items() if number < step}
            town.pass_time(40)  # transactions end
        town.pass_time(70)
        after = room()
        known = len(town.board.registrar)
        print(
            f"{known:,} phones: {(after - before) / 1024:,.0f} MB more, {1024 * (after - before) / known:,.0f} bytes each"
        )
        again = [
            (message(one, 3, proof(one, challenges[one], 2)), flow(one)) for one in range(min(step, phones))
        ]
        run("renewed", again)
        assert town.failures == 0


class _Nothing:
    handler_failures = 0


class _Everywhere(dict):  # type: ignore[type-arg]
    """One box for whatever address."""

    def __init__(self, box: list[bytes]) -> None:
        self.box = box

    def get(self, key: object, default: object = None) -> list[bytes]:
        return self.box


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
