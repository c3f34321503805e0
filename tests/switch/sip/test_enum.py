"""ENUM: names, records, and regular expressions of strangers (RFC 6116)."""

from __future__ import annotations

import time

import pytest

from switch.sip.enum import apply, domain_of, uris
from switch.sip.locate import Naptr

NUMBER = "442079460148"


def record(
    regexp: str, order: int = 10, preference: int = 10, service: str = "E2U+sip", flags: str = "u"
) -> Naptr:
    return Naptr(order, preference, flags, service, "", regexp)


@pytest.mark.req("enum-001")
def test_the_name_has_the_digits_backwards() -> None:
    assert domain_of(NUMBER, "e164.arpa") == "8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa"
    assert domain_of("36", ".e164.example.") == "6.3.e164.example"


@pytest.mark.req("enum-001")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!^.*$!sip:info@example.com!", "sip:info@example.com"),
        (r"!^\+44(.*)$!sip:\1@example.com!", "sip:2079460148@example.com"),
        (r"!^(\+.*)$!sip:\1@example.com;transport=tcp!", "sip:+442079460148@example.com;transport=tcp"),
        (r"!^\+([0-9]*)$!sip:\1@[2001:db8::1]:5080!", "sip:442079460148@[2001:db8::1]:5080"),
        (r"/^\+442079460148$/sips:bob@example.com/i", "sips:bob@example.com"),
        (r"!^\+43(.*)$!sip:\1@example.com!", ""),
        (r"!^\+44(.*)$!sip:\2@example.com!", ""),
        ("!^(a+)+$!sip:x@example.com!", ""),
        ("!^(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$!sip:x@example.com!", ""),
        ("!.*!sip:x@example.com!", ""),
        ("!^.*$!sip:x@example.com", ""),
        ("!^.*$!sip:x@example.com!g", ""),
        ("^^.*$^sip:x@example.com^", ""),
        ("!^.*$!sip:x\r\nVia: y@example.com!", ""),
        ("!^.*$!" + "s" * 300 + "!", ""),
        ("", ""),
        ("!", ""),
        ("5^.*$5sip:x@example.com5", ""),
    ],
)
def test_what_a_regular_expression_makes_of_a_number(expression: str, expected: str) -> None:
    assert apply(expression, f"+{NUMBER}") == expected


def test_no_expression_takes_long() -> None:
    begun = time.process_time()
    apply("!^" + "(.*)" * 20 + "$!sip:x@example.com!", "+" + "1" * 16)
    apply("!^" + ".*" * 20 + "5$!sip:x@example.com!", "+" + "1" * 16)
    assert time.process_time() - begun < 2


@pytest.mark.req("enum-001")
def test_records_are_taken_by_order_and_preference_and_only_those_for_sip() -> None:
    found = uris(
        [
            record("!^.*$!sip:third@example.com!", 20, 1),
            record("!^.*$!sip:second@example.com!", 10, 20),
            record("!^.*$!sip:first@example.com!", 10, 10),
            record("!^.*$!mailto:info@example.com!", 1, 1, "E2U+email:mailto"),
            record("!^.*$!http://example.com!", 1, 1),
            record("!^.*$!sip:wrong@@!", 1, 1),
            record("!^.*$!sip:next@example.com!", 1, 1, flags=""),
            record("!^.*$!sips:old@example.com!", 30, 1, "sip+E2U"),
        ],
        NUMBER,
    )
    assert [one.user for one in found] == ["first", "second", "third", "old"]
