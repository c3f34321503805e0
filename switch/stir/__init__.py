"""Who really calls: signed caller numbers (STIR: RFC 8224, 8225, 8226; SHAKEN: RFC 8588, ATIS-1000074).

passport     the signed claims as text, and back; no files, no network
credentials  certificates: whose numbers a key may speak for, and who vouches for it
identity     a received Identity header judged, and one made; pure but for the certificate that it asks for
store        certificates of others, fetched once and kept
stir         what a worker's calls ask: `check` a call that comes, `sign` one that goes out
"""
