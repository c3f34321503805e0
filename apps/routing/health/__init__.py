"""Whether trunks do what they are there for: what came of calls, who is passed over for how long, and why (guide 3437-3520)."""
