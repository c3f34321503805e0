"""The RADIUS protocol as pure values: packets in, packets out."""

PURPOSE = "radius"
"""For which the secrets of servers are sealed (`apps.core.sealed`)."""
