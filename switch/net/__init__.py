"""The switch's sockets: whole messages as bytes with the flow they came on; no SIP is parsed here."""

from .codec import Framer
from .config import ConfigError, NetConfig, own_port
from .counters import Counters
from .firewall import Firewall, Sources, Tables
from .flow import SECURE, Flow, Reason
from .net import Net
from .pem import TlsFiles

__all__ = [
    "SECURE",
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
