"""Traces on disk: self-contained chunks of up to CHUNK steps, so that any step is read without the others.

A chunk is two streams of zlib, one behind the other. The second holds the steps, each a msgpack list [observation, action,
reward, info, calls, cut], a call being [function, arguments, result, error, depth]. The first holds the index, a msgpack list
[rewards, which steps failed, bytes of each step]: rewards and errors are found, and one step is read, without unpacking the others.
Only plain data: what else a value holds is described and counted in `cut`.
"""

import itertools
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, overload

import msgpack

from genopt_tui.task.rollout import Call, TraceChunk, TraceStep

CHUNK = 64  # steps
STEP = 64 * 1024  # bytes of one packed value (an observation, say) before it is shortened
ITEMS, TEXT, DEPTH = 64, 2000, 6  # what a shortened value keeps: entries, characters, nesting
LEVEL = 3  # zlib: half the time of level 6 for a tenth more bytes
LARGEST = 256 * 1024**2  # bytes of a chunk when unpacked
INDEX = 64 * 1024  # bytes of its index
_packer = msgpack.Packer()


class Fields(NamedTuple):
    """A step's packed fields, its calls still missing. `failed`: its info has an `error`; `cut` counts what was shortened."""

    body: bytes
    reward: float | None
    failed: bool
    cut: int


class PackedStep(NamedTuple):
    """A step as a chunk holds it. `failed`: a call of the artifact raised, or the step's info has an `error`."""

    body: bytes
    reward: float | None
    failed: bool


def encode(steps: Sequence[TraceStep]) -> TraceChunk:
    """Consecutive steps (at most CHUNK of them) as one chunk."""
    if not 0 < len(steps) <= CHUNK:
        raise ValueError(f"a chunk holds 1 to {CHUNK} steps, not {len(steps)}")
    return join(steps[0].index, [pack_step(step) for step in steps])


def pack_step(step: TraceStep) -> PackedStep:
    """One step, packed: what `join` takes. A copy, so later changes of its values do not matter."""
    counter = Shortening()
    calls = [
        b"\x95"
        + b"".join(pack_value(part, counter) for part in (c.function, dict(c.arguments), c.result, c.error, c.depth))
        for c in step.calls
    ]
    fields = pack_fields(step.observation, step.action, step.reward, step.info)
    return with_calls(fields, pack_list(calls), step.cut + counter.cut, any(c.error for c in step.calls))


def pack_fields(observation: Any, action: Any, reward: float | None, info: Mapping[str, Any]) -> Fields:
    """The fields of a step, packed; what is too large or not plain is shortened and counted. A copy, as of this moment."""
    counter = Shortening()
    body = pack_together(observation, action, reward, info, counter)
    number = reward if type(reward) in (int, float) else None if reward is None else as_number(reward)
    return Fields(body, number, bool(info and info.get("error")), counter.cut)


def pack_together(observation: Any, action: Any, reward: Any, info: Any, counter: "Shortening") -> bytes:
    """Four values, packed one behind the other."""
    try:
        packed: bytes = _packer.pack((observation, action, reward, info))
        if len(packed) <= STEP:
            return packed[1:]  # without the head of the list
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # not plain data
    return b"".join(pack_value(value, counter) for value in (observation, action, reward, info))


def with_calls(fields: Fields, calls: bytes, cut: int, failed: bool) -> PackedStep:
    """The whole step; `calls` is a packed list of calls, `failed` whether one of them raised."""
    tail: bytes = _packer.pack(cut + fields.cut)
    return PackedStep(b"\x96" + fields.body + calls + tail, fields.reward, failed or fields.failed)


