"""Which proofs of a password are asked for, and taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.auth import PROXY_REQUIRED, Doorkeeper, Refused
from switch.sip.digest import MD5, SHA256, Challenge, authorize, make_ha1
from switch.sip.message import Request
from switch.world.world import Credential, World
from tests.support_sip import credential
from tests.switch.worlds import NOW, Office

HOST = "127.0.0.1"
URI = "sip:36201234567@example.com"
ASKED = {"md5": [MD5], "sha256": [SHA256], "both": [SHA256, MD5]}


def world(folder: Path, choice: str | None) -> World:
    office = Office()
    account = office.account("1001")
    office.rows["credentials"].append(credential("1001", "secret", account))
    if choice is not None:
        office.settings["useshadigestauh"] = choice
    return office.world(folder)


def invite(*headers: tuple[str, str]) -> Request:
    return Request("INVITE", URI, [("To", f"<{URI}>"), *headers])


def challenges(found: World) -> tuple[Doorkeeper, list[Challenge]]:
    door = Doorkeeper(found, b"secret")
    refused = door.prove(invite(), found, NOW, PROXY_REQUIRED, HOST, 5060)
    assert isinstance(refused, Refused) and refused.status == 407
    return door, [Challenge.parse(value) for _, value in refused.headers]


def proof(challenge: Challenge) -> tuple[str, str]:
    ha1 = make_ha1("1001", "mizu", "secret", challenge.algorithm)
    return "Proxy-Authorization", authorize(challenge, method="INVITE", uri=URI, username="1001", ha1=ha1)


def test_without_a_word_of_the_operator_phones_that_know_only_md5_can_register(tmp_path: Path) -> None:
    assert [one.algorithm for one in challenges(world(tmp_path, None))[1]] == [MD5]


@pytest.mark.req("auth-039")
@pytest.mark.parametrize("choice", ASKED)
def test_the_operator_chooses_which_digests_are_asked_for_and_taken(tmp_path: Path, choice: str) -> None:
    found = world(tmp_path, choice)
    assert [one.algorithm for one in challenges(found)[1]] == ASKED[choice]
    for place in range(len(ASKED[choice])):
        door, asked = challenges(found)  # those of one answer share a nonce, which is good for one proof
        challenge = asked[place]
        assert isinstance(
            door.prove(invite(proof(challenge)), found, NOW, PROXY_REQUIRED, HOST, 5060), Credential
        )


def test_a_digest_that_was_not_asked_for_is_not_taken(tmp_path: Path) -> None:
    both, strict = world(tmp_path / "both", "both"), world(tmp_path / "strict", "sha256")
    door, asked = challenges(both)
    weak = next(one for one in asked if one.algorithm == MD5)
    door.follow(strict)
    assert isinstance(door.prove(invite(proof(weak)), strict, NOW, PROXY_REQUIRED, HOST, 5060), Refused)
