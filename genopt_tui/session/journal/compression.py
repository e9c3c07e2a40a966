"""How a journal compresses long texts: blocks of old rows, and event data such as prompts."""

import lzma

from genopt_tui.session.journal.old_data import ZLIB_HEADER, decompress_old_data

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 22}]


def compress(text: str) -> bytes:
    """A text as raw LZMA2."""
    return lzma.compress(text.encode(), lzma.FORMAT_RAW, filters=FILTERS)


def decompress(stored: bytes) -> str:
    """A text from `compress`, or from a journal before format 5."""
    if stored[:1] == ZLIB_HEADER:
        return decompress_old_data(stored)
    return lzma.decompress(stored, lzma.FORMAT_RAW, filters=FILTERS).decode()
