"""Collecting a trace in the judge: steps packed as they come, chunks compressed as they fill, pictures by palette."""

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgpack

from genopt_tui.task import trace
from genopt_tui.task.rollout import Json, Picture, TraceChunk

LARGEST_TRACE = 64 * 1024**2  # compressed bytes; later steps are counted, not kept
LARGEST_PICTURES = 64 * 1024**2
COLOURS = 256
WORD = 8  # bytes
CALL_BYTES = 256 * 1024  # of the calls of one answer; our recorder sends half of it at most


class BadCalls(Exception):
    """What should be recorded calls is something else: the player was tampered with."""


@dataclass(frozen=True)
class Calls:
    """Recorded calls, each packed; `cut` counts what was left out. `failed`: one of them raised."""

    cut: int
    number: int
    body: bytes
    failed: bool = False

    def plus(self, sent: Any) -> "Calls":
        """With calls as a player sent them. Raises BadCalls."""
        if not isinstance(sent, list) or [type(part) for part in sent] != [int, int, bytes]:
            raise BadCalls
        cut, number, body = sent
        if number == 0:
            return replace(self, cut=self.cut + cut) if cut else self
        if not 0 < number < 65536 or len(body) > CALL_BYTES or not 0 <= cut < 2**60:
            raise BadCalls
        failed = check(number, body) or self.failed
        if len(self.body) > CALL_BYTES:
            return Calls(self.cut + cut + number, self.number, self.body, failed)
        if self.number + number > 65535:
            return Calls(self.cut + cut + number, self.number, self.body, failed)
        return Calls(self.cut + cut, self.number + number, self.body + body, failed)

    def packed(self) -> bytes:
        return header(self.number) + self.body


NO_CALLS = Calls(0, 0, b"")


def header(number: int) -> bytes:
    """What msgpack puts before a list of so many entries (fewer than 65536)."""
    return bytes([0x90 | number]) if number < 16 else b"\xdc" + number.to_bytes(2, "big")


def check(number: int, body: bytes) -> bool:
    """Whether one of the calls raised. Raises BadCalls unless they are as many, as [function, arguments, result, error, depth]."""
    try:
        calls = msgpack.unpackb(
            header(number) + body, use_list=False, strict_map_key=False, max_map_len=4096, timestamp=1
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadCalls from error
    for call in calls:
        if type(call) is not tuple or len(call) != 5 or type(call[0]) is not str or type(call[1]) is not dict:
            raise BadCalls
        if not (call[3] is None or type(call[3]) is str) or type(call[4]) is not int:
            raise BadCalls
    return any(call[3] for call in calls)


class Tracer:
    """The trace of one rollout."""

    def __init__(self) -> None:
        self.chunks: list[TraceChunk] = []
        self.album = Album()
        self._packed: list[trace.PackedStep] = []
        self._first = self._steps = self._bytes = 0
        self._waiting: tuple[int, Any] | None = None

    def step(
        self, observation: Json, action: Json, reward: float | None, info: Mapping[str, Json], calls: Calls
    ) -> None:
        self._steps += 1
        if self._bytes > LARGEST_TRACE:
            return
        self._packed.append(
            trace.pack_fields(observation, action, reward, info, calls.packed(), calls.cut, calls.failed)
        )
        if len(self._packed) == trace.CHUNK:
            self._close_chunk()

    def attach(self, picture: object) -> None:
        """Attach a picture to the latest step. It is worked on later, see `work`. Raises ValueError for what is no picture."""
        self.work()
        self._waiting = (max(self._steps - 1, 0), copied(picture))

    def work(self) -> None:
        """Put the picture that waits into the album: best while the player is busy."""
        if self._waiting is not None:
            step, image = self._waiting
            self._waiting = None
            self.album.add(step, image)

    def finish(self) -> tuple[TraceChunk, ...]:
        self.work()
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
        self._shape: tuple[int, ...] = ()
        self._last: Any = None  # bytes of the picture before, as words
        self._indices: Any = None
        self._colours: list[int] = []
        self._palette = b""
        self._rounded = False
        self._bytes = 0

    @functools.cached_property
    def _table(self) -> Any:
        """24-bit colour -> its index in the palette + 1; 0: not there yet."""
        import numpy as np

        return np.zeros(1 << 24, np.uint16)

    def add(self, step: int, image: Any) -> None:
        """A picture as `copied` gives it."""
        changed = self._changed(image)
        if self._bytes > LARGEST_PICTURES or not len(changed):
            return
        self._index(image.reshape(-1, 3), changed)
        squeeze = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
        pixels = squeeze.compress(self._indices) + squeeze.flush()
        self._bytes += len(pixels)
        if self.pictures and self.pictures[-1].step == step:
            self.pictures.pop()  # the latest picture of a step counts
        self.pictures.append(Picture(step, image.shape[1], image.shape[0], self._palette, pixels))

    def _changed(self, image: Any) -> Any:
        """Numbers of the pixels that may differ from the picture before (some twice); only these are looked at further."""
        import numpy as np

        words = image.reshape(-1).view(np.uint64 if image.size % WORD == 0 else np.uint8)
        if self._shape != image.shape:
            self._shape, self._last = image.shape, words.copy()
            self._indices = np.zeros(image.shape[0] * image.shape[1], np.uint8)
            return np.arange(len(self._indices))
        changed = np.flatnonzero(words != self._last)
        self._last[changed] = words[changed]
        if words.itemsize == 1:
            return changed // 3
        pixels = (changed * WORD // 3)[:, None] + np.arange(4)  # a word lies across up to four pixels
        return np.minimum(pixels.ravel(), len(self._indices) - 1)

    def _index(self, pixels: Any, changed: Any) -> None:
        """Bring the palette indices of these pixels up to date."""
        import numpy as np

        codes = code(pixels[changed])
        if self._rounded:
            self._indices[changed] = coarse(codes)
            return
        found = self._table[codes]
        if not found.all():
            new = np.unique(codes[found == 0])
            if len(self._colours) + len(new) > COLOURS:
                self._start_rounding(pixels)
                return
            self._colours += [int(colour) for colour in new]
            self._palette = packed(self._colours)
            self._table[new] = np.arange(len(self._colours) - len(new), len(self._colours)) + 1
            found = self._table[codes]
        self._indices[changed] = found - 1

    def _start_rounding(self, pixels: Any) -> None:
        """More than 256 colours: from here on they are rounded to 3, 3 and 2 bits."""
        self._rounded = True
        self._palette = packed(
            [(r * 255 // 7) << 16 | (g * 255 // 7) << 8 | b * 85 for r in range(8) for g in range(8) for b in range(4)]
        )
        self._indices[:] = coarse(code(pixels))


def copied(picture: object) -> Any:
    """A copy of a picture, which is height x width x 3, uint8. Raises ValueError for another shape."""
    import numpy as np

    image = np.array(picture, order="C")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError("ctx.attach takes an array of height x width x 3, uint8")
    return image


def code(pixels: Any) -> Any:
    """Colours (rows of red, green, blue) as numbers of 24 bits."""
    wide = pixels.astype("uint32")
    return wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]


def coarse(codes: Any) -> Any:
    """24-bit colours rounded to 8 bits."""
    return ((codes >> 21 & 7) << 5 | (codes >> 13 & 7) << 2 | codes >> 6 & 3).astype("uint8")


def packed(colours: list[int]) -> bytes:
    return b"".join(colour.to_bytes(3, "big") for colour in colours)
