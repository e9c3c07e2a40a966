"""Growing text: a reply as it arrives. A reader who scrolled up stays there; new lines are
counted."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from textual.timer import Timer

from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.widgets.line_source import Line, find_line, to_plain_text
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.markdown import MarkdownLayout

REDRAW_INTERVAL = 1 / 15
"""Seconds between redraws while text arrives: each draws all lines, and keys need time as well."""
MAX_INLINE_TEXT = 20_000
"""Characters laid out on the event loop; longer text is laid out in a thread."""


class StreamLines:
    """Wrapped rows of a growing text. Only its last, unfinished line is laid out again."""

    def __init__(self, width: int = 80) -> None:
        self.text = ""
        self._markdown = MarkdownLayout(width)
        self.width = width
        self.rows: list[Line] = []
        self._tail = ""
        self._tail_rows = 0
        self._fence_before = ""
        self._starts: list[int] = []

    def append(self, text: str) -> int:
        """Add text; returns the first row that changed."""
        self.text += text
        del self.rows[len(self.rows) - self._tail_rows :]
        changed = len(self.rows)
        *whole, tail = (self._tail + text).split("\n")
        self._markdown.fence = self._fence_before
        for line in whole:
            self._add(line.removesuffix("\r"))
        self._fence_before = self._markdown.fence
        self._tail = tail
        before = len(self.rows)
        if tail:
            self.rows += self._markdown.build_rows(tail)
        self._tail_rows = len(self.rows) - before
        return changed

    def _add(self, line: str) -> None:
        self._starts.append(len(self.rows))
        self.rows += self._markdown.build_rows(line)

    def find_source_line(self, y: int) -> str:
        """The source line of row `y`, not wrapped."""
        index = bisect_right(self._starts, y) - 1
        return self._tail if y >= len(self.rows) - self._tail_rows else self.text.split("\n")[index]

    def __len__(self) -> int:
        return len(self.rows)

    def draft(self, y: int) -> Line:
        return self.rows[y]

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        return None

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        rows = self.rows[:]
        return find_line(lambda y: to_plain_text(rows[y]), len(rows), needle, start, step, stop)


def build_stream_lines(text: str, width: int) -> StreamLines:
    lines = StreamLines(width)
    lines.append(text)
    return lines


class StreamView(LineView):
    """A reply, redrawn at most 15 times a second."""

    _can_follow = True

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self.stream = StreamLines()
        super().__init__(self.stream, id=id, classes=classes)
        self.follow = True
        self.text = ""
        self._timer: Timer | None = None
        self._laying_out = False

    def show(self, text: str) -> None:
        """Show `text`. If it continues the text shown, the rest is appended; else it starts again
        at the end."""
        if not text.startswith(self.text):
            self.text = ""
            self.stream = StreamLines(self._get_row_width())
            self.follow = True
            self.set_source(self.stream)
        self.append(text[len(self.text) :])

    def append(self, text: str) -> None:
        """Add text to the end."""
        self.text += text
        self._schedule_draw()

    def _schedule_draw(self) -> None:
        if (
            self._timer is None
            and not self._laying_out
            and self.is_mounted
            and self.text != self.stream.text
        ):
            self._timer = self.set_timer(REDRAW_INTERVAL, self._draw)

    def _draw(self) -> None:
        self._timer = None
        new = self.text[len(self.stream.text) :]
        if len(new) > MAX_INLINE_TEXT:
            self._start_layout()
        elif new:
            self.update_lines(self.stream.append(new))

    def _start_layout(self) -> None:
        if not self._laying_out:
            self._laying_out = True
            self.run_worker(self._run_layout(), group="layout")

    async def _run_layout(self) -> None:
        text, width = self.text, self._get_row_width()
        try:
            stream = await run_in_pool(build_stream_lines, text, width)
        finally:
            self._laying_out = False
        if width != self._get_row_width():
            self._start_layout()
        elif self.text.startswith(text):
            self.stream = stream
            self.set_source(stream, keep=True)
        self._schedule_draw()

    def _get_row_width(self) -> int:
        return max(8, self.size.width - 1)

    def on_resize(self) -> None:
        if not self.size.width or self._get_row_width() == self.stream.width:
            self._schedule_draw()
        elif len(self.text) > MAX_INLINE_TEXT:
            self._start_layout()
        else:
            self.stream = build_stream_lines(self.text, self._get_row_width())
            self.set_source(self.stream, keep=True)

    def get_copy_text(self) -> str:
        return self.stream.find_source_line(self.cursor)
