"""URIs and name-addrs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.sip.grammar import BadValue
from switch.sip.uri import NameAddr, Uri


def test_a_full_uri_is_taken_apart():
    uri = Uri.parse("sips:al%69ce:secret@[2001:db8::1]:5071;transport=TCP;lr?Subject=x&Priority=urgent")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.address, uri.port) == (
        "sips", "alice", "secret", "[2001:db8::1]", "2001:db8::1", 5071,
    )  # fmt: skip
    assert (uri.transport, uri.params, uri.headers) == (
        "tcp",
        {"transport": "TCP", "lr": None},
        "Subject=x&Priority=urgent",
    )


def test_a_tel_uri_has_its_number_as_user():
    uri = Uri.parse("tel:+49-30-123;phone-context=example.com")
    assert (uri.scheme, uri.user, uri.param("phone-context")) == ("tel", "+49-30-123", "example.com")


@given(
    st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=30),
    st.integers(0, 65535) | st.none(),
)
def test_any_user_survives_a_round_trip(user, port):
    uri = Uri("sip", user, "example.net", port, {"user": "phone", "lr": None})
    assert Uri.parse(str(uri)) == uri
    assert Uri.parse(str(uri)).user == user


@given(st.text(max_size=40))
def test_any_text_is_a_uri_or_refused(text):
    for read in (Uri.parse, NameAddr.parse):
        for prefix in ("", "sip:", "<sip:"):
            try:
                str(read(prefix + text))
            except BadValue:
                continue


@pytest.mark.parametrize(
    "text",
    ["", "sip:", "sip:@host", "sip:a@", "sip:a@b@c:x", "sip:a@b:70000", "sip:a@b:", "sip:a b@c", "sip:a@b;;x", "sip:a@b;x;x", "sip:a@[::1",
     "sip:a@-x", "sip:a%4@b", "tel:", "tel:abc xyz", "1sip:a", "sip:a@b;x=\r\ny"],
)  # fmt: skip
def test_a_malformed_uri_is_refused(text):
    with pytest.raises(BadValue):
        Uri.parse(text)


def test_a_changed_copy_is_written_anew():
    uri = Uri.parse("sip:alice@example.net;transport=tcp")
    assert str(uri.replace(user="+1 2", params={})) == "sip:+1%202@example.net"
    assert str(uri) == "sip:alice@example.net;transport=tcp"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", True),
        ("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", True),
        ("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", True),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
        ("sip:a@b", "sips:a@b", False),
        ("sip:a@b;maddr=x", "sip:a@b", False),
        ("tel:+1-201-555-0123", "tel:+12015550123", True),
        ("tel:+12015550123", "tel:+12015550124", False),
        ("urn:a", "urn:a", True),
    ],
)  # fmt: skip
def test_uris_are_compared_as_the_rfc_says(one, other, same):
    assert Uri.parse(one).same_as(Uri.parse(other)) is same
    assert Uri.parse(other).same_as(Uri.parse(one)) is same


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        (
            '"A. G. \\"Bell\\"" <sip:bell@example.com>;tag=43',
            'A. G. "Bell"',
            "sip:bell@example.com",
            {"tag": "43"},
        ),
        ("Bell <sip:b@c;lr>", "Bell", "sip:b@c;lr", {}),
        ("sip:b@c;tag=1", "", "sip:b@c", {"tag": "1"}),
        ("<tel:+123> ; tag = 1", "", "tel:+123", {"tag": "1"}),
        ('<sip:b@c>;+sip.instance="<urn:uuid:1>"', "", "sip:b@c", {"+sip.instance": '"<urn:uuid:1>"'}),
        (
            "Anonymous <sip:anonymous@anonymous.invalid>;tag=x",
            "Anonymous",
            "sip:anonymous@anonymous.invalid",
            {"tag": "x"},
        ),
    ],
)
def test_a_name_addr_is_taken_apart_and_written_back(text, display, uri, params):
    address = NameAddr.parse(text)
    assert (address.display, address.uri_text, address.params, address.tag) == (
        display,
        uri,
        params,
        params.get("tag"),
    )
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        '"a <sip:b@c>',
        "a, b <sip:b@c>",
        "<sip:b@c",
        "sip:b@c>",
        "< sip:b@c >",
        "<sip:b@c>x",
        "b@c",
        "<sip:b@c>;;",
    ],
)
def test_a_malformed_name_addr_is_refused(text):
    with pytest.raises(BadValue):
        NameAddr.parse(text)
