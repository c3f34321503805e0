"""Media: endpoints that hear and speak, joined into sessions by the worker's own relay."""

from . import events, g711, tones
from .dtmf import Conversion, Wanted
from .endpoint import Endpoint, Tap
from .events import Timing
from .latch import Latch, Rank
from .nat import UNSPECIFIED, Handling, Own, behind_nat, is_address, is_local, reachable
from .ports import PortRange, PortsExhausted
from .relay import Relay, Session, Silence
from .route import Mode, Party, Way, decide, merged
from .rtpengine import Client, NgSession, parse_nodes
from .srtp import Keys, Srtp, keys_for, without_engine
from .stats import Report, Stream

__all__ = [
    "UNSPECIFIED",
    "Client",
    "Conversion",
    "Endpoint",
    "Handling",
    "Keys",
    "Latch",
    "Mode",
    "NgSession",
    "Own",
    "Party",
    "PortRange",
    "PortsExhausted",
    "Rank",
    "Relay",
    "Report",
    "Session",
    "Silence",
    "Srtp",
    "Stream",
    "Tap",
    "Timing",
    "Wanted",
    "Way",
    "behind_nat",
    "decide",
    "events",
    "g711",
    "is_address",
    "is_local",
    "keys_for",
    "merged",
    "parse_nodes",
    "reachable",
    "tones",
    "without_engine",
]
