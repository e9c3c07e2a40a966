"""Traces on disk: self-contained chunks of up to CHUNK steps, so that any step is read without the
others.

A chunk is two streams of zlib, one behind the other. The second holds the steps, each a msgpack
list [observation, action,
reward, info, calls, cut], a call being [function, arguments, result, error, depth]. The first holds
the index, a msgpack list
[rewards, which steps failed, bytes of each step]: rewards and errors are found, and one step is
read, without unpacking the others.
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

CHUNK_STEPS = 64  # steps
MAX_VALUE_BYTES = (
    64 * 1024
)  # bytes of one packed value (an observation, say) before it is shortened
MAX_ITEMS, MAX_TEXT_CHARS, MAX_DEPTH = (
    64,
    2000,
    6,
)  # what a shortened value keeps: entries, characters, nesting
ZLIB_LEVEL = 3  # zlib: half the time of level 6 for a tenth more bytes
MAX_CHUNK_BYTES = 256 * 1024**2  # bytes of a chunk when unpacked
MAX_INDEX_BYTES = 64 * 1024  # bytes of its index
_packer = msgpack.Packer()


class PackedFields(NamedTuple):
    """A step's packed fields, its calls still missing. `failed`: its info has an `error`; `cut`
    counts what was shortened."""

    body: bytes
    reward: float | None
    failed: bool
    cut: int


class PackedStep(NamedTuple):
    """A step as a chunk holds it. `failed`: a call of the artifact raised, or the step's info has
    an `error`."""

    body: bytes
    reward: float | None
    failed: bool


def encode(steps: Sequence[TraceStep]) -> TraceChunk:
    """Consecutive steps (at most CHUNK of them) as one chunk."""
    if not 0 < len(steps) <= CHUNK_STEPS:
        raise ValueError(f"a chunk holds 1 to {CHUNK_STEPS} steps, not {len(steps)}")
    return join_steps(steps[0].index, [pack_step(step) for step in steps])


def pack_step(step: TraceStep) -> PackedStep:
    """One step, packed: what `join` takes. A copy, so later changes of its values do not matter."""
    counter = Shortener()
    calls = [
        b"\x95"
        + b"".join(
            pack_value(part, counter)
            for part in (c.function, dict(c.arguments), c.result, c.error, c.depth)
        )
        for c in step.calls
    ]
    fields = pack_fields(step.observation, step.action, step.reward, step.info)
    return add_calls(
        fields, pack_list(calls), step.cut + counter.cut_count, any(c.error for c in step.calls)
    )


def pack_fields(
    observation: Any, action: Any, reward: float | None, info: Mapping[str, Any]
) -> PackedFields:
    """The fields of a step, packed; what is too large or not plain is shortened and counted. A
    copy, as of this moment."""
    counter = Shortener()
    body = pack_values(observation, action, reward, info, counter)
    number = (
        reward if type(reward) in (int, float) else None if reward is None else to_float(reward)
    )
    return PackedFields(body, number, bool(info and info.get("error")), counter.cut_count)


def pack_values(
    observation: Any, action: Any, reward: Any, info: Any, counter: "Shortener"
) -> bytes:
    """Four values, packed one behind the other."""
    try:
        packed: bytes = _packer.pack((observation, action, reward, info))
        if len(packed) <= MAX_VALUE_BYTES:
            return packed[1:]  # without the head of the list
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # not plain data
    return b"".join(pack_value(value, counter) for value in (observation, action, reward, info))


def add_calls(fields: PackedFields, calls: bytes, cut: int, failed: bool) -> PackedStep:
    """The whole step; `calls` is a packed list of calls, `failed` whether one of them raised."""
    tail: bytes = _packer.pack(cut + fields.cut)
    return PackedStep(b"\x96" + fields.body + calls + tail, fields.reward, failed or fields.failed)


def to_float(value: Any) -> float | None:
    """What a library's number is worth; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def pack_value(value: Any, counter: "Shortener") -> bytes:
    """`value` packed as it is, or shortened where it is not plain data or larger than STEP."""
    try:
        packed: bytes = _packer.pack(value)
        if len(packed) <= MAX_VALUE_BYTES:
            return packed
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # not plain data: described instead
    shortened: bytes = msgpack.packb(counter.shorten(value), unicode_errors="replace")
    return shortened