def as_number(value: Any) -> float | None:
    """What a library's number is worth; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def pack_value(value: Any, counter: "Shortening") -> bytes:
    """`value` packed as it is, or shortened where it is not plain data or larger than STEP."""
    try:
        packed: bytes = _packer.pack(value)
        if len(packed) <= STEP:
            return packed
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # not plain data: described instead
    shortened: bytes = msgpack.packb(counter.shorten(value), unicode_errors="replace")
    return shortened


def pack_list(packed: Sequence[bytes]) -> bytes:
    """A list of values that are packed already."""
    header: bytes = msgpack.Packer().pack_array_header(len(packed))
    return header + b"".join(packed)


def join(first: int, packed: Sequence[PackedStep]) -> TraceChunk:
    """Packed steps from index `first` on as one chunk."""
    index = [[p.reward for p in packed], [i for i, p in enumerate(packed) if p.failed], [len(p.body) for p in packed]]
    steps = zlib.compress(b"".join(p.body for p in packed), LEVEL)
    return TraceChunk(first, len(packed), zlib.compress(msgpack.packb(index), LEVEL) + steps)


def decode(chunk: TraceChunk) -> list[TraceStep]:
    """The steps of a chunk. Raises ValueError when its bytes are damaged."""
    rows = Rows(chunk)
    return [rows[i] for i in range(chunk.first, chunk.first + chunk.count)]


class Rows:
    """An opened chunk: its index read, its steps unpacked one by one as they are asked for. Raises ValueError when it is damaged."""

    def __init__(self, chunk: TraceChunk) -> None:
        self.first, self.count = chunk.first, chunk.count
        self._steps: dict[int, TraceStep] = {}
        self._data = b""
        inflate = zlib.decompressobj()
        try:
            rewards, failed, sizes = msgpack.unpackb(inflate.decompress(chunk.blob, INDEX))
            self.rewards: list[float | None] = list(rewards)
            self.failed: list[int] = [chunk.first + i for i in failed]
            self._ends = list(itertools.accumulate(sizes))
        except (zlib.error, TypeError, ValueError, msgpack.UnpackException) as error:
            raise damaged(chunk.first) from error
        if not len(self.rewards) == len(self._ends) == chunk.count or not inflate.eof:
            raise damaged(chunk.first)
        self._packed = inflate.unused_data

    def __getitem__(self, index: int) -> TraceStep:
        """The step `index` of the trace, which this chunk holds. Raises ValueError when the bytes are damaged."""
        if index not in self._steps:
            self._steps[index] = self._read(index - self.first)
        return self._steps[index]

    def _read(self, at: int) -> TraceStep:
        try:
            self._data = self._data or zlib.decompressobj().decompress(self._packed, LARGEST)
            row = _unpack(self._data[self._ends[at - 1] if at else 0 : self._ends[at]])
            return _step(self.first + at, *row)
        except (zlib.error, TypeError, ValueError, msgpack.UnpackException) as error:
            raise damaged(self.first) from error


def damaged(first: int) -> ValueError:
    return ValueError(f"the trace from step {first} on is damaged")


def _unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=False, ext_hook=_foreign, timestamp=1)
    except TypeError:  # a dictionary had lists as keys
        return msgpack.unpackb(
            data, object_pairs_hook=_named_by_text, strict_map_key=False, ext_hook=_foreign, timestamp=1
        )


def _foreign(code: int, data: bytes) -> str:
    return f"<value {code}>"


def _named_by_text(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {str(key) if isinstance(key, list | dict) else key: value for key, value in pairs}


def _step(
    index: int,
    observation: Any,
    action: Any,
    reward: float | None,
    info: dict[str, Any],
    calls: list[Any],
    cut: int,
) -> TraceStep:
    return TraceStep(index, observation, action, reward, info, tuple(Call(*call) for call in calls), cut)


class Shortening:
    """Makes values plain and small; `cut` counts what was left out or only described."""

    def __init__(self) -> None:
        self.cut = 0

    def shorten(self, value: Any, depth: int = 0) -> Any:
        """`value` as plain data of bounded size."""
        if value is None or isinstance(value, bool | float):
            return float(value) if isinstance(value, float) else value
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**64 else self._text(hex(value))
        if isinstance(value, str):
            return self._text(str(value))
        if isinstance(value, bytes):
            self.cut += len(value) > TEXT
            return bytes(value[:TEXT])
        if depth >= DEPTH:
            return self._described(value)
        if isinstance(value, Mapping):
            items = list(value.items())
            self.cut += len(items) > ITEMS
            return {self._key(k): self.shorten(v, depth + 1) for k, v in items[:ITEMS]}
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(list(value), depth)
        return self._other(value, depth)

    def _items(self, items: list[Any], depth: int) -> list[Any]:
        self.cut += len(items) > ITEMS
        return [self.shorten(item, depth + 1) for item in items[:ITEMS]]

    def _other(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind.__module__.partition(".")[0] == "numpy":
            if kind.__name__ == "ndarray" and value.ndim:
                whole = value.size <= ITEMS
                self.cut += not whole
                return (
                    self._items(value.tolist(), depth)
                    if whole
                    else f"<array {value.dtype} {'x'.join(map(str, value.shape))}>"
                )
            return self.shorten(value.item(), depth + 1)
        if kind.__module__ not in ("builtins", "types") and isinstance(getattr(value, "__dict__", None), dict):
            return self.shorten(dict(vars(value)), depth + 1)
        return self._described(value)

    def _key(self, key: Any) -> Any:
        return key if isinstance(key, str | int | float | bool | None) else str(self.shorten(key, DEPTH))

    def _text(self, text: str) -> str:
        if len(text) <= TEXT:
            return text
        self.cut += 1
        return f"{text[:TEXT]}… ({len(text)} characters)"

    def _described(self, value: Any) -> str:
        self.cut += 1
        return f"<{type(value).__name__}>"


class TraceReader(Sequence[TraceStep]):
    """The steps of a rollout, read where they are looked at.

    `load(first, count)` gives the chunks that hold these steps; the latest opened chunks are kept.
    """

    def __init__(self, steps: int, load: Callable[[int, int], list[TraceChunk]], *, keep: int = 16) -> None:
        self._length, self._load, self._keep = steps, load, keep
        self._chunks: OrderedDict[int, Rows] = OrderedDict()  # by index of the chunk's first step

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> TraceStep: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TraceStep]: ...
    def __getitem__(self, index: int | slice) -> TraceStep | Sequence[TraceStep]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if index < 0:
            index += self._length
        if not 0 <= index < self._length:
            raise IndexError(f"step {index} of {self._length}")
        return self._chunk(index)[index]

    def slice(self, first: int, count: int) -> list[TraceStep]:
        """Steps `first` to `first + count`, as far as there are any."""
        return [self[i] for i in range(max(first, 0), min(first + count, self._length))]

    def __iter__(self) -> Iterator[TraceStep]:
        return (self[i] for i in range(self._length))

    def rewards(self) -> list[float | None]:
        """The reward of every step; no step is unpacked for it. Raises ValueError when the bytes are damaged."""
        return self._index[0]

    def failed(self) -> list[int]:
        """Steps in which a call of the artifact raised, or whose info says `error`; no step is unpacked for it."""
        return self._index[1]

    @cached_property
    def _index(self) -> tuple[list[float | None], list[int]]:
        rewards: list[float | None] = [None] * self._length
        failed: list[int] = []
        for chunk in self._load(0, self._length):
            rows = Rows(chunk)
            rewards[rows.first : rows.first + rows.count] = rows.rewards
            failed += rows.failed
        return rewards[: self._length], failed

    def _chunk(self, index: int) -> "Rows | dict[int, TraceStep]":
        start = index - index % CHUNK
        if start in self._chunks and index < start + self._chunks[start].count:
            self._chunks.move_to_end(start)
            return self._chunks[start]
        for chunk in self._load(index, 1):
            if chunk.first <= index < chunk.first + chunk.count:
                self._chunks[chunk.first] = rows = Rows(chunk)
                if len(self._chunks) > self._keep:
                    self._chunks.popitem(last=False)
                return rows
        return {index: TraceStep(index, cut=1)}  # a step that was not kept, see Context
