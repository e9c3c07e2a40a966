"""Lines a view has read and the strips it has rendered from them."""

from collections.abc import Sequence
from typing import Any

from textual.cache import LRUCache
from textual.strip import Strip

from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool
from genopt_tui.ui.widgets.line_source import Line, LineSource

MAX_LINES = 2048
MAX_STRIPS = 512


class LineCache:
    """Finished lines and rendered strips by line number. Strips are not cropped to the width."""

    def __init__(self) -> None:
        self.lines: LRUCache[int, Line] = LRUCache(MAX_LINES)
        self.strips: LRUCache[int, Strip] = LRUCache(MAX_STRIPS)

    def clear(self) -> None:
        self.lines.clear()
        self.strips.clear()

    def discard_from(self, first: int) -> None:
        """Drop line `first` and all after it."""
        _discard_from(self.lines, first)
        _discard_from(self.strips, first)

    def store(self, first: int, lines: Sequence[Line]) -> None:
        """Keep finished lines, the first of which is number `first`."""
        for y, line in enumerate(lines, first):
            self.lines[y] = line
            self.strips.discard(y)

    def find_missing(self, top: int, height: int, length: int) -> tuple[int, int] | None:
        """First and count of the lines to read so that `height` lines from `top` on are finished;
        None if they are. Half a screen more is read, for the next scroll."""
        missing = [y for y in range(top, min(length, top + height)) if y not in self.lines]
        if not missing:
            return None
        first, last = missing[0], min(length, missing[-1] + 1 + height // 2)
        return first, last - first


async def read_lines(source: LineSource, first: int, count: int) -> Sequence[Line] | None:
    """Finished lines of `source`, read in a thread; an error becomes the text of the lines.

    None means that the drafts are final.
    """
    try:
        return await run_in_pool(source.fill, first, count)
    except EXPECTED_ERRORS as error:
        return [((f"! cannot be read: {error}", "bad"),)] * count


def _discard_from(cache: LRUCache[int, Any], first: int) -> None:
    for y in list(cache.keys()):
        if y >= first:
            cache.discard(y)