def pack_list(packed: Sequence[bytes]) -> bytes:
    """A list of values that are packed already."""
    header: bytes = msgpack.Packer().pack_array_header(len(packed))
    return header + b"".join(packed)


def join_steps(first: int, packed: Sequence[PackedStep]) -> TraceChunk:
    """Packed steps from index `first` on as one chunk."""
    index = [
        [p.reward for p in packed],
        [i for i, p in enumerate(packed) if p.failed],
        [len(p.body) for p in packed],
    ]
    steps = zlib.compress(b"".join(p.body for p in packed), ZLIB_LEVEL)
    return TraceChunk(first, len(packed), zlib.compress(msgpack.packb(index), ZLIB_LEVEL) + steps)


def decode(chunk: TraceChunk) -> list[TraceStep]:
    """The steps of a chunk. Raises ValueError when its bytes are damaged."""
    rows = ChunkReader(chunk)
    return [rows[i] for i in range(chunk.first, chunk.first + chunk.count)]


class ChunkReader:
    """An opened chunk: its index read, its steps unpacked one by one as they are asked for. Raises
    ValueError when it is damaged."""

    def __init__(self, chunk: TraceChunk) -> None:
        self.first, self.count = chunk.first, chunk.count
        self._steps: dict[int, TraceStep] = {}
        self._data = b""
        inflate = zlib.decompressobj()
        try:
            rewards, failed, sizes = msgpack.unpackb(
                inflate.decompress(chunk.blob, MAX_INDEX_BYTES)
            )
            self.rewards: list[float | None] = list(rewards)
            self.failed_steps: list[int] = [chunk.first + i for i in failed]
            self._step_ends = list(itertools.accumulate(sizes))
        except (zlib.error, TypeError, ValueError, msgpack.UnpackException) as error:
            raise make_damage_error(chunk.first) from error
        if not len(self.rewards) == len(self._step_ends) == chunk.count or not inflate.eof:
            raise make_damage_error(chunk.first)
        self._packed = inflate.unused_data

    def __getitem__(self, index: int) -> TraceStep:
        """The step `index` of the trace, which this chunk holds. Raises ValueError when the bytes
        are damaged."""
        if index not in self._steps:
            self._steps[index] = self._read(index - self.first)
        return self._steps[index]

    def _read(self, at: int) -> TraceStep:
        try:
            self._data = self._data or zlib.decompressobj().decompress(
                self._packed, MAX_CHUNK_BYTES
            )
            row = _unpack(self._data[self._step_ends[at - 1] if at else 0 : self._step_ends[at]])
            return _build_step(self.first + at, *row)
        except (zlib.error, TypeError, ValueError, msgpack.UnpackException) as error:
            raise make_damage_error(self.first) from error


def make_damage_error(first: int) -> ValueError:
    return ValueError(f"the trace from step {first} on is damaged")


def _unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(
            data, strict_map_key=False, ext_hook=_describe_extension, timestamp=1
        )
    except TypeError:  # a dictionary had lists as keys
        return msgpack.unpackb(
            data,
            object_pairs_hook=_stringify_keys,
            strict_map_key=False,
            ext_hook=_describe_extension,
            timestamp=1,
        )


def _describe_extension(code: int, data: bytes) -> str:
    return f"<value {code}>"


def _stringify_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {str(key) if isinstance(key, list | dict) else key: value for key, value in pairs}


def _build_step(
    index: int,
    observation: Any,
    action: Any,
    reward: float | None,
    info: dict[str, Any],
    calls: list[Any],
    cut: int,
) -> TraceStep:
    return TraceStep(
        index, observation, action, reward, info, tuple(Call(*call) for call in calls), cut
    )


