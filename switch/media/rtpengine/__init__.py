"""rtpengine as the media engine: its control protocol, its nodes, and the calls that it carries for us."""

from .bencode import BadBencode, decode, encode
from .client import Client
from .nodes import Node, Nodes, parse_nodes
from .session import NgSession

__all__ = ["BadBencode", "Client", "NgSession", "Node", "Nodes", "decode", "encode", "parse_nodes"]
