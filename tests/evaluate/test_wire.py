"""Frames of hostile players: decoding is bounded in nodes, collisions, copies and nesting."""

import contextlib

import msgpack
import pytest

from genopt_tui.evaluate import wire
from genopt_tui.evaluate.tracer import BadCalls, validate_calls
from genopt_tui.evaluate.wire import WireError, pack, unpack

PRIME = 2**61 - 1  # whole multiples of it have the same hash


def extension(code: int, body: bytes) -> bytes:
    return bytes(msgpack.packb(msgpack.ExtType(code, body)))


@pytest.mark.parametrize(
    "value",
    [
        {i: i for i in range(4096)},
        set(range(60_000)),
        frozenset({(1, "a"), (2, "b")}),
        {"a": [1, {2: (3, 4)}], "b": 1 << 100},
        [[] for _ in range(200_000)],
    ],
)
def test_what_is_sent_arrives(value):
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("code", [wire.SET, wire.FROZENSET])
def test_a_set_of_colliding_integers_is_refused(code):
    body = bytes(msgpack.packb([i * PRIME for i in range(8)] + list(range(100))))
    assert len(unpack(extension(code, body))) == 107
    body = bytes(msgpack.packb([i * PRIME % 2**64 for i in range(8)] * 40))
    with pytest.raises(WireError, match="same hash"):
        unpack(extension(code, body))


def test_colliding_keys_are_refused():
    body = b"".join(
        extension(wire.TUPLE, bytes(msgpack.packb([PRIME * (i % 8)]))) + b"\x00" for i in range(800)
    )
    with pytest.raises(WireError, match="same hash"):
        unpack(b"\xde" + (800).to_bytes(2, "big") + body)


def test_recorded_calls_with_colliding_keys_are_refused():
    keys = b"".join(msgpack.packb(0) + b"\x00" for _ in range(200))
    arguments = b"\xde" + (200).to_bytes(2, "big") + keys
    with pytest.raises(BadCalls):
        validate_calls(1, b"\x95" + msgpack.packb("f") + arguments + b"\xc0\xc0\x00")


@pytest.mark.parametrize("empty", [b"\x80", b"\x90"])
def test_millions_of_empty_containers_are_refused(empty):
    number = 1_500_000
    with pytest.raises(WireError, match="too many parts"):
        unpack(b"\xdd" + number.to_bytes(4, "big") + empty * number)


def test_extensions_around_a_large_body_are_refused():
    body = bytes(msgpack.packb([bytes(1 << 20)]))
    for _ in range(20):
        body = bytes(msgpack.packb([msgpack.ExtType(wire.TUPLE, body)]))
    with pytest.raises(WireError, match="nested"):
        unpack(body)


@pytest.mark.parametrize("code", range(1, 20))
@pytest.mark.parametrize(
    "body", [[], [1], ["V", [1], b""], [[1, 2], 3], ["<f8", [-5], b"12345678"]]
)
def test_malformed_extensions_are_refused(code, body):
    with contextlib.suppress(WireError):
        unpack(extension(code, bytes(msgpack.packb(body))))
