"""Collecting a trace in the judge: steps packed as they come, chunks compressed as they fill, pictures by palette."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from genopt_tui.task import trace
from genopt_tui.task.rollout import Json, Picture, TraceChunk

LARGEST_TRACE = 64 * 1024**2  # compressed bytes; later steps are counted, not kept
LARGEST_PICTURES = 64 * 1024**2
COLOURS = 256
CALL_BYTES = 256 * 1024  # of the calls of one answer; our recorder sends half of it at most


class BadCalls(Exception):
    """What should be recorded calls is something else: the player was tampered with."""


@dataclass(frozen=True)
class Calls:
    """Recorded calls, each packed; `cut` counts what was left out."""

    cut: int
    number: int
    body: bytes

    def plus(self, sent: Any) -> "Calls":
        """With calls as a player sent them. Raises BadCalls."""
        if not isinstance(sent, list) or [type(part) for part in sent] != [int, int, bytes]:
            raise BadCalls
        cut, number, body = sent
        if number == 0:
            return Calls(self.cut + cut, self.number, self.body) if cut else self
        if not 0 < number < 65536 or len(body) > CALL_BYTES or not 0 <= cut < 2**60:
            raise BadCalls
        check(number, body)
        if len(self.body) > CALL_BYTES:
            return Calls(self.cut + cut + number, self.number, self.body)
        return Calls(self.cut + cut, self.number + number, self.body + body)

    def packed(self) -> bytes:
        header: bytes = msgpack.Packer().pack_array_header(self.number)
        return header + self.body


NO_CALLS = Calls(0, 0, b"")


def check(number: int, body: bytes) -> None:
    """Whether `body` holds exactly `number` calls, as [function, arguments, result, error, depth]. Raises BadCalls."""
    try:
        header = msgpack.Packer().pack_array_header(number)
        calls = msgpack.unpackb(header + body, use_list=False, strict_map_key=False, max_map_len=4096, timestamp=1)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadCalls from error
    for call in calls:
        if type(call) is not tuple or len(call) != 5 or type(call[0]) is not str or type(call[1]) is not dict:
            raise BadCalls
        if not (call[3] is None or type(call[3]) is str) or type(call[4]) is not int:
            raise BadCalls


class Tracer:
    """The trace of one rollout."""

    def __init__(self) -> None:
        self.chunks: list[TraceChunk] = []
        self.album = Album()
        self._packed: list[bytes] = []
        self._first = self._steps = self._bytes = 0

    def step(
        self, observation: Json, action: Json, reward: float | None, info: Mapping[str, Json], calls: Calls
    ) -> None:
        self._steps += 1
        if self._bytes > LARGEST_TRACE:
            return
        self._packed.append(trace.pack_fields(observation, action, reward, info, calls.packed(), calls.cut))
        if len(self._packed) == trace.CHUNK:
            self._close_chunk()

    def attach(self, picture: object) -> None:
        """Attach a picture to the latest step."""
        self.album.add(max(self._steps - 1, 0), picture)

    def finish(self) -> tuple[TraceChunk, ...]:
        if self._packed:
            self._close_chunk()
        return tuple(self.chunks)

    def _close_chunk(self) -> None:
        chunk = trace.join(self._first, self._packed)
        self._first += len(self._packed)
        self._packed = []
        self._bytes += len(chunk.blob)
        self.chunks.append(chunk)


class Album:
    """Pictures as palette indices; one equal to the picture before it is not kept again."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self._last: Any = None
        self._table: Any = None  # 24-bit colour -> index + 1
        self._colours: list[int] = []
        self._bytes = 0

    def add(self, step: int, picture: object) -> None:
        """A picture of height x width x 3, uint8. Raises ValueError for another shape."""
        import numpy as np

        image = np.asarray(picture)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError("ctx.attach takes an array of height x width x 3, uint8")
        wide = image.astype(np.uint32)
        codes = wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
        if self._bytes > LARGEST_PICTURES or (self._last is not None and np.array_equal(codes, self._last)):
            return
        self._last = codes
        indices = self._indices(codes)
        palette = b"".join(colour.to_bytes(3, "big") for colour in self._colours)
        pixels = zlib.compress(indices.tobytes(), 1)
        self._bytes += len(pixels)
        kept = Picture(step, image.shape[1], image.shape[0], palette, pixels)
        if self.pictures and self.pictures[-1].step == step:
            self.pictures.pop()  # the latest picture of a step counts
        self.pictures.append(kept)

    def _indices(self, codes: Any) -> Any:
        """Palette indices (uint8) of 24-bit colours; beyond 256 colours they are rounded to 3, 3 and 2 bits."""
        import numpy as np

        if self._table is None:
            self._table = np.zeros(1 << 24, np.uint16)
        found = self._table[codes]
        if not found.all():
            new = np.unique(codes[found == 0])
            if len(self._colours) + len(new) > COLOURS:
                self._table[:] = 0
                self._colours = [int(c) for c in np.unique(codes)]
                if len(self._colours) > COLOURS:
                    return self._rounded(codes)
            else:
                self._colours += [int(c) for c in new]
            self._table[self._colours] = np.arange(1, len(self._colours) + 1, dtype=np.uint16)
            found = self._table[codes]
        return (found - 1).astype(np.uint8)

    def _rounded(self, codes: Any) -> Any:
        import numpy as np

        coarse = (codes >> 21 & 7) << 5 | (codes >> 13 & 7) << 2 | codes >> 6 & 3
        shades = [
            (r * 255 // 7) << 16 | (g * 255 // 7) << 8 | b * 85 for r in range(8) for g in range(8) for b in range(4)
        ]
        self._colours = shades
        self._table = None
        return coarse.astype(np.uint8)
