"""Which SIP messages a call was made of: kept for those who ask why, and sent to a capture server (HEP3)."""

from switch.trace.tracer import Tracer

__all__ = ["Tracer"]
