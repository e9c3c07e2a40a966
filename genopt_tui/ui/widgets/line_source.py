"""Sources of lines: plain data that any thread may read."""

from collections.abc import Callable, Sequence
from typing import Protocol

Piece = tuple[str, str]
"""Text and the names of its styles (component classes without `line--`), separated by spaces; later
ones win."""
Line = tuple[Piece, ...]


class LineSource(Protocol):
    """Lines by number. `draft` runs on the event loop and returns at once; `fill` runs in a thread.

    A source does not change once it is shown, unless its view calls `update_lines`.
    """

    def __len__(self) -> int: ...

    def draft(self, y: int) -> Line:
        """Line `y` as far as it is known without computing or reading."""
        ...

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        """The finished lines; None if drafts are final."""
        ...

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        """The next line that contains `needle`, from `start` on in direction `step`, wrapping
        around; None if there is none."""
        ...


class TextLines:
    """Lines in memory."""

    def __init__(self, lines: Sequence[Line] = ()) -> None:
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    def draft(self, y: int) -> Line:
        return self.lines[y]

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        return None

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        return find_line(
            lambda y: to_plain_text(self.draft(y)), len(self), needle, start, step, stop
        )


def to_plain_text(line: Line) -> str:
    """The text of a line without styles."""
    return "".join(text for text, _ in line)


def find_line(
    text: Callable[[int], str],
    length: int,
    needle: str,
    start: int,
    step: int,
    stop: Callable[[], bool],
) -> int | None:
    """The next line that contains `needle`, wrapping around. A lower-case needle ignores case."""
    ignore_case = needle == needle.lower()
    for offset in range(length):
        if stop():
            return None
        y = (start + step * offset) % length
        candidate = text(y)
        if needle in (candidate.lower() if ignore_case else candidate):
            return y
    return None
