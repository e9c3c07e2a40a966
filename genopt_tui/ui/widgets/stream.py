"""Text that grows: a reply as it arrives. A reader who scrolled up stays there, and what is new is counted."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from textual.timer import Timer

from genopt_tui.ui.widgets.lines import Line, find_in, plain
from genopt_tui.ui.widgets.markdown import Markdown
from genopt_tui.ui.widgets.offload import offload
from genopt_tui.ui.widgets.view import LineView

PAUSE = 1 / 30
"""Seconds between two redraws while text arrives."""
AT_ONCE = 20_000
"""Characters that are laid out on the loop; more go to a thread."""


class StreamLines:
    """Wrapped rows of a growing text. Only its last, unfinished line is ever laid out again."""

    def __init__(self, width: int = 80) -> None:
        self.text = ""
        self._markdown = Markdown(width)
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
            self.rows += self._markdown.rows(tail)
        self._tail_rows = len(self.rows) - before
        return changed

    def _add(self, line: str) -> None:
        self._starts.append(len(self.rows))
        self.rows += self._markdown.rows(line)

    def source_line(self, y: int) -> str:
        """The unwrapped line that row `y` belongs to."""
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
        return find_in(lambda y: plain(rows[y]), len(rows), needle, start, step, stop)


def laid_out(text: str, width: int) -> StreamLines:
    lines = StreamLines(width)
    lines.append(text)
    return lines


class StreamView(LineView):
    """A reply, drawn at most 30 times a second however it arrives."""

    _may_follow = True

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self.stream = StreamLines()
        super().__init__(self.stream, id=id, classes=classes)
        self.follow = True
        self._pending = ""
        self._timer: Timer | None = None
        self._layout = 0

    @property
    def text(self) -> str:
        """All text that was given, drawn or not."""
        return self.stream.text + self._pending

    def show(self, text: str) -> None:
        """Show `text`: where it continues what is shown, the rest is appended; anything else starts anew."""
        held = self.text
        if len(text) >= len(held) and text.startswith(held):
            self.append(text[len(held) :])
            return
        self._pending = ""
        self.stream = StreamLines(self._width())
        self.follow = True
        self.set_source(self.stream)
        self.append(text)

    def append(self, text: str) -> None:
        """Add text to the end."""
        if text:
            self._pending += text
            if self._timer is None and self.is_mounted:
                self._timer = self.set_timer(PAUSE, self._flush)

    def on_mount(self) -> None:
        if self._pending:
            self._timer = self.set_timer(PAUSE, self._flush)

    def _flush(self) -> None:
        self._timer = None
        text, self._pending = self._pending, ""
        if len(text) > AT_ONCE:
            self._lay_out(self.stream.text + text)
        elif text:
            changed = self.stream.append(text)
            self.lines_changed(changed)

    def _lay_out(self, text: str) -> None:
        self._layout += 1
        self.run_worker(self._laid_out(text, self._width(), self._layout), group="layout")

    async def _laid_out(self, text: str, width: int, layout: int) -> None:
        stream = await offload(laid_out, text, width)
        if layout == self._layout:
            later = self.stream.text[len(text) :] if self.stream.text.startswith(text) else ""
            self.stream = stream
            self.set_source(stream, keep=True)
            self.append(later)

    def _width(self) -> int:
        return max(8, self.size.width - 1)

    def on_resize(self) -> None:
        if self.size.width and self._width() != self.stream.width:
            self.stream.width = self._width()
            if len(self.stream.text) > AT_ONCE:
                self._lay_out(self.stream.text)
            else:
                self.stream = laid_out(self.stream.text, self._width())
                self.set_source(self.stream, keep=True)

    def copied(self) -> str:
        return self.stream.source_line(self.cursor)