class Shortener:
    """Makes values plain and small; `cut` counts what was left out or only described."""

    def __init__(self) -> None:
        self.cut_count = 0

    def shorten(self, value: Any, depth: int = 0) -> Any:
        """`value` as plain data of bounded size."""
        if value is None or isinstance(value, bool | float):
            return float(value) if isinstance(value, float) else value
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**64 else self._shorten_text(hex(value))
        if isinstance(value, str):
            return self._shorten_text(str(value))
        if isinstance(value, bytes):
            self.cut_count += len(value) > MAX_TEXT_CHARS
            return bytes(value[:MAX_TEXT_CHARS])
        if depth >= MAX_DEPTH:
            return self._describe(value)
        if isinstance(value, Mapping):
            items = list(value.items())
            self.cut_count += len(items) > MAX_ITEMS
            return {self._shorten_key(k): self.shorten(v, depth + 1) for k, v in items[:MAX_ITEMS]}
        if isinstance(value, list | tuple | set | frozenset):
            return self._shorten_items(list(value), depth)
        return self._shorten_object(value, depth)

    def _shorten_items(self, items: list[Any], depth: int) -> list[Any]:
        self.cut_count += len(items) > MAX_ITEMS
        return [self.shorten(item, depth + 1) for item in items[:MAX_ITEMS]]

    def _shorten_object(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind.__module__.partition(".")[0] == "numpy":
            if kind.__name__ == "ndarray" and value.ndim:
                whole = value.size <= MAX_ITEMS
                self.cut_count += not whole
                return (
                    self._shorten_items(value.tolist(), depth)
                    if whole
                    else f"<array {value.dtype} {'x'.join(map(str, value.shape))}>"
                )
            return self.shorten(value.item(), depth + 1)
        if kind.__module__ not in ("builtins", "types") and isinstance(
            getattr(value, "__dict__", None), dict
        ):
            return self.shorten(dict(vars(value)), depth + 1)
        return self._describe(value)

    def _shorten_key(self, key: Any) -> Any:
        return (
            key
            if isinstance(key, str | int | float | bool | None)
            else str(self.shorten(key, MAX_DEPTH))
        )

    def _shorten_text(self, text: str) -> str:
        if len(text) <= MAX_TEXT_CHARS:
            return text
        self.cut_count += 1
        return f"{text[:MAX_TEXT_CHARS]}… ({len(text)} characters)"

    def _describe(self, value: Any) -> str:
        self.cut_count += 1
        return f"<{type(value).__name__}>"


class TraceReader(Sequence[TraceStep]):
    """The steps of a rollout, read where they are looked at.

    `load(first, count)` gives the chunks that hold these steps; the latest opened chunks are kept.
    """

    def __init__(
        self, steps: int, load: Callable[[int, int], list[TraceChunk]], *, max_chunks: int = 16
    ) -> None:
        self._length, self._load, self._max_chunks = steps, load, max_chunks
        self._chunks: OrderedDict[int, ChunkReader] = (
            OrderedDict()
        )  # by index of the chunk's first step

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
        return self._open_chunk(index)[index]

    def read_steps(self, first: int, count: int) -> list[TraceStep]:
        """Steps `first` to `first + count`, as far as there are any."""
        return [self[i] for i in range(max(first, 0), min(first + count, self._length))]

    def __iter__(self) -> Iterator[TraceStep]:
        return (self[i] for i in range(self._length))

    def read_rewards(self) -> list[float | None]:
        """The reward of every step; no step is unpacked for it. Raises ValueError when the bytes
        are damaged."""
        return self._index[0]

    def find_failed_steps(self) -> list[int]:
        """Steps in which a call of the artifact raised, or whose info says `error`; no step is
        unpacked for it."""
        return self._index[1]

    @cached_property
    def _index(self) -> tuple[list[float | None], list[int]]:
        rewards: list[float | None] = [None] * self._length
        failed: list[int] = []
        for chunk in self._load(0, self._length):
            rows = ChunkReader(chunk)
            rewards[rows.first : rows.first + rows.count] = rows.rewards
            failed += rows.failed_steps
        return rewards[: self._length], failed

    def _open_chunk(self, index: int) -> "ChunkReader | dict[int, TraceStep]":
        start = index - index % CHUNK_STEPS
        if start in self._chunks and index < start + self._chunks[start].count:
            self._chunks.move_to_end(start)
            return self._chunks[start]
        for chunk in self._load(index, 1):
            if chunk.first <= index < chunk.first + chunk.count:
                self._chunks[chunk.first] = rows = ChunkReader(chunk)
                if len(self._chunks) > self._max_chunks:
                    self._chunks.popitem(last=False)
                return rows
        return {index: TraceStep(index, cut=1)}  # a step that was not kept, see Context
