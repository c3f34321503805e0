"""The tables of RFC 3261 §17 and RFC 6026 §7 once more, as plain as they stand there: what `test_machines` holds the code to.

A model is told what happens and when (seconds since its beginning); `sent` and `told` are what must have gone over the wire and
what the user must have heard. Nothing is shared with the code that is tested.
"""

from __future__ import annotations

T1, T2, T4 = 0.5, 4.0, 5.0
TIMER_B = TIMER_F = TIMER_H = TIMER_J = TIMER_L = TIMER_M = 64 * T1
TIMER_D = 32.0
TRYING_AFTER = 0.2
NEVER = float("inf")
NEAR = 1e-6

Sent = list[tuple[float, str]]


class Model:
    """Time, and timers by name: `due` holds when each fires; a method of that name says what then happens."""

    def __init__(self, *, reliable: bool, at: float = 0.0) -> None:
        self.reliable = reliable
        self.now = at
        self.state = ""
        self.due: dict[str, float] = {}
        self.sent: Sent = []
        self.told: list[str] = []

    def send(self, what: str) -> None:
        self.sent.append((round(self.now, 2), what))

    def until(self, time: float) -> None:
        """Let timers fire in their order."""
        while self.due:
            name = min(self.due, key=lambda one: self.due[one])
            if self.due[name] > time + NEAR:
                break
            self.now = self.due.pop(name)
            getattr(self, name)()
        self.now = time

    def end(self) -> None:
        self.state = "terminated"
        self.due.clear()

    def time_out(self) -> None:
        self.end()
        self.told.append("timeout")


class Client(Model):
    """§17.1.2: any request but INVITE. `quiet`: a CANCEL, of which the user hears nothing."""

    def __init__(self, method: str, *, reliable: bool, at: float = 0.0, quiet: bool = False) -> None:
        super().__init__(reliable=reliable, at=at)
        self.method, self.quiet = method, quiet
        self.state, self.interval = "trying", T1
        self.send(method)
        self.due["timer_f"] = at + TIMER_F
        if not reliable:
            self.due["timer_e"] = at + T1

    def timer_e(self) -> None:
        self.interval = T2 if self.state == "proceeding" else min(2 * self.interval, T2)
        if self.now + NEAR < self.due["timer_f"]:
            self.send(self.method)
            self.due["timer_e"] = self.now + self.interval

    def timer_f(self) -> None:
        self.end() if self.quiet else self.time_out()

    def timer_k(self) -> None:
        self.end()

    def response(self, status: int) -> None:
        if self.state not in {"trying", "proceeding"}:
            return
        if not self.quiet:
            self.told.append(str(status))
        if status < 200:
            self.state = "proceeding"
        else:
            self.state = "completed"
            self.due = {"timer_k": self.now + T4}
            if self.reliable:
                self.end()


