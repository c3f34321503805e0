"""The number that a carrier is asked for."""

from __future__ import annotations

from switch.call.model import Caller, TrunkAddress
from switch.call.stages.state import Call
from switch.world.world import World


def sent(call: Call, world: World, carrier: Caller, trunk: TrunkAddress, called: str = "") -> str:
    """The number that the carrier is asked for (`called`: instead of the call's): what the settings `outgoingprefix…` make of it, and its prefix before that.

    The tech prefix that the call came with goes along where the carrier's setting `techprefixhandling` says so.
    """
    number = world.normaliser(carrier).plan.outgoing.apply((called or call.called)[trunk.strip_digits :])
    if call.tech_prefix and world.settings_of(carrier).techprefixhandling == "forward":
        number = call.tech_prefix + number
    return trunk.prefix + number
