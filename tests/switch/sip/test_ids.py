"""Branches and tags that name their worker."""

import pytest

from switch.sip.ids import Ids, label_of
from switch.sip.message import parse, response_to

from . import make


def test_identifiers_are_unique_and_carry_the_label():
    ids = Ids("w12")
    made = {ids.branch() for _ in range(3000)} | {ids.tag() for _ in range(3000)}
    assert len(made) == 6000
    assert all(one.startswith(("z9hG4bK-w12-", "w12-")) and len(one.rpartition("-")[2]) == 16 for one in made)


def test_a_response_names_the_worker_in_its_branch():
    request = make.request(branch=Ids("w2").branch(), to_tag="w7-x")
    assert label_of(response_to(request, 200).encode()) == "w2"


@pytest.mark.parametrize("spelling", [b"To: ", b"t:", b"TO : ", b"to:\r\n "])
def test_a_request_names_the_worker_in_its_to_tag(spelling):
    data = make.request("BYE", to_tag=Ids("w3").tag()).encode().replace(b"To: ", spelling)
    assert label_of(data) == "w3"
    assert parse(data).to.tag.startswith("w3-")


def test_a_new_request_names_nobody():
    assert label_of(make.request(branch="z9hG4bK-w1-theirs").encode()) is None
    assert label_of(b"garbage") is None


@pytest.mark.parametrize("label", ["", "a-b", "x" * 17, "ä"])
def test_a_label_is_letters_and_digits(label):
    with pytest.raises(ValueError, match="label"):
        Ids(label)
