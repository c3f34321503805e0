"""Who proves to be whom: digest authentication of requests against the world's credentials (RFC 3261 §22, RFC 8760)."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switch.call.sources import abroad
from switch.outside import gate
from switch.outside.gate import Gate
from switch.sip.digest import MD5, SHA256, Authenticator, Credentials, Verdict
from switch.sip.grammar import BadValue
from switch.sip.message import Header, Request
from switch.world.world import Credential, World

if TYPE_CHECKING:
    from switch.call.model import Caller

log = logging.getLogger("switch.auth")

#: Of the setting `useshadigestauh`, the strongest first.
ALGORITHMS_OF = {"md5": (MD5,), "sha256": (SHA256,), "both": (SHA256, MD5)}
UNAUTHORIZED, PROXY_REQUIRED = 401, 407
_NAMES = {
    UNAUTHORIZED: ("Authorization", "WWW-Authenticate"),
    PROXY_REQUIRED: ("Proxy-Authorization", "Proxy-Authenticate"),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Not proved: the answer to send."""

    status: int
    headers: tuple[Header, ...] = ()
    wrong: bool = False  # a secret was given, and it was wrong


AWAY = Refused(503, (("Retry-After", "10"),))
"""Who knows the secret does not answer."""
STALE = Refused(401)
"""Nobody was asked, because the challenge is not one that may still be answered."""


class Doorkeeper:
    """Checks digests. `secret` is shared by the workers of a node: a nonce of one is known to the others as ours.

    Which nonces were used is remembered by the worker that made them, and by nobody after its end. So a right answer to
    another worker's nonce, or to one from before a restart, is `stale`: the phone is asked again at once with a nonce of
    this worker, and answers without asking its user. What was overheard is good for nothing anywhere. In practice
    nobody is asked twice: a phone's address and its Call-ID both lead to one worker.
    """

    def __init__(
        self, world: World, secret: bytes, guesser: Callable[[str, int], None] = lambda host, port: None
    ) -> None:
        """`guesser` is told the address and port of everybody who gives a wrong secret."""
        self._secret = hashlib.sha256(b"nonce:" + secret).digest()
        self._nobody = secrets.token_hex(16)
        self._guesser = guesser
        self.gate: Gate | None = None
        """Where secrets are checked that others know."""
        self._memory = secrets.token_hex(4)
        self._authenticator = self._made(world)
        self.wrong = 0
        self.on_asked: Callable[[str], None] = lambda host: None
        """Told the address of everybody who is asked for a password."""
        self.on_proved: Callable[[str], None] = lambda host: None
        """Told the address of everybody who gave the right one."""

    def _made(self, world: World) -> Authenticator:
        settings = world.settings
        made = Authenticator(
            settings.sip_realm, self._secret, lifetime=settings.nonce_seconds, memory=self._memory
        )
        made.algorithms = ALGORITHMS_OF[settings.useshadigestauh]
        return made

    def follow(self, world: World) -> None:
        """Settings may have changed."""
        if self._authenticator.realm != world.settings.sip_realm:
            self._authenticator = self._made(world)
        self._authenticator.lifetime = world.settings.nonce_seconds
        self._authenticator.algorithms = ALGORITHMS_OF[world.settings.useshadigestauh]

    def prove(
        self, request: Request, world: World, now: float, status: int, host: str, port: int
    ) -> Credential | Refused:
        """The credential that the request proves, or the answer that asks for (another) proof.

        `status` 401 or 407 says which headers are used. An unknown user name is checked against a secret that
        nobody has, so that it takes as long as a known one and gets the same answer.
        """
        name, asking = _NAMES[status]
        given = self._given(request, name)
        account = self._outsider(request, world)
        only = gate.algorithms_for(account, world) if account is not None else None
        if given is None:
            self.on_asked(host)
            return self._ask(now, status, asking, only=only)
        credential = world.credential(given.username)
        ha1 = self._ha1(credential, given.algorithm)
        right = self._said_outside(credential, given, request.method, world)
        if right is STALE:
            return self._ask(now, status, asking, stale=True, only=only)
        if isinstance(right, Refused):
            return right
        verdict = self._authenticator.check(
            given, method=request.method, uri=request.uri, ha1=ha1, now=now, right=right
        )
        if verdict is Verdict.GOOD and credential is not None:
            self.on_proved(host)
            return self._from_here(credential, request.method, world, host)
        if verdict is Verdict.OTHER_URI:
            return Refused(400)
        if verdict is Verdict.WRONG:
            self.wrong += 1
            log.warning("wrong secret in %s from %s", request.method, host)
            self._guesser(host, port)
        return self._ask(
            now, status, asking, stale=verdict is Verdict.STALE, wrong=verdict is Verdict.WRONG, only=only
        )

    def _from_here(
        self, credential: Credential, method: str, world: World, host: str
    ) -> Credential | Refused:
        """The credential, unless its account may not be used from that country; a call is refused later, for its record."""
        account = world.account(credential.account_id) if world.countries is not None else None
        if account is None or method == "INVITE" or not (why := abroad(account, host, world)):
            return credential
        log.warning("account=%s: %s refused: %s", account.username, method, why)
        return Refused(403)

    def outside(self, request: Request, world: World, now: float) -> Credentials | None:
        """The digest that somebody else has to check, if it may be right at all."""
        for name, _asking in _NAMES.values():
            given = self._given(request, name)
            if given is not None and self._authenticator.is_current(given, now):
                credential = world.credential(given.username)
                account = world.account(credential.account_id) if credential is not None else None
                if account is not None and world.settings_of(account).externalauth != "no":
                    return given
        return None

    def _outsider(self, request: Request, world: World) -> Caller | None:
        """Who says to be calling, if others know the secret."""
        if not world.asks_outside or self.gate is None:
            return None
        credential = world.credential(request.from_.uri.user)
        return world.account(credential.account_id) if credential is not None else None

    def _said_outside(
        self, credential: Credential | None, given: Credentials, method: str, world: World
    ) -> bool | Refused | None:
        """What somebody else says of the digest; None: it is ours to judge."""
        if not world.asks_outside or self.gate is None or credential is None:
            return None
        account = world.account(credential.account_id)
        if account is None or world.settings_of(account).externalauth == "no":
            return None
        said = self.gate.verdict(given, method)
        if said is None:  # the nonce is too old or not ours: asked anew, whatever our own secret would say
            return STALE
        if said.right is None:
            return None if world.settings.externalauth_away == "local" else AWAY
        return said.right

    def _given(self, request: Request, name: str) -> Credentials | None:
        """The credentials for our realm, of several."""
        for value in request.all(name):
            try:
                found = Credentials.parse(value)
            except BadValue:
                continue
            if found.realm == self._authenticator.realm:
                return found
        return None

    def _ha1(self, credential: Credential | None, algorithm: str) -> str:
        if credential is None or credential.realm != self._authenticator.realm:
            return self._nobody
        return {MD5: credential.ha1_md5, SHA256: credential.ha1_sha256}.get(algorithm) or self._nobody

    def _ask(
        self,
        now: float,
        status: int,
        asking: str,
        *,
        stale: bool = False,
        wrong: bool = False,
        only: tuple[str, ...] | None = None,
    ) -> Refused:
        challenges = self._authenticator.challenges(now, stale=stale, algorithms=only)
        return Refused(status, tuple((asking, value) for value in challenges), wrong)
