"""The RADIUS protocol as pure values: packets in, packets out."""
