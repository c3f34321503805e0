"""Everything that the command `mizu` does: prepare the machine, start, watch, stop, test, lint."""
