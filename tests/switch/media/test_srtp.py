"""SRTP policies, pair by pair."""

from __future__ import annotations

import itertools

import pytest

from switch.media import Keys, Srtp, keys_for, without_engine

O, A, B, C, F, R, E = Srtp  # noqa: E741


@pytest.mark.req("media-059")
@pytest.mark.parametrize("carrier", [False, True])
def test_every_pair_of_policies(carrier: bool) -> None:
    for source, target in itertools.product(Srtp, repeat=2):
        plain = keys_for(source, target, secure=False, carrier=carrier)
        if source in {R, E} or target is E:
            assert plain is Keys.REFUSE
        else:
            assert plain is (Keys.ENCRYPT if target in {F, R} else Keys.AS_IS)
        secure = keys_for(source, target, secure=True, carrier=carrier)
        if source is O or (target is O and source is E):
            assert secure is Keys.REFUSE
        elif E in {source, target}:
            assert secure is Keys.AS_IS
        elif target is O or (carrier and target in {A, C}):
            assert secure is Keys.DECODE
        else:
            assert secure is (Keys.AS_IS if target in {A, B} else Keys.BOTH)


def test_without_rtpengine_what_must_be_is_refused_and_the_rest_left() -> None:
    assert without_engine(Keys.ENCRYPT, Srtp.REQUIRE) is Keys.REFUSE
    assert without_engine(Keys.ENCRYPT, Srtp.OFFER) is Keys.AS_IS
    assert without_engine(Keys.DECODE, Srtp.OFF) is Keys.REFUSE
    assert without_engine(Keys.DECODE, Srtp.ACCEPT) is Keys.AS_IS
    assert without_engine(Keys.BOTH, Srtp.ACCEPT) is Keys.AS_IS
    assert without_engine(Keys.REFUSE, Srtp.ACCEPT) is Keys.REFUSE
