"""Who is believed to be the party."""

from __future__ import annotations

import pytest

from switch.media import Latch, Rank

SDP = ("10.0.0.5", 4000)
PHONE = ("203.0.113.5", 61000)
STRANGER = ("198.51.100.66", 9999)


def latch(*, signalling: str | None = "203.0.113.5", symmetric: bool = False) -> Latch:
    made = Latch(settle=2.0)
    made.expect(SDP, signalling, symmetric)
    return made


def test_before_anything_comes_media_goes_to_the_signalled_address() -> None:
    assert latch().target == SDP


@pytest.mark.parametrize(
    ("source", "rank"),
    [
        (SDP, Rank.EXACT),
        (("10.0.0.5", 4002), Rank.HOST),
        (PHONE, Rank.SIGNALLING),
        (("203.0.113.5", 4000), Rank.SIGNALLING),
        (STRANGER, Rank.NONE),
    ],
)
def test_a_source_is_ranked_by_what_signalling_said(source: tuple[str, int], rank: Rank) -> None:
    made = latch()
    assert made.rank_of(source) is rank
    assert made.consider(source, 0, is_media=True) is (rank > Rank.NONE)
    assert made.target == (source if rank > Rank.NONE else SDP)


@pytest.mark.req("media-038")
def test_an_unknown_address_is_believed_only_for_a_symmetric_party() -> None:
    assert not latch().consider(STRANGER, 0, is_media=True)
    assert latch(symmetric=True).consider(STRANGER, 0, is_media=True)


def test_without_any_sdp_nobody_is_believed() -> None:
    made = Latch(settle=2.0)
    assert not made.consider(PHONE, 0, is_media=True)
    made.expect(None, PHONE[0], True)
    assert not made.consider(PHONE, 0, is_media=True)


def test_who_guesses_the_port_first_is_replaced_by_the_real_one() -> None:
    made = latch(symmetric=True)
    assert made.consider(STRANGER, 0, is_media=True)
    assert made.consider(PHONE, 1, is_media=True)
    assert not made.consider(STRANGER, 1.1, is_media=True)
    assert made.source == made.target == PHONE


def test_the_real_one_is_never_replaced_by_an_equal_or_a_lower() -> None:
    made = latch(symmetric=True)
    assert made.consider(PHONE, 0, is_media=True)
    assert not made.consider(("203.0.113.5", 61002), 0.1, is_media=True)
    assert not made.consider(STRANGER, 0.1, is_media=True)


def test_after_the_settling_time_even_the_exact_address_changes_nothing() -> None:
    made = latch()
    made.consider(PHONE, 0, is_media=True)
    assert not made.consider(SDP, 2.1, is_media=True)
    assert made.source == PHONE


def test_the_settling_time_is_not_prolonged_by_a_replacement() -> None:
    made = latch(symmetric=True)
    made.consider(STRANGER, 0, is_media=True)
    made.consider(PHONE, 1.5, is_media=True)
    assert not made.consider(SDP, 2.5, is_media=True)


def test_what_is_no_rtp_is_believed_only_from_the_exact_address() -> None:
    made = latch(symmetric=True)
    assert not made.consider(PHONE, 0, is_media=False)
    assert not made.consider(STRANGER, 0, is_media=False)
    assert made.consider(SDP, 0, is_media=False)


def test_the_same_sdp_again_keeps_what_was_learned() -> None:
    made = latch()
    made.consider(PHONE, 0, is_media=True)
    assert not made.expect(SDP, "203.0.113.5", False)
    assert made.source == made.target == PHONE


def test_a_changed_sdp_opens_the_latch_and_sends_to_the_new_address() -> None:
    made = latch()
    made.consider(SDP, 0, is_media=True)
    moved = ("10.0.0.5", 5000)
    assert made.expect(moved, "203.0.113.5", False)
    assert (made.source, made.target) == (None, moved)


def test_late_packets_of_the_old_port_do_not_keep_the_new_one_out() -> None:
    made = latch()
    made.consider(PHONE, 0, is_media=True)
    made.expect(("10.0.0.5", 5000), "203.0.113.5", False)
    assert made.consider(PHONE, 10, is_media=True)
    assert made.rank is Rank.PREVIOUS
    after = ("203.0.113.5", 62000)
    assert made.consider(after, 10.1, is_media=True)
    assert made.target == after


def test_hold_stops_sending_and_keeps_what_was_learned() -> None:
    made = latch()
    made.consider(PHONE, 0, is_media=True)
    made.expect(None, "203.0.113.5", False)
    assert (made.target, made.source) == (None, PHONE)
    made.expect(SDP, "203.0.113.5", False)
    assert made.target == PHONE
