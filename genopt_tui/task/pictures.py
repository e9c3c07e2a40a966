"""Pictures on disk: one in RUN is whole, the others say what changed since the picture before, so
that few are read for any.

`Picture.pixels` is zlib of all palette indices; or a first byte CHANGED or SQUEEZED (as CHANGED,
but zlib of it), the bytes of a
word, and then the places of the words that changed and what they are now. A stream of zlib begins
with neither.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genopt_tui.task.rollout import Picture

KEYFRAME_INTERVAL = 32  # pictures from one whole one to the next
DELTA, COMPRESSED_DELTA = 0, 1
MAX_RAW_DELTA_BYTES = 1024  # bytes of changes that are not worth squeezing
MAX_PICTURE_BYTES = 16 * 1024**2  # bytes of a picture when unpacked
MAX_WORD_BYTES = 8  # bytes of the longest
MAX_SHORT_INDEX = 65536  # words from which on their places take 4 bytes, not 2


def encode_keyframe(indices: Any) -> bytes:
    """All indices of a picture, as `Picture.pixels`."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return squeeze.compress(indices) + squeeze.flush()


def encode_delta(places: Any, words: Any, total: int) -> bytes:
    """As `Picture.pixels`: what differs from the picture before. Arrays: places of words, and the
    words; `total` a picture has."""
    body: bytes = (
        places.astype("<u4" if total > MAX_SHORT_INDEX else "<u2").tobytes() + words.tobytes()
    )
    if len(body) > MAX_RAW_DELTA_BYTES:
        return bytes([COMPRESSED_DELTA, words.itemsize]) + zlib.compress(body, 1)
    return bytes([DELTA, words.itemsize]) + body


def is_keyframe(picture: Picture) -> bool:
    return picture.pixels[:1] not in (b"\0", b"\1")


def decode_last(pictures: Sequence[Picture]) -> Picture:
    """The last of consecutive pictures of which the first is whole, as a whole one. Raises
    ValueError when they are damaged."""
    picture = pictures[-1]
    if len(pictures) == 1 and is_keyframe(picture):
        return picture
    size = picture.width * picture.height
    try:
        data = bytearray(zlib.decompressobj().decompress(pictures[0].pixels, MAX_PICTURE_BYTES))
        for each in pictures[1:]:
            apply_delta(data, each.pixels)
    except (zlib.error, ValueError) as error:
        raise ValueError("a picture is damaged") from error
    if len(data) != size:
        raise ValueError("a picture is damaged")
    return replace(picture, pixels=zlib.compress(data, 1))


def apply_delta(data: bytearray, delta: bytes) -> None:
    """Bring a picture's indices up to date. Raises zlib.error or ValueError when `changed` is
    damaged."""
    kind, word = delta[:2]
    if not 0 < word <= MAX_WORD_BYTES:
        raise ValueError("words of a wrong size")
    body = (
        zlib.decompressobj().decompress(delta[2:], MAX_PICTURE_BYTES)
        if kind == COMPRESSED_DELTA
        else delta[2:]
    )
    wide = len(data) // word > MAX_SHORT_INDEX
    count = len(body) // ((4 if wide else 2) + word)
    places = struct.unpack_from(f"<{count}{'I' if wide else 'H'}", body)
    at = len(body) - count * word
    for place in places:
        data[place * word : (place + 1) * word] = body[at : at + word]
        at += word