class InviteClient(Model):
    """§17.1.1 with RFC 6026, and CANCEL of §9.1."""

    def __init__(self, *, reliable: bool) -> None:
        super().__init__(reliable=reliable)
        self.state, self.interval = "calling", T1
        self.acknowledged: str | None = None
        self.cancel_wanted = False
        self.cancel: Client | None = None
        self.send("INVITE")
        self.due["timer_b"] = TIMER_B
        if not reliable:
            self.due["timer_a"] = T1

    def timer_a(self) -> None:
        self.interval *= 2
        if self.now + NEAR < self.due["timer_b"]:
            self.send("INVITE")
            self.due["timer_a"] = self.now + self.interval

    timer_b = after_cancel = Model.time_out
    timer_d = timer_m = Model.end

    def until(self, time: float) -> None:
        super().until(time)
        if self.cancel is not None:
            self.cancel.until(time)

    def response(self, status: int, tag: str) -> None:
        if status < 200:
            self._provisional(status)
        elif status < 300:
            self._success(status, tag)
        else:
            self._failure(status)

    def _provisional(self, status: int) -> None:
        if self.state not in {"calling", "proceeding"}:
            return
        if self.state == "calling":
            self.state, self.due = "proceeding", {}
        self.told.append(str(status))
        if self.cancel_wanted and self.cancel is None:
            self._send_cancel()

    def _success(self, status: int, tag: str) -> None:
        if self.state in {"calling", "proceeding"}:
            self.state, self.due = "accepted", {"timer_m": self.now + TIMER_M}
            self.told.append(str(status))
        elif self.state == "accepted":
            if tag == self.acknowledged:
                self.send("ACK")
            else:
                self.told.append(str(status))

    def _failure(self, status: int) -> None:
        if self.state in {"calling", "proceeding"}:
            self.state, self.due = "completed", {"timer_d": self.now + TIMER_D}
            self.told.append(str(status))
            self.send("ACK")
            if self.reliable:
                self.end()
        elif self.state == "completed":
            self.send("ACK")

    def ack(self, tag: str) -> None:
        """The user acknowledges a 2xx."""
        self.acknowledged = tag
        self.send("ACK")

    def give_up(self) -> None:
        """The user cancels."""
        if self.cancel is None and self.state in {"calling", "proceeding"}:
            self.cancel_wanted = True
            if self.state == "proceeding":
                self._send_cancel()

    def _send_cancel(self) -> None:
        self.cancel = Client("CANCEL", reliable=self.reliable, at=self.now, quiet=True)
        self.due["after_cancel"] = self.now + 64 * T1

    def everything(self) -> Sent:
        return self.sent + (self.cancel.sent if self.cancel is not None else [])


class Server(Model):
    """§17.2.2: any request but INVITE."""

    def __init__(self, *, reliable: bool) -> None:
        super().__init__(reliable=reliable)
        self.state, self.last = "trying", ""
        self.due["unanswered"] = 64 * T1

    unanswered = Model.time_out
    timer_j = Model.end

    def again(self) -> None:
        """The request comes once more."""
        if self.last and self.state != "terminated":
            self.send(self.last)

    def reply(self, status: int) -> None:
        if self.state not in {"trying", "proceeding"}:
            return
        self.last = str(status)
        self.send(self.last)
        if status < 200:
            self.state = "proceeding"
        else:
            self.state, self.due = "completed", {"timer_j": self.now + TIMER_J}
            if self.reliable:
                self.end()


class InviteServer(Model):
    """§17.2.1 with RFC 6026 §7.1; the 2xx is repeated here as §13.3.1.4 says of its user."""

    def __init__(self, *, reliable: bool) -> None:
        super().__init__(reliable=reliable)
        self.state, self.last, self.interval = "proceeding", "", T1
        self.acked = False
        self.due["trying"] = TRYING_AFTER

    def trying(self) -> None:
        self.last = "100"
        self.send("100")

    def timer_g(self) -> None:
        self.interval = min(2 * self.interval, T2)
        if self.now + NEAR < self.due.get("timer_h", self.due.get("timer_l", NEVER)):
            self.send(self.last)
            self.due["timer_g"] = self.now + self.interval

    timer_h = Model.time_out
    timer_i = Model.end

    def timer_l(self) -> None:
        self.end() if self.acked else self.time_out()

    def again(self) -> None:
        if self.state == "proceeding" and not self.last:
            self.due.pop("trying", None)
            self.trying()
        elif self.state in {"proceeding", "completed"}:
            self.send(self.last)

    def reply(self, status: int) -> None:
        if self.state != "proceeding":
            return
        self.due.clear()
        self.last = str(status)
        self.send(self.last)
        if status < 200:
            return
        if status < 300:
            self.state = "accepted"
            self.due = {"timer_g": self.now + T1, "timer_l": self.now + TIMER_L}
        else:
            self.state = "completed"
            self.due = {"timer_h": self.now + TIMER_H} | ({} if self.reliable else {"timer_g": self.now + T1})

    def ack(self) -> None:
        """The ACK comes, with the branch of the INVITE after a failure, with another after a 2xx."""
        if self.state == "completed":
            self.state, self.due = "confirmed", {"timer_i": self.now + T4}
            if self.reliable:
                self.end()
        elif self.state == "accepted":
            self.acked = True
            self.due.pop("timer_g", None)
            self.told.append("ACK")
        elif self.state != "confirmed":
            self.told.append("ACK")
