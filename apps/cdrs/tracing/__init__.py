"""The SIP messages of a call: how they are kept, drawn as a ladder, and written as a capture file. Pure."""
