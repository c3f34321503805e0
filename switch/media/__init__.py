"""Media: endpoints that hear and speak, joined into sessions by the worker's own relay."""

from .endpoint import Endpoint, Tap
from .latch import Latch, Rank
from .nat import Handling, Own, behind_nat, is_local, reachable
from .ports import PortRange, PortsExhausted
from .relay import Relay, Session, Silence
from .route import Mode, Party, Way, decide, merged
from .stats import Report, Stream

__all__ = [
    "Endpoint",
    "Handling",
    "Latch",
    "Mode",
    "Own",
    "Party",
    "PortRange",
    "PortsExhausted",
    "Rank",
    "Relay",
    "Report",
    "Session",
    "Silence",
    "Stream",
    "Tap",
    "Way",
    "behind_nat",
    "decide",
    "is_local",
    "merged",
    "reachable",
]
