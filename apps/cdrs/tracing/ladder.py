"""The messages of a call as a ladder: a column for each party with the switch between them, an arrow for each message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.cdrs.tracing.messages import Message

COLUMN, ROW, TOP, MARGIN = 220, 34, 64, 110
"""Of the picture, in its own units."""
SWITCH = "Mizu"


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message. `source` and `target` are columns; `after` is seconds since the first; `again`: a retransmission."""

    number: int
    after: float
    source: int
    target: int
    label: str
    again: bool
    message: Message

    @property
    def left(self) -> int:
        return MARGIN + COLUMN * min(self.source, self.target)

    @property
    def right(self) -> int:
        return MARGIN + COLUMN * max(self.source, self.target)

    @property
    def middle(self) -> int:
        return (self.left + self.right) // 2

    @property
    def height(self) -> int:
        return TOP + ROW * self.number

    @property
    def rightwards(self) -> bool:
        return self.source < self.target

    @property
    def tone(self) -> str:
        """What a reader looks for first: "bad" (4xx to 6xx), "good" (2xx), else plain."""
        status = self.label.split(" ", 1)[0]
        return {"2": "good", "4": "bad", "5": "bad", "6": "bad"}.get(
            status[:1] if status.isdigit() else "", "plain"
        )


@dataclass(frozen=True, slots=True)
class Ladder:
    """Columns from left to right, the first being who called, and the arrows in time."""

    columns: tuple[str, ...]
    arrows: tuple[Arrow, ...]

    @property
    def places(self) -> list[tuple[int, str]]:
        return [(MARGIN + COLUMN * place, name) for place, name in enumerate(self.columns)]

    @property
    def width(self) -> int:
        return 2 * MARGIN + COLUMN * (len(self.columns) - 1)

    @property
    def height(self) -> int:
        return TOP + ROW * (len(self.arrows) + 1)


def ladder(messages: Sequence[Message]) -> Ladder:
    """Draw them in the order in which they passed. The switch stands right of who spoke first."""
    ordered = sorted(messages, key=lambda one: one.at)
    parties = list(dict.fromkeys(one.theirs for one in ordered))
    columns = (*parties[:1], SWITCH, *parties[1:])
    place = {name: number for number, name in enumerate(columns)}
    seen: set[tuple[bool, str, str]] = set()
    arrows = []
    for number, one in enumerate(ordered, 1):
        same = (one.outgoing, one.theirs, one.text)
        ends = (place[SWITCH], place[one.theirs])
        source, target = ends if one.outgoing else reversed(ends)
        arrows.append(Arrow(number, one.at - ordered[0].at, source, target, label(one), same in seen, one))
        seen.add(same)
    return Ladder(columns, tuple(arrows))


def label(message: Message) -> str:
    """ "INVITE (SDP)", "180 Ringing (INVITE)": what the arrow says."""
    line = message.start_line
    described = " (SDP)" if "\r\n\r\nv=0" in message.text else ""
    if not line.startswith("SIP/2.0 "):
        return line.partition(" ")[0] + described
    return line.removeprefix("SIP/2.0 ")[:40] + described


def as_text(drawn: Ladder) -> str:
    """The same for a terminal or a letter: one line per message, then each message in full."""
    width = 26
    names = "".join(name.center(width) for name in drawn.columns)
    lines = [f"{'':10}{names}".rstrip()]
    for arrow in drawn.arrows:
        left, right = min(arrow.source, arrow.target), max(arrow.source, arrow.target)
        span = width * (right - left) - 2
        body = f" {arrow.label}{' (again)' if arrow.again else ''} "[: span - 2].center(span - 1, "-")
        drawn_arrow = f"|{body}>|" if arrow.rightwards else f"|<{body}|"
        before = "".join("|".center(width) for _ in range(left))
        start = width // 2 - 1 if left == 0 else 0
        row = (
            before[: left * width + width // 2 - 1].ljust(left * width + width // 2 - 1)
            if left
            else " " * start
        )
        lines.append(f"{arrow.after:9.3f} {row}{drawn_arrow}".rstrip())
    for arrow in drawn.arrows:
        one = arrow.message
        way = f"{one.ours} → {one.theirs}" if one.outgoing else f"{one.theirs} → {one.ours}"
        lines += [
            "",
            f"=== {arrow.number}. {arrow.after:.3f} s, {one.transport.upper()}, {way}",
            one.text.rstrip(),
        ]
    return "\n".join(lines).replace("\r\n", "\n") + "\n"
