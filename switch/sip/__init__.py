"""Sans-I/O SIP: values in, values out. No sockets, no clock, no framework (RFC 3261).

Read from the bottom up: `grammar` (lists, parameters, quotes) → `uri` → `headers` → `message` → `stream` · `sdp` · `digest` →
`ids` · `timers` → `client` · `server` → `transaction` → `dialog`.
"""
