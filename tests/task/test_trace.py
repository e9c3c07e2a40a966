"""Traces: what goes in comes out, bounded, and any step is read without the others."""

import pytest

from genopt_tui.config import Horizon
from genopt_tui.learn.horizon import select_steps
from genopt_tui.task import trace
from genopt_tui.task.rollout import Call, TraceChunk, TraceStep
from genopt_tui.task.trace import CHUNK_STEPS, MAX_VALUE_BYTES, TraceReader, decode, encode


def steps(count: int, first: int = 0) -> list[TraceStep]:
    call = Call("act", {"obs": {"x": 1}}, 2, None, 1)
    return [
        TraceStep(i, {"x": i, "y": [1.5, None]}, i % 3, 0.5, {"life": 3}, (call,), 0)
        for i in range(first, first + count)
    ]


def test_what_goes_in_comes_out() -> None:
    chunk = encode(steps(CHUNK_STEPS, 128))
    assert (chunk.first, chunk.count) == (128, CHUNK_STEPS)
    assert decode(chunk) == steps(CHUNK_STEPS, 128)


def test_400_steps_are_small() -> None:
    size = sum(len(encode(steps(50, i)).blob) for i in range(0, 400, 50))
    assert size < 400 * 20


@pytest.mark.parametrize(
    ("value", "kept", "cut"),
    [
        (object(), "<object>", 1),
        ({"a": object()}, {"a": "<object>"}, 1),
        (1 << 100, hex(1 << 100), 0),
        ({1, 2}, [1, 2], 0),
        ((1, 2), [1, 2], 0),
    ],
)
def test_other_values_are_described(value: object, kept: object, cut: int) -> None:
    (step,) = decode(encode([TraceStep(0, value)]))
    assert (step.observation, step.cut) == (kept, cut)


def test_large_values_are_bounded() -> None:
    (step,) = decode(encode([TraceStep(0, list(range(10**6)), "x" * 10**6)]))
    assert step.cut == 2
    assert len(step.observation) == 64
    assert len(step.action) < MAX_VALUE_BYTES


def test_lists_as_keys_are_read() -> None:
    (step,) = decode(encode([TraceStep(0, {(1, 2): 3})]))
    assert step.observation == {"[1, 2]": 3}


def test_reader_loads_only_what_is_asked() -> None:
    asked: list[int] = []

    def load(first: int, count: int) -> list[TraceChunk]:
        asked.append(first)
        start = first - first % CHUNK_STEPS
        return [encode(steps(CHUNK_STEPS, start))]

    reader = TraceReader(1_000_000, load)
    assert len(reader) == 1_000_000
    assert reader[500_000].observation["x"] == 500_000
    assert reader[-1].index == 999_999
    assert [s.index for s in reader.read_steps(500_010, 3)] == [500_010, 500_011, 500_012]
    assert asked == [500_000, 999_999]
    with pytest.raises(IndexError):
        reader[1_000_000]


def test_rewards_and_failures_are_known_without_unpacking_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = [
        TraceStep(i, i, i, float(i % 7 == 0), {"error": "x"} if i == 70 else {}) for i in range(150)
    ]
    told[3] = TraceStep(3, None, 0, None, {}, (Call("f", {}, None, "ValueError"),))
    chunks = [encode(told[first : first + CHUNK_STEPS]) for first in range(0, 150, CHUNK_STEPS)]
    reader = TraceReader(
        152,
        lambda first, count: [
            c for c in chunks if c.first < first + count and c.first + c.count > first
        ],
    )
    with monkeypatch.context() as patch:
        patch.setattr(trace, "_build_step", None)
        assert reader.read_rewards() == [s.reward for s in told] + [None, None]
        assert reader.find_failed_steps() == [3, 70]
    assert [reader[i] for i in (3, 70, 149)] == [told[3], told[70], told[149]]

    def select(kind, length, trace):
        horizon = Horizon(kind=kind, steps=1)
        return [(first, last) for first, last, _ in select_steps(horizon, length, trace)]

    assert select("around-reward", 152, reader)[:3] == [(0, 1), (6, 8), (13, 15)]
    assert select("around-error", 152, reader) == [(2, 4), (69, 71)]
    assert select("around-error", 150, told) == [(2, 4), (69, 71)]


def test_a_step_that_was_not_kept_says_so() -> None:
    assert TraceReader(5, lambda first, count: [])[3] == TraceStep(3, cut=1)


@pytest.mark.parametrize("blob", [b"", b"garbage", encode(steps(3)).blob[:-8]])
def test_damage_is_a_value_error(blob: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode(TraceChunk(0, 3, blob))
