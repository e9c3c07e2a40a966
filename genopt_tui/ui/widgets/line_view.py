"""Base of all views of lines: cursor, movement, search, copying and following the end.

Only visible lines are read and rendered.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.line_cache import LineCache, read_lines
from genopt_tui.ui.widgets.line_search import LineSearch
from genopt_tui.ui.widgets.line_source import Line, LineSource, TextLines, to_plain_text
from genopt_tui.ui.widgets.line_style import LINE_CSS, ThemedView
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.strips import crop_strip, get_fill_style, style_cells

BOX_WIDTH = 4
"""Cells at the left of a line; a click there means the check box."""


class LineView(ThemedView, can_focus=True, inherit_bindings=False):
    """Shows a `LineSource`. The pane calls what `acts` has for a key of the table of actions.

    There is no horizontal scroll bar: it would take a line of text.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(re.findall(r"line--[\w-]+", LINE_CSS))
    DEFAULT_CSS = LINE_CSS
    cursor = reactive(0, repaint=False)
    follow = reactive(False, repaint=False)
    """Whether the view stays at its end while lines are added. Leaving the end switches it off,
    going there switches it on."""

    class Moved(Message):
        """The cursor moved to another line."""

        def __init__(self, view: "LineView", line: int) -> None:
            self.view, self.line = view, line
            super().__init__()

        @property
        def control(self) -> "LineView":
            return self.view

    class UnseenLines(Message):
        """`count` lines were added below the visible ones; 0 once the end is visible again."""

        def __init__(self, view: "LineView", count: int) -> None:
            self.view, self.count = view, count
            super().__init__()

        @property
        def control(self) -> "LineView":
            return self.view

    class Pressed(Message):
        """The line under the cursor was clicked at cell `x`; `times` is 2 for a double click."""

        def __init__(self, view: "LineView", x: int, times: int) -> None:
            self.view, self.x, self.times = view, x, times
            super().__init__()

        @property
        def on_box(self) -> bool:
            """Whether the click hit the check box before the line: `[x]`."""
            return self.x < BOX_WIDTH and to_plain_text(
                self.view.get_line(self.view.cursor)
            ).lstrip().startswith("[")

    class NoMatch(Message):
        """A search ended without a match."""

        def __init__(self, needle: str) -> None:
            self.needle = needle
            super().__init__()

    def __init__(
        self, source: LineSource | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.source: LineSource = source if source is not None else TextLines()
        self.column_offset = 0
        self.seen_lines = 0
        """Lines from the top that have been visible, or were there when the source was set."""
        self._cache = LineCache()
        self._search = LineSearch()
        self._filling = False

    @property
    def needle(self) -> str:
        """The text searched for; empty without a search."""
        return self._search.needle

    # content

    def set_source(self, source: LineSource, *, keep: bool = False) -> None:
        """Show other lines. `keep` keeps cursor and scroll position."""
        self.source = source
        self._cache.clear()
        if not keep:
            self.column_offset = 0
            self.seen_lines = len(source)
            self.virtual_size = Size(0, len(source))
            self.scroll_to(0, 0, animate=False, force=True)
            self.cursor = 0
        self.update_lines()

    def update_lines(self, first: int | None = None) -> None:
        """Take up a change of the source: its length, and the lines from `first` on."""
        if first is not None:
            self._cache.discard_from(first)
        length = len(self.source)
        self._update_virtual_size(length)
        self.cursor = max(0, min(self.cursor, length - 1))
        if self.follow:
            self._follow_end()
        elif length > self.seen_lines:
            self.post_message(self.UnseenLines(self, length - self.seen_lines))
        self.refresh()
        self._request_visible()

    def _update_virtual_size(self, length: int) -> None:
        """Set the number of lines. The screen is laid out again only if the scroll bar appears or
        disappears: a layout for every line of a stream would be too slow."""
        before, size, height = self.virtual_size.height, Size(0, length), self.size.height
        if not height or length < before or (before > height) != (length > height):
            self.virtual_size = size
        elif before != length:
            self.set_reactive(ScrollView.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = length

    def get_line(self, y: int) -> Line:
        """Line `y`, or its draft while the line is being read."""
        return self._cache.lines.get(y) or self.source.draft(y)

    def on_mount(self) -> None:
        self.virtual_size = Size(0, len(self.source))
        self.seen_lines = len(self.source)
        self._request_visible()

    def on_resize(self) -> None:
        self._cache.strips.clear()
        if self.follow:
            self._follow_end()
        self._request_visible()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._cache.strips.clear()

    # reading the visible lines, in a thread

    def _find_missing(self) -> tuple[int, int] | None:
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        return self._cache.find_missing(top, height, len(self.source))

    def _request_visible(self) -> None:
        if not self._filling and self.is_mounted and self._find_missing():
            self._filling = True
            self.call_after_refresh(lambda: self.run_worker(self._fill_missing(), group="fill"))

    async def _fill_missing(self) -> None:
        try:
            while missing := self._find_missing():
                first, count = missing
                source = self.source
                lines = await read_lines(source, first, count)
                if lines is None:
                    return
                if source is self.source:
                    self._store_lines(first, lines)
        finally:
            self._filling = False

    def _store_lines(self, first: int, lines: Sequence[Line]) -> None:
        self._cache.store(first, lines)
        self.refresh()

    # rendering

    @property
    def line_width(self) -> int:
        """Cells for text: the width without the scroll bar."""
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        width, number = self.line_width, int(self.scroll_offset.y) + y
        if number >= len(self.source):
            return Strip.blank(width, self.get_line_style(""))
        strip = self._cache.strips.get(number)
        if strip is None:
            strip = self._cache.strips[number] = self._build_strip(self.get_line(number))
        fill = get_fill_style(self.get_line(number), strip) or self.get_line_style("")
        mark = self.get_line_style("gutter")
        strip = crop_strip(strip, self.column_offset, width, fill, mark)
        if number == self.cursor and self.has_focus:
            cursor_style = Style(bgcolor=self.get_line_style("cursor").bgcolor, bold=True)
            strip = style_cells(strip, 0, width, cursor_style)
        return self._apply_selection(strip, number).apply_offsets(self.column_offset, number)

    def _build_strip(self, line: Line) -> Strip:
        segments = [Segment(clean_line(text), self.get_line_style(names)) for text, names in line]
        segments = self._search.highlight(segments, self.get_line_style("match"))
        return Strip(segments, sum(cell_len(segment.text) for segment in segments))

    # selecting with the mouse

    def _apply_selection(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start = max(0, span[0] - self.column_offset)
        end = strip.cell_length if span[1] == -1 else max(0, span[1] - self.column_offset)
        chosen = self.screen.get_component_rich_style("screen--selection")
        return style_cells(strip, start, end, chosen)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, and the line break after it. Lines not yet read give their drafts."""
        last = selection.end.y + 1 if selection.end is not None else len(self.source)
        last = min(last, len(self.source), 100_000)
        lines = [clean_line(to_plain_text(self.get_line(y))) for y in range(last)]
        return selection.extract("\n".join(lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    # movement

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old)
        self.refresh_line(new)
        self.post_message(self.Moved(self, new))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        bottom = int(new_value) + self.size.height
        if bottom > self.seen_lines:
            self.seen_lines = min(bottom, len(self.source))
            if self.seen_lines == len(self.source):
                self.post_message(self.UnseenLines(self, 0))
        self._request_visible()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Place the bar: Textual does not update its position while it is hidden."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def go_to_line(self, y: int) -> None:
        """Move the cursor to line `y` (negative: from the end) and scroll to it."""
        length = len(self.source)
        self.cursor = y = max(0, min(y + length if y < 0 else y, length - 1))
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        if not top <= y < top + height:
            target = y if y < top else y - height + 1
            if abs(target - top) > height:
                target = y - height // 2
            self.scroll_to(y=target, animate=False, force=True)

    @property
    def acts(self) -> Acts:
        """The method for each name of an action that the view knows."""
        return {
            "down": self.act_down,
            "up": self.act_up,
            "page_down": self.act_page_down,
            "page_up": self.act_page_up,
            "left": self.act_left,
            "right": self.act_right,
            "top": self.act_top,
            "bottom": self.act_bottom,
            "find_next": self.act_find_next,
            "find_prev": self.act_find_prev,
            "copy": self.act_copy,
        }

    def act_down(self) -> None:
        self._move_by(1)

    def act_up(self) -> None:
        self._move_by(-1)

    def act_page_down(self) -> None:
        self._page_by(1)

    def act_page_up(self) -> None:
        self._page_by(-1)

    def act_left(self) -> None:
        self._scroll_sideways(-8)

    def act_right(self) -> None:
        self._scroll_sideways(8)

    def act_top(self) -> None:
        self.follow = False
        self.go_to_line(0)

    def act_bottom(self) -> None:
        self.go_to_line(-1)
        self.follow = self._can_follow

    def _move_by(self, lines: int) -> None:
        self.follow = False
        self.go_to_line(max(0, self.cursor + lines))

    def _page_by(self, pages: int) -> None:
        self.follow = False
        lines = max(1, self.size.height - 1) * pages
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)
        self.go_to_line(max(0, self.cursor + lines))

    def _scroll_sideways(self, cells: int) -> None:
        top, height = int(self.scroll_offset.y), self.size.height
        visible = range(top, min(top + height, len(self.source)))
        widest = max((len(to_plain_text(self.get_line(y))) for y in visible), default=0)
        self.column_offset = max(0, min(self.column_offset + cells, widest - 8))
        self.refresh()

    _can_follow = False

    def _follow_end(self) -> None:
        self.seen_lines = len(self.source)
        self.cursor = max(0, len(self.source) - 1)
        self.scroll_to(y=max(0, len(self.source) - self.size.height), animate=False, force=True)

    def on_mouse_scroll_up(self) -> None:
        self.follow = False

    def on_mouse_scroll_down(self) -> None:
        self.follow = self._can_follow and self.is_vertical_scroll_end

    def on_click(self, event: events.Click) -> None:
        x, row = event.get_content_offset_capture(self)
        y = int(self.scroll_offset.y) + row
        if 0 <= y < len(self.source):
            self.go_to_line(y)
            self.post_message(self.Pressed(self, x, event.chain))

    def on_focus(self) -> None:
        self.refresh_line(self.cursor)

    on_blur = on_focus

    # search and copying

    def search(self, needle: str) -> None:
        """Highlight every `needle` and go to the next one, the cursor's line included; empty ends
        the search."""
        self._search.needle = needle
        self._cache.strips.clear()
        self.refresh()
        self._search_next(1, here=True)

    def act_find_next(self) -> None:
        self._search_next(1)

    def act_find_prev(self) -> None:
        self._search_next(-1)

    def _search_next(self, step: int, here: bool = False) -> None:
        if self.needle and len(self.source):
            start = self.cursor + (0 if here else step)
            self.run_worker(self._run_search(start, step), group="seek")

    async def _run_search(self, start: int, step: int) -> None:
        source = self.source
        result = await self._search.find(source, start, step)
        if result is None or source is not self.source:
            return
        if result.line is None:
            self.post_message(self.NoMatch(result.needle))
        else:
            self.follow = False
            self.go_to_line(result.line)

    def on_unmount(self) -> None:
        self._search.cancel()

    def act_copy(self) -> None:
        if len(self.source):
            self.post_message(CopyRequested(self.get_copy_text(), "line"))

    def get_copy_text(self) -> str:
        """The text that `act_copy` copies: the line under the cursor."""
        return to_plain_text(self.get_line(self.cursor))
