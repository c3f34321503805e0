"""One phone of an account."""

from __future__ import annotations

from sys import intern
from typing import Any

from switch.net import Flow

NO_PATH: tuple[str, ...] = ()


class Binding:
    """Where a phone is. A call goes to the flow that the REGISTER came by, which passes a NAT in front of the phone.

    `expires_at` and `seen_at` (of the last REGISTER) are epoch seconds. `instance` and `reg_id` (0: none) name one of
    the flows that a phone keeps to be reached by any of them (RFC 5626). Never changed in place but for `expires_at`.
    """

    __slots__ = (
        "agent",
        "call_id",
        "cseq",
        "expires_at",
        "flow",
        "instance",
        "path",
        "q",
        "reg_id",
        "seen_at",
        "uri",
    )

    def __init__(
        self,
        uri: str,
        flow: Flow,
        expires_at: float,
        q: float,
        call_id: str,
        cseq: int,
        path: tuple[str, ...] = NO_PATH,
        agent: str = "",
        seen_at: float = 0.0,
        instance: str = "",
        reg_id: int = 0,
    ) -> None:
        self.uri = uri
        self.flow = flow
        self.expires_at = expires_at
        self.q = q
        self.call_id = call_id
        self.cseq = cseq
        self.path = path or NO_PATH
        self.agent = intern(agent)  # a thousand phones of one make share the name of their firmware
        self.seen_at = seen_at
        self.instance = instance
        self.reg_id = reg_id

    @property
    def key(self) -> str:
        """What a later REGISTER of the same phone replaces: its flow (RFC 5626 §6), else its Contact."""
        return f"{self.instance};reg-id={self.reg_id}" if self.reg_id else self.uri

    def ended(self, at: float) -> Binding:
        """The same, over."""
        return Binding(
            self.uri, self.flow, at, self.q, self.call_id, self.cseq, self.path, self.agent, self.seen_at,
            self.instance, self.reg_id,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"flow": list(self.flow), "path": list(self.path)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Binding:
        """Raises KeyError, TypeError, ValueError for what no worker wrote."""
        return cls(**values | {"flow": Flow(*values["flow"]), "path": tuple(values["path"])})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Binding) and self.as_json() == other.as_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Binding {self.uri} by {self.flow.host}:{self.flow.port}>"
