"""Digest authentication, both sides, from HA1 alone (RFC 3261 §22, RFC 7616, RFC 8760; RFC 2617 for peers without qop)."""

import hashlib
import hmac
import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from switch.sip.grammar import BLANKS, BadValue, is_token, quote, split_outside, unquote
from switch.sip.ids import random_digits
from switch.sip.uri import Uri

MD5, SHA256 = "MD5", "SHA-256"
ALGORITHMS = (SHA256, MD5)
"""In the order in which we offer and prefer them."""
NONCE_LIFETIME = 300
NONCES_TRACKED = 100_000
_MAX_HEADER = 4096
_VALUE = re.compile(r"[^\s\",]*|\"(?:[^\"\\]|\\.)*\"", re.S)
_USED_UP = 2**32


def digest(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == SHA256:
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def make_ha1(username: str, realm: str, password: str, algorithm: str) -> str:
    """What is stored instead of a password: H(username:realm:password), lower-case hexadecimal."""
    return digest(algorithm, f"{username}:{realm}:{password}")


def _response(
    algorithm: str, ha1: str, *, method: str, uri: str, nonce: str, nc: str, cnonce: str, qop: str
) -> str:
    """RFC 7616 §3.4.1; without qop as RFC 2069 had it."""
    ha2 = digest(algorithm, f"{method}:{uri}")
    if not qop:
        return digest(algorithm, f"{ha1}:{nonce}:{ha2}")
    return digest(algorithm, f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def _auth_params(value: str) -> dict[str, str]:
    """`Digest a="b", c=d` as a mapping with lower-case names, unquoted. BadValue when it is malformed or another scheme."""
    scheme, _, rest = value.strip(BLANKS).partition(" ")
    if scheme.lower() != "digest" or len(value) > _MAX_HEADER:
        raise BadValue("not a Digest header")
    params: dict[str, str] = {}
    for piece in split_outside(rest, ","):
        name, equals, text = piece.partition("=")
        name = name.strip(BLANKS).lower()
        text = text.strip(BLANKS)
        if not equals or name in params or _VALUE.fullmatch(text) is None:
            raise BadValue("malformed Digest header")
        params[name] = unquote(text)
    return params


def _algorithm(params: dict[str, str]) -> str:
    return params.get("algorithm", MD5).upper()


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks for."""

    realm: str
    nonce: str
    algorithm: str = MD5
    qop: tuple[str, ...] = ("auth",)
    stale: bool = False
    opaque: str | None = None

    @classmethod
    def parse(cls, value: str) -> "Challenge":
        """Read a WWW-Authenticate or Proxy-Authenticate value; BadValue when malformed or not Digest."""
        params = _auth_params(value)
        if "nonce" not in params or "realm" not in params:
            raise BadValue("a challenge needs realm and nonce")
        words = [word.strip(BLANKS).lower() for word in params.get("qop", "").split(",")]
        offered = tuple(word for word in words if is_token(word))
        stale = params.get("stale", "").lower() == "true"
        return cls(params["realm"], params["nonce"], _algorithm(params), offered, stale, params.get("opaque"))

    def __str__(self) -> str:
        qop = f', qop="{",".join(self.qop)}"' if self.qop else ""
        opaque = f", opaque={quote(self.opaque)}" if self.opaque is not None else ""
        stale = ", stale=true" if self.stale else ""
        return f"Digest realm={quote(self.realm)}, nonce={quote(self.nonce)}{opaque}, algorithm={self.algorithm}{qop}{stale}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sent in Authorization or Proxy-Authorization."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = MD5
    qop: str = ""
    cnonce: str = ""
    nc: str = ""

    @classmethod
    def parse(cls, value: str) -> "Credentials":
        """BadValue when malformed or not Digest (answer 400, or challenge anew)."""
        params = _auth_params(value)
        missing = {"username", "realm", "nonce", "uri", "response"} - params.keys()
        if missing:
            raise BadValue(f"credentials without {min(missing)}")
        named = {name: params[name] for name in ("username", "realm", "nonce", "uri", "response")}
        qop = params.get("qop", "").lower()
        return cls(
            **named,
            algorithm=_algorithm(params),
            qop=qop,
            cnonce=params.get("cnonce", ""),
            nc=params.get("nc", ""),
        )


class Verdict(Enum):
    """What came of a check."""

    GOOD = "good"
    STALE = "stale"
    """Right or not, the nonce is too old or was used before: challenge again with stale=true."""
    WRONG = "wrong"
    """The secret is wrong."""
    FOREIGN = "foreign"
    """Another realm, an unknown algorithm or qop, a nonce that is not ours: challenge anew."""
    OTHER_URI = "other uri"
    """Made for another called number than the request's: answer 400 (RFC 7616 §3.4.6)."""


class Authenticator:
    """The server side. Nonces hold their time and an HMAC, so that every worker with the same `secret` knows them without a table.

    Only used nonces are remembered, at most `capacity`: when it is full, the oldest are forgotten and everything issued up to them
    counts as stale, so that a replay never passes. The memory is this worker's own.
    """

    __slots__ = ("_floor", "_secret", "_used", "algorithms", "capacity", "lifetime", "memory", "realm")

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        lifetime: int = NONCE_LIFETIME,
        capacity: int = NONCES_TRACKED,
        memory: str = "",
    ) -> None:
        """`memory` (hexadecimal) names whose memory of used nonces this is: a nonce of another is stale here. "": accept all."""
        if '"' in realm or "\\" in realm or not secret:
            raise ValueError("a realm without quotes and a secret are needed")
        self.realm = realm
        self.lifetime = lifetime
        self.capacity = capacity
        self.memory = memory
        self.algorithms: tuple[str, ...] = ALGORITHMS
        self._secret = secret
        self._used: OrderedDict[str, int] = OrderedDict()
        self._floor = 0

    def challenges(
        self, now: float, *, stale: bool = False, algorithms: tuple[str, ...] | None = None
    ) -> list[str]:
        """Header values, one per algorithm that is accepted, the strongest first (RFC 8760 §2.3). `now` is epoch seconds.

        `algorithms`: to ask for others than those."""
        nonce, asked = self.nonce(now), self.algorithms if algorithms is None else algorithms
        return [str(Challenge(self.realm, nonce, algorithm, stale=stale)) for algorithm in asked]

    def is_current(self, given: Credentials, now: float) -> bool:
        """Whether the digest answers a challenge of ours that may still be answered; whether it is right is another question."""
        issued = self._issued(given.nonce)
        return (
            given.realm == self.realm
            and given.qop in {"", "auth"}
            and issued is not None
            and now - issued <= self.lifetime
            and given.nonce.partition(".")[2].startswith(self.memory)
        )

    def nonce(self, now: float) -> str:
        text = f"{int(now):x}.{self.memory}{random_digits(16)}"
        return f"{text}.{self._seal(text)}"

    def _seal(self, text: str) -> str:
        sealed = f"{self.realm}:{text}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._secret, sealed, "sha256").hex()[:32]

    def _issued(self, nonce: str) -> int | None:
        """When we issued the nonce, in epoch seconds; None when we did not."""
        text, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(seal.encode("utf-8", "surrogateescape"), self._seal(text).encode()):
            return None
        return _time_of(text)

    def check(
        self, given: Credentials, *, method: str, uri: str, ha1: str, now: float, right: bool | None = None
    ) -> Verdict:
        """Judge credentials by the HA1 stored for `given.username`, `given.realm` and `given.algorithm`.

        `right`: what somebody else says, who knows the secret, of the digest; then `ha1` is not looked at, and any algorithm will do.

        1. Realm, algorithm, qop and nonce must be ours. 2. The digest must fit. 3. The called number must be the one it was made for.
        4. The nonce must be young, its count higher than any before; without qop a nonce serves once.
        """
        issued = self._issued(given.nonce)
        if given.realm != self.realm or given.qop not in {"", "auth"} or issued is None:
            return Verdict.FOREIGN
        if right is None and given.algorithm not in self.algorithms:
            return Verdict.FOREIGN
        if not (fits(given, method=method, ha1=ha1) if right is None else right):
            return Verdict.WRONG
        if not _same_number(given.uri, uri):
            return Verdict.OTHER_URI
        if not given.nonce.partition(".")[2].startswith(self.memory):
            return Verdict.STALE
        if now - issued > self.lifetime or issued < self._floor or not self._count(given, now):
            return Verdict.STALE
        return Verdict.GOOD

    def _count(self, given: Credentials, now: float) -> bool:
        """Note a use of the nonce; False when this count or a higher one was used before."""
        count = _USED_UP
        if given.qop:
            try:
                count = int(given.nc, 16)
            except ValueError:
                return False
        if count <= self._used.get(given.nonce, 0):
            return False
        self._used[given.nonce] = count
        self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        """Drop nonces that are too old to pass anyway, and the oldest when there are too many."""
        used = self._used
        while used:
            issued = _time_of(next(iter(used)))
            if now - issued <= self.lifetime and len(used) <= self.capacity:
                return
            used.popitem(last=False)
            if now - issued <= self.lifetime:
                self._floor = max(self._floor, issued + 1)


def _time_of(nonce: str) -> int:
    """The epoch seconds in a nonce of ours."""
    return int(nonce.partition(".")[0], 16)


def fits(given: Credentials, *, method: str, ha1: str) -> bool:
    """Whether the digest was made with the secret of this HA1."""
    response = given.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(_expected(given, method, ha1), response)


def _expected(given: Credentials, method: str, ha1: str) -> bytes:
    return _response(
        given.algorithm,
        ha1,
        method=method,
        uri=given.uri,
        nonce=given.nonce,
        nc=given.nc,
        cnonce=given.cnonce,
        qop=given.qop,
    ).encode()


def _same_number(mine: str, theirs: str) -> bool:
    """A proxy between us may have changed the host; the called number must be the same.

    Some user agents (SIPp, a few gateways) name the server only. They protect less of their own calls, nobody else's.
    """
    if mine == theirs:
        return True
    try:
        named = Uri.parse(mine).user
        return not named or named == Uri.parse(theirs).user
    except BadValue:
        return False


def choose(values: Iterable[str]) -> Challenge | None:
    """The strongest challenge that we can answer, of all WWW-/Proxy-Authenticate values; None when there is none."""
    found: list[Challenge] = []
    for value in values:
        try:
            found.append(Challenge.parse(value))
        except BadValue:
            continue
    usable = [c for c in found if c.algorithm in ALGORITHMS and (not c.qop or "auth" in c.qop)]
    return min(usable, key=lambda c: ALGORITHMS.index(c.algorithm), default=None)


def authorize(
    challenge: Challenge, *, method: str, uri: str, username: str, ha1: str, nc: int = 1, cnonce: str = ""
) -> str:
    """The Authorization (or Proxy-Authorization) value; `ha1` made with the challenge's realm and algorithm (`make_ha1`)."""
    qop = "auth" if "auth" in challenge.qop else ""
    count = f"{nc:08x}"
    cnonce = cnonce or os.urandom(8).hex()
    response = _response(
        challenge.algorithm,
        ha1,
        method=method,
        uri=uri,
        nonce=challenge.nonce,
        nc=count,
        cnonce=cnonce,
        qop=qop,
    )
    parts: Sequence[str] = (
        f"username={quote(username)}", f"realm={quote(challenge.realm)}", f"nonce={quote(challenge.nonce)}", f"uri={quote(uri)}",
        f'response="{response}"', f"algorithm={challenge.algorithm}",
        *((f"qop={qop}", f"nc={count}", f'cnonce="{cnonce}"') if qop else ()),
        *((f"opaque={quote(challenge.opaque)}",) if challenge.opaque is not None else ()),
    )  # fmt: skip
    return "Digest " + ", ".join(parts)
