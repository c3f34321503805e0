"""The switch's sockets: whole messages as bytes with the flow they came on; no SIP is parsed here."""

from .certificates import TlsFiles
from .codec import Framer
from .config import ConfigError, NetConfig, own_port
from .counters import Counters
from .firewall import Firewall, Sources, Tables
from .flow import Flow, Reason
from .net import Net

__all__ = [
    "ConfigError",
    "Counters",
    "Firewall",
    "Flow",
    "Framer",
    "Net",
    "NetConfig",
    "Reason",
    "Sources",
    "Tables",
    "TlsFiles",
    "own_port",
]
