"""The ng protocol, nodes and their silence, with a clock moved by hand and a node that answers or does not."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from switch.media.rtpengine import BadBencode, Client, NgSession, Node, Nodes, decode, encode, parse_nodes
from switch.media.rtpengine.session import NoNode
from tests.switch.loop import Loop

A, B = Node("127.0.0.1", 1001), Node("127.0.0.1", 1002)

values = st.recursive(
    st.integers(-(10**15), 10**15) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_what_is_encoded_is_decoded_to_the_same(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with contextlib.suppress(BadBencode):
        decode(data)


@pytest.mark.parametrize("data", [b"l" * 5000, b"i-e", b"9:ab", b"d3:abce", b"i1ei2e", b"", b"di1ei2ee"])
def test_what_is_no_bencode_is_named_so(data: bytes) -> None:
    with pytest.raises(BadBencode):
        decode(data)


def test_nodes_are_read_with_their_weights() -> None:
    assert parse_nodes(["127.0.0.1:22222", "[::1]:5=3"]) == (Node("127.0.0.1", 22222, 1), Node("::1", 5, 3))
    for wrong in ("example.com:1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:5=0", "127.0.0.1:x"):
        with pytest.raises(ValueError, match=wrong.partition("=")[0].partition(":")[0]):
            parse_nodes([wrong])


def test_calls_are_spread_by_weight_and_a_call_stays_where_it_is() -> None:
    nodes = Nodes()
    nodes.follow((A, Node("127.0.0.1", 1002, 3)))
    found = Counter(nodes.choose(f"call-{n}").port for n in range(4000))  # type: ignore[union-attr]
    assert 2.6 < found[1002] / found[1001] < 3.4
    assert all(nodes.choose("call-7") == nodes.choose("call-7") for _ in range(5))


def test_a_node_that_is_down_is_passed_over_unless_all_are() -> None:
    nodes = Nodes()
    nodes.follow((A, B))
    nodes.down.add(A)
    assert {nodes.choose(f"c{n}") for n in range(50)} == {B}
    assert nodes.choose("c", {B}) == A
    assert nodes.choose("c", {A, B}) is None


class Timed(Clock):
    """A reactor whose time is moved by hand, with real sockets read by another."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.addReader, self.removeReader = loop.reactor.addReader, loop.reactor.removeReader


@pytest.fixture
def loop() -> Any:
    made = Loop()
    yield made
    made.close()


def node_of(sock: Any) -> Node:
    return Node(*sock.getsockname())


def test_a_command_is_sent_again_and_its_answer_counts_once(loop: Loop) -> None:
    clock, sock, replies = Timed(loop), loop.udp(), []
    client = Client(clock)  # type: ignore[arg-type]
    client.follow((node_of(sock),))
    client.ask(node_of(sock), "ping", {"a": 1}, replies.append)
    first = loop.receive(sock)
    clock.advance(0.5)
    assert loop.receive(sock) == first
    cookie, _, body = first.partition(b" ")
    assert decode(body) == {"command": b"ping", "a": 1}
    for other in (b"x d6:result4:ponge", cookie + b" garbage"):
        sock.sendto(other, client._ways[2]._sock.getsockname())
    source = ("127.0.0.1", client._ways[2]._sock.getsockname()[1])
    for _ in range(2):
        sock.sendto(cookie + b" d6:result4:ponge", source)
    loop.until(lambda: replies, "the answer")
    loop.turn()
    assert replies == [{"result": b"pong"}]
    client.stop()


def test_a_node_that_does_not_answer_three_times_is_down_until_it_answers(loop: Loop) -> None:
    clock, sock, replies, down = Timed(loop), loop.udp(), [], []
    client = Client(clock)  # type: ignore[arg-type]
    node = node_of(sock)
    client.follow((node,))
    client.on_down.append(down.append)
    for _ in range(2):
        client.ask(node, "offer", {}, replies.append)
    clock.pump([0.5] * 3)
    assert (replies, down, client.nodes.down) == ([None, None], [node], {node})
    client.start()  # the ping that goes on
    for _ in range(6):
        data = loop.receive(sock)
    source = ("127.0.0.1", client._ways[2]._sock.getsockname()[1])
    data = loop.receive(sock)
    sock.sendto(data.partition(b" ")[0] + b" d6:result4:ponge", source)
    loop.until(lambda: not client.nodes.down, "the node")
    client.stop()


class Scripted:
    """A client whose nodes answer as they are told."""

    def __init__(self, *silent: Node) -> None:
        self.nodes = Nodes()
        self.nodes.follow((A, B))
        self.silent = set(silent)
        self.asked: list[tuple[Node, str, dict[str, Any]]] = []

    def ask(self, node: Node, command: str, fields: dict[str, Any], done: Any) -> None:
        self.asked.append((node, command, fields))
        done(None if node in self.silent else {"result": b"ok", "sdp": b"v=0 " + str(node.port).encode()})


def test_an_offer_goes_to_the_next_node_and_at_last_fails() -> None:
    told: list[Any] = []
    client = Scripted(A)
    for number in range(8):
        NgSession(client, f"c{number}").offer(b"v=0", True, {}, lambda *one: told.append(one))  # type: ignore[arg-type]
    assert set(told) == {(b"v=0 1002", "")}
    assert {node for node, *_ in client.asked} == {A, B}
    client.silent = {A, B}
    told.clear()
    NgSession(client, "c").offer(b"v=0", True, {}, lambda *one: told.append(one))  # type: ignore[arg-type]
    assert told == [(None, "no rtpengine answers")]


def test_an_answer_takes_its_offer_along_to_the_next_node() -> None:
    told: list[Any] = []
    client = Scripted()
    session = NgSession(client, "c")  # type: ignore[arg-type]
    session.offer(b"offer", True, {"x": 1}, lambda *one: None)
    first = session.node
    client.silent = {first}
    session.answer(b"answer", False, {}, lambda *one: told.append(one))
    assert session.moved and session.node != first
    assert [(command, fields["sdp"]) for _, command, fields in client.asked] == [
        ("offer", b"offer"),
        ("answer", b"answer"),
        ("offer", b"offer"),
        ("answer", b"answer"),
    ]
    assert told and told[0][0] is not None


def test_parties_keep_their_tags_and_each_target_has_its_own() -> None:
    client = Scripted()
    session = NgSession(client, "c")  # type: ignore[arg-type]
    nothing = lambda *one: None  # noqa: E731
    session.another_target()
    session.offer(b"1", True, {}, nothing)
    session.another_target()
    session.offer(b"2", True, {}, nothing)
    session.answer(b"3", False, {}, nothing)
    session.offer(b"4", False, {}, nothing)
    tags = [(fields.get("from-tag"), fields.get("to-tag")) for _, _, fields in client.asked]
    assert tags == [("caller", None), ("caller", None), ("caller", "called-2"), ("called-2", "caller")]


def test_without_a_node_there_is_no_session() -> None:
    client = Scripted()
    client.nodes.follow(())
    with pytest.raises(NoNode):
        NgSession(client, "c")  # type: ignore[arg-type]
