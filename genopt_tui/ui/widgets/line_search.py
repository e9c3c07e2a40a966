"""Search through the lines of a source, in a thread; only the newest search reports a result."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.widgets.line_source import LineSource


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Outcome of a finished search; `line` is None without a match."""

    needle: str
    line: int | None


class LineSearch:
    """The text that a view searches for, and the search that is running."""

    def __init__(self) -> None:
        self.needle = ""
        self._run = 0
        """Number of the newest search; older ones stop when they see another number."""

    def cancel(self) -> None:
        """Stop the running search; it reports nothing."""
        self._run += 1

    async def find(self, source: LineSource, start: int, step: int) -> SearchResult | None:
        """The next match from line `start` on in direction `step`; None if cancelled meanwhile."""
        self._run += 1
        run, needle = self._run, self.needle
        line = await run_in_pool(source.find, needle, start, step, lambda: run != self._run)
        return SearchResult(needle, line) if run == self._run else None

    def highlight(self, segments: Sequence[Segment], match_style: Style) -> list[Segment]:
        """The segments with every match in `match_style`. Matches do not span segments."""
        if not self.needle:
            return list(segments)
        result: list[Segment] = []
        ignore_case = self.needle == self.needle.lower()
        for text, style, _ in segments:
            searched = text.lower() if ignore_case else text
            if len(searched) != len(text):  # lower-casing some letters gives two characters
                searched = text
            start = 0
            while (match := searched.find(self.needle, start)) >= 0:
                end = match + len(self.needle)
                result += [Segment(text[start:match], style), Segment(text[match:end], match_style)]
                start = end
            result.append(Segment(text[start:], style))
        return [segment for segment in result if segment.text]
