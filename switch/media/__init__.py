"""Media: endpoints that hear and speak, joined into sessions by the worker's own relay."""

from .endpoint import Endpoint, Tap
from .latch import Latch, Rank
from .ports import PortRange, PortsExhausted
from .relay import Relay, Session, Silence
from .stats import Report, Stream

__all__ = [
    "Endpoint",
    "Latch",
    "PortRange",
    "PortsExhausted",
    "Rank",
    "Relay",
    "Report",
    "Session",
    "Silence",
    "Stream",
    "Tap",
]
