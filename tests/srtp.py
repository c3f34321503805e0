"""SRTP for tests: AES_CM_128_HMAC_SHA1_80 with a key of an SDP (RFC 3711, RFC 4568), independent of rtpengine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAG = 10


def new_key() -> str:
    """Key and salt as they stand after `inline:`."""
    return base64.b64encode(os.urandom(30)).decode()


class Srtp:
    """One direction of a stream; fewer than 65,536 packets."""

    def __init__(self, inline: str) -> None:
        secret = base64.b64decode(inline.partition("|")[0])
        self._salt_of = secret[16:]
        self._master = secret[:16]
        self._key, self._auth, self._salt = self._derived(0, 16), self._derived(1, 20), self._derived(2, 14)

    def _derived(self, label: int, size: int) -> bytes:
        x = int.from_bytes(self._salt_of, "big") ^ label << 48
        return _keystream(self._master, (x << 16).to_bytes(16, "big"), size)

    def _coded(self, packet: bytes) -> bytes:
        sequence, ssrc = packet[2:4], packet[8:12]
        iv = int.from_bytes(self._salt, "big") << 16
        iv ^= int.from_bytes(ssrc, "big") << 64 ^ int.from_bytes(sequence, "big") << 16
        stream = _keystream(self._key, iv.to_bytes(16, "big"), len(packet) - 12)
        return packet[:12] + bytes(a ^ b for a, b in zip(packet[12:], stream, strict=True))

    def protect(self, packet: bytes) -> bytes:
        coded = self._coded(packet)
        return coded + self._tag(coded)

    def unprotect(self, packet: bytes) -> bytes:
        """Raises AssertionError for a packet whose tag is wrong."""
        coded, tag = packet[:-TAG], packet[-TAG:]
        assert hmac.compare_digest(tag, self._tag(coded)), "an SRTP packet with a wrong tag"
        return self._coded(coded)

    def _tag(self, coded: bytes) -> bytes:
        return hmac.new(self._auth, coded + b"\0\0\0\0", hashlib.sha1).digest()[:TAG]


def _keystream(key: bytes, iv: bytes, size: int) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(bytes(size))
