"""Collecting a trace in the judge: steps are packed as they come, chunks compressed as they fill,
pictures encoded by palette."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgpack

from genopt_tui.evaluate.wire import MAX_OTHER_KEYS, WireError, make_dict
from genopt_tui.task import pictures, trace
from genopt_tui.task.rollout import Json, Picture, TraceChunk

MAX_TRACE = 64 * 1024**2  # compressed bytes; later steps are counted, not kept
MAX_PICTURES = 64 * 1024**2
MAX_COLOURS = 256
WORD_SIZE = 4  # bytes
MIN_WORDS_PER_CHANGE = 4  # a picture is encoded as a delta where at most one word in 4 changed
MAX_PENDING = 64  # steps, answers and pictures that wait to be worked on, at most
MAX_CALL_BYTES = 256 * 1024  # of the calls of one answer; our recorder sends half of it at most


class BadCalls(Exception):
    """A player sent malformed call records: it was tampered with."""


class RecordedCalls(NamedTuple):
    """Recorded calls, each packed; `cut` counts what was left out. `failed`: one of them raised."""

    cut: int
    number: int
    body: bytes
    failed: bool = False

    def add(self, sent: Any) -> "RecordedCalls":
        """With calls as a player sent them. Raises BadCalls."""
        if type(sent) is not list or len(sent) != 3:
            raise BadCalls
        cut, number, body = sent
        if (
            type(cut) is not int
            or type(number) is not int
            or type(body) is not bytes
            or not 0 <= cut < 2**60
        ):
            raise BadCalls
        if number == 0:
            return self._replace(cut=self.cut + cut) if cut else self
        if not 0 < number < 65536 or len(body) > MAX_CALL_BYTES:
            raise BadCalls
        failed = validate_calls(number, body) or self.failed
        if len(self.body) > MAX_CALL_BYTES or self.number + number > 65535:
            return RecordedCalls(self.cut + cut + number, self.number, self.body, failed)
        return RecordedCalls(self.cut + cut, self.number + number, self.body + body, failed)

    def pack(self) -> bytes:
        return make_array_header(self.number) + self.body


NO_CALLS = RecordedCalls(0, 0, b"")


def make_array_header(number: int) -> bytes:
    """What msgpack puts before a list of so many entries (fewer than 65536)."""
    return bytes([0x90 | number]) if number < 16 else b"\xdc" + number.to_bytes(2, "big")


def validate_calls(number: int, body: bytes) -> bool:
    """Whether one of the `number` calls raised. Raises BadCalls unless each is [function,
    arguments, result, error, depth]."""
    data = make_array_header(number) + body
    options: dict[str, Any] = {"use_list": False, "timestamp": 1}
    try:
        try:
            calls = msgpack.unpackb(data, strict_map_key=True, **options)
        except ValueError as error:
            if "map key" not in str(error):
                raise
            options |= {"max_map_len": MAX_OTHER_KEYS, "object_pairs_hook": make_dict}
            calls = msgpack.unpackb(data, strict_map_key=False, **options)
    except (WireError, ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadCalls from error
    failed = False
    for call in calls:
        if type(call) is not tuple or len(call) != 5:
            raise BadCalls
        function, arguments, _, raised, depth = call
        if type(function) is not str or type(arguments) is not dict or type(depth) is not int:
            raise BadCalls
        if raised is not None:
            if type(raised) is not str:
                raise BadCalls
            failed = True
    return failed


class Tracer:
    """The trace of one rollout.

    Work that can wait is done by `process_pending`, while the player computes its next answer.
    """

    def __init__(self) -> None:
        self.chunks: list[TraceChunk] = []
        self.picture_encoder = PictureEncoder()
        self._packed_steps: list[trace.PackedStep] = []
        self._calls = NO_CALLS  # since the step before
        self._first = self._steps = self._bytes = 0
        self._pending: list[Any] = []  # calls as a player sent them, and steps, as they came
        self._pending_pictures: list[tuple[int, Any, Any]] = []

    def add_calls(self, sent: Any) -> None:
        """Add the recorded calls of an answer, which are checked later."""
        self._pending.append(sent)

    def step(
        self, observation: Json, action: Json, reward: float | None, info: Mapping[str, Json]
    ) -> None:
        """Record a step as of now. Raises BadCalls."""
        self._steps += 1
        if self._bytes <= MAX_TRACE:
            self._pending.append(trace.pack_fields(observation, action, reward, info))
        if len(self._pending) >= MAX_PENDING:
            self.process_pending()

    def attach(self, picture: object, palette: object = None) -> None:
        """Attach a picture to the latest step, see Context. Raises ValueError for what is no
        picture."""
        self._pending_pictures.append((max(self._steps - 1, 0), *copy_picture(picture, palette)))
        if len(self._pending_pictures) >= MAX_PENDING:
            self.process_pending()

    def process_pending(self) -> None:
        """Process what waits. Raises BadCalls for malformed call records."""
        waiting, self._pending = self._pending, []
        for each in waiting:
            if type(each) is trace.PackedFields:
                calls, self._calls = self._calls, NO_CALLS
                self._add_step(trace.add_calls(each, calls.pack(), calls.cut, calls.failed))
            else:
                self._calls = self._calls.add(each)
        attached, self._pending_pictures = self._pending_pictures, []
        for picture in attached:
            self.picture_encoder.add(*picture)

    def finish(self) -> tuple[TraceChunk, ...]:
        with contextlib.suppress(BadCalls):  # the rollout has its status already
            self.process_pending()
        if self._packed_steps:
            self._close_chunk()
        return tuple(self.chunks)

    def _add_step(self, step: trace.PackedStep) -> None:
        self._packed_steps.append(step)
        if len(self._packed_steps) == trace.CHUNK_STEPS:
            self._close_chunk()

    def _close_chunk(self) -> None:
        chunk = trace.join_steps(self._first, self._packed_steps)
        self._first += len(self._packed_steps)
        self._packed_steps = []
        self._bytes += len(chunk.blob)
        self.chunks.append(chunk)


class PictureEncoder:
    """Pictures as palette indices; one equal to the picture before it is not kept again."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self._shape: tuple[int, ...] = ()
        self._last: Any = None  # bytes of the picture before, as words
        self._task_palette: bytes | None = None  # the task's palette
        self._mapping = bytearray(256)  # number in it -> index in ours
        self._known_numbers = b""  # those of its numbers that have been met
        self._indices: Any = None
        self._colours: list[int] = []
        self._palette = b""
        self._rounded = False
        self._deltas_left = (
            0  # pictures that may still be told by what changed, before the next whole one
        )
        self._bytes = 0

    @functools.cached_property
    def _table(self) -> Any:
        """24-bit colour -> its index in the palette + 1; 0: not there yet."""
        import numpy as np

        return np.zeros(1 << 24, np.uint16)

    def add(self, step: int, image: Any, palette: Any) -> None:
        """A picture and its palette as `copied` gives them. Only what changed since the picture
        before is looked at."""
        if self._bytes > MAX_PICTURES or not len(changed := self._update_indices(image, palette)):
            return
        if self.pictures and self.pictures[-1].step == step:
            self.pictures.pop()  # the latest picture of a step counts
            self._deltas_left = 0
        packed = self._pack_indices(changed, 1 if palette is None else self._last.itemsize)
        self._bytes += len(packed)
        self.pictures.append(Picture(step, image.shape[1], image.shape[0], self._palette, packed))

    def _pack_indices(self, changed: Any, word: int) -> bytes:
        """The present indices, or what changed in them: the places of words of so many bytes."""
        words = self._indices.view(f"u{word}")
        if not self._deltas_left or len(changed) * MIN_WORDS_PER_CHANGE > len(words):
            self._deltas_left = pictures.KEYFRAME_INTERVAL - 1
            return pictures.encode_keyframe(self._indices)
        self._deltas_left -= 1
        return pictures.encode_delta(changed, words[changed], len(words))

    def _update_indices(self, image: Any, palette: Any) -> Any:
        """Bring the indices up to date; the places of what changed: of pixels, or with a palette of
        words."""
        import numpy as np

        word: Any = np.uint32 if image.shape[0] * image.shape[1] % WORD_SIZE == 0 else np.uint8
        words = image.reshape(-1).view(word)
        if self._shape != image.shape or (palette is not None and palette != self._task_palette):
            self._shape, self._task_palette, self._known_numbers, self._last = (
                image.shape,
                palette,
                b"",
                ~words,
            )
            self._indices, self._deltas_left = (
                np.zeros(image.shape[0] * image.shape[1], np.uint8),
                0,
            )
        changed = (words != self._last).nonzero()[0]
        self._last = words
        if not len(changed):
            return changed
        if palette is None or self._rounded:
            pixels = self._index_pixels(image, palette, changed)
            return pixels if palette is None else changed
        self._translate_words(image, palette, changed, words[changed])
        return changed

    def _translate_words(self, image: Any, palette: bytes, changed: Any, new: Any) -> None:
        """As `_index`, where all numbers of the palette have been met: the changed words, byte by
        byte."""
        import numpy as np

        numbers = new.tobytes()
        if not numbers.translate(None, self._known_numbers):
            self._indices.view(new.dtype)[changed] = np.frombuffer(
                numbers.translate(self._mapping), new.dtype
            )
            return
        self._index_pixels(image, palette, changed)
        self._known_numbers = bytes({*self._known_numbers, *numbers})
        met = np.frombuffer(self._known_numbers, np.uint8)
        if not self._rounded:
            np.frombuffer(self._mapping, np.uint8)[met] = (
                self._table[encode_colours(apply_palette(met, palette))] - 1
            )

    def _find_pixels(self, image: Any, words: Any, word: int) -> Any:
        """Numbers of the pixels that lie in these words of so many bytes, some of them twice."""
        import numpy as np

        size = 1 if image.ndim == 2 else image.shape[2]  # bytes of a pixel
        if word == 1:
            return words // size
        across = np.arange(
            WORD_SIZE // size + 2 * (size > 1)
        )  # a word may begin and end within a pixel
        return np.minimum(
            ((words * WORD_SIZE // size)[:, None] + across).ravel(), len(self._indices) - 1
        )

    def _index_pixels(self, image: Any, palette: Any, words: Any) -> Any:
        """Bring the palette indices of the pixels in these words up to date, colour by colour;
        which pixels these are."""
        import numpy as np

        pixels = image.reshape(-1) if image.ndim == 2 else image.reshape(-1, 3)
        changed = self._find_pixels(image, words, self._last.itemsize)
        codes = encode_colours(apply_palette(pixels[changed], palette))
        if self._rounded:
            self._indices[changed] = round_colours(codes)
            return changed
        found = self._table[codes]
        if not found.all():
            new = np.unique(codes[found == 0])
            if len(self._colours) + len(new) > MAX_COLOURS:
                self._start_rounding(apply_palette(pixels, palette))
                return changed
            self._colours += [int(colour) for colour in new]
            self._palette = pack_palette(self._colours)
            self._table[new] = np.arange(len(self._colours) - len(new), len(self._colours)) + 1
            found = self._table[codes]
        self._indices[changed] = found - 1
        return changed

    def _start_rounding(self, pixels: Any) -> None:
        """More than 256 colours: from here on they are rounded to 3, 3 and 2 bits."""
        self._rounded, self._deltas_left = True, 0
        self._palette = pack_palette(
            [
                (r * 255 // 7) << 16 | (g * 255 // 7) << 8 | b * 85
                for r in range(8)
                for g in range(8)
                for b in range(4)
            ]
        )
        self._indices[:] = round_colours(encode_colours(pixels))


def copy_picture(picture: object, palette: object) -> tuple[Any, Any]:
    """A copy of a picture (height x width x 3, or height x width numbers of colours in `palette`),
    and the palette's bytes or None.

    Raises ValueError for other shapes.
    """
    import numpy as np

    image = np.array(picture, order="C")
    if (
        image.dtype != np.uint8
        or image.ndim < 2
        or image.shape[2:] != ((3,) if palette is None else ())
    ):
        raise ValueError(
            "ctx.attach takes an array of height x width x 3, or height x width with a palette, all uint8"
        )
    if palette is None:
        return image, None
    colours = np.asarray(palette)
    if colours.dtype != np.uint8 or colours.shape[1:] != (3,):
        raise ValueError("ctx.attach takes a palette of N x 3, uint8")
    if len(colours) < 256 and image.max(initial=0) >= len(colours):
        raise ValueError(
            f"the picture names a colour that is not among the {len(colours)} of its palette"
        )
    return image, colours.tobytes()


def apply_palette(pixels: Any, palette: bytes | None) -> Any:
    """Pixels as rows of red, green, blue."""
    import numpy as np

    return pixels if palette is None else np.frombuffer(palette, np.uint8).reshape(-1, 3)[pixels]


def encode_colours(pixels: Any) -> Any:
    """Colours (rows of red, green, blue) as numbers of 24 bits."""
    wide = pixels.astype("uint32")
    return wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]


def round_colours(codes: Any) -> Any:
    """24-bit colours rounded to 8 bits."""
    return ((codes >> 21 & 7) << 5 | (codes >> 13 & 7) << 2 | codes >> 6 & 3).astype("uint8")


def pack_palette(colours: list[int]) -> bytes:
    return b"".join(colour.to_bytes(3, "big") for colour in colours)
