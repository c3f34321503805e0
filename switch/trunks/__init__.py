"""Our side of trunks: registrations with carriers, and whether carriers are there.

One worker of a node, the one that holds the lock (`lead`), registers and asks (`keeper`). What it finds, all workers
of the node know (`states`, told through Redis by `switch.live`), and plan by. `registration` and `health` are pure.
"""
