"""The base of all views of lines: cursor, movement, search, copying, following the end. Only
visible lines are rendered."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool
from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.widgets.line_source import Line, LineSource, TextLines, to_plain_text
from genopt_tui.ui.widgets.line_style import LINE_CSS, ThemedView
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.symbols import SYMBOLS

BOX_WIDTH = 4
"""Cells at the left of a line in which a click means the box there."""


class LineView(ThemedView, can_focus=True, inherit_bindings=False):
    """Shows a `Source`. Keys come from the table of actions by way of the pane, as `act_NAME`.

    One moves sideways without a bar, so that no line is lost to one.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(re.findall(r"line--[\w-]+", LINE_CSS))
    DEFAULT_CSS = LINE_CSS
    cursor = reactive(0, repaint=False)
    follow = reactive(False, repaint=False)
    """Whether the view stays at its end while lines are added; moving away from the end stops it,
    going there starts it."""

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, view: "LineView", line: int) -> None:
            self.view, self.line = view, line
            super().__init__()

        @property
        def control(self) -> "LineView":
            return self.view

    class UnseenLines(Message):
        """`count` lines were added below the visible end while the view does not follow; 0 when it
        has caught up."""

        def __init__(self, view: "LineView", count: int) -> None:
            self.view, self.count = view, count
            super().__init__()

        @property
        def control(self) -> "LineView":
            return self.view

    class Pressed(Message):
        """The line under the cursor was clicked at cell `x`, for the `times`th time in a row."""

        def __init__(self, view: "LineView", x: int, times: int) -> None:
            self.view, self.x, self.times = view, x, times
            super().__init__()

        @property
        def on_box(self) -> bool:
            """Whether it was the box before the line that was clicked: `[x]`."""
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
        self.needle = ""
        self.column_offset = 0
        self.seen_lines = 0
        self._line_cache: LRUCache[int, Line] = LRUCache(2048)
        self._strip_cache: LRUCache[int, Strip] = LRUCache(512)
        self._style_cache: dict[str, Style] = {}
        self._filling = False
        self._search_number = 0

    # content

    def set_source(self, source: LineSource, *, keep: bool = False) -> None:
        """Show other lines; `keep` leaves cursor and scroll position where they are."""
        self.source = source
        self._clear_caches()
        if not keep:
            self.column_offset = 0
            self.seen_lines = len(source)
            self.virtual_size = Size(0, len(source))
            self.scroll_to(0, 0, animate=False, force=True)
            self.cursor = 0
        self.update_lines()

    def update_lines(self, first: int | None = None) -> None:
        """The source has more, fewer or (from `first` on) other lines."""
        if first is not None:
            _discard_from(self._line_cache, first)
            _discard_from(self._strip_cache, first)
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
        """Note the number of lines. All of the screen is laid out anew only where the scroll bar
        comes or goes with them."""
        before, size, height = self.virtual_size.height, Size(0, length), self.size.height
        if not height or length < before or (before > height) != (length > height):
            self.virtual_size = size
        elif before != length:
            self.set_reactive(ScrollView.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = length

    def get_line(self, y: int) -> Line:
        """Line `y` as far as it is known."""
        return self._line_cache.get(y) or self.source.draft(y)

    def on_mount(self) -> None:
        self.virtual_size = Size(0, len(self.source))
        self.seen_lines = len(self.source)
        self._request_visible()

    def on_resize(self) -> None:
        self._strip_cache.clear()
        if self.follow:
            self._follow_end()
        self._request_visible()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._style_cache.clear()
        self._strip_cache.clear()

    def _clear_caches(self) -> None:
        self._line_cache.clear()
        self._strip_cache.clear()

    # reading what is visible, off the loop

    def _find_missing(self) -> tuple[int, int] | None:
        height, length = max(1, self.size.height), len(self.source)
        top = int(self.scroll_offset.y)
        lacking = [y for y in range(top, min(length, top + height)) if y not in self._line_cache]
        if not lacking:
            return None
        first, last = lacking[0], min(length, lacking[-1] + 1 + height // 2)
        return first, last - first

    def _request_visible(self) -> None:
        if not self._filling and self.is_mounted and self._find_missing():
            self._filling = True
            self.call_after_refresh(lambda: self.run_worker(self._fill_missing(), group="fill"))

    async def _fill_missing(self) -> None:
        try:
            while missing := self._find_missing():
                first, count = missing
                source = self.source
                lines = await self._read_lines(source, first, count)
                if lines is None:
                    return
                if source is self.source:
                    self._store_lines(first, lines)
        finally:
            self._filling = False

    async def _read_lines(
        self, source: LineSource, first: int, count: int
    ) -> Sequence[Line] | None:
        try:
            return await run_in_pool(source.fill, first, count)
        except EXPECTED_ERRORS as error:
            return [((f"! cannot be read: {error}", "bad"),)] * count

    def _store_lines(self, first: int, lines: Sequence[Line]) -> None:
        for y, line in enumerate(lines, first):
            self._line_cache[y] = line
            self._strip_cache.discard(y)
        self.refresh()

    # rendering

    def get_line_style(self, names: str) -> Style:
        """The style of component names: what they set, over the view's own."""
        style = self._style_cache.get(names)
        if style is None:
            style = self.rich_style
            for name in names.split():
                style += self._get_own_style(f"line--{name}")
            self._style_cache[names] = style
        return style

    def _get_own_style(self, component: str) -> Style:
        full, rules = self.get_component_rich_style(component), self.get_component_styles(component)
        text = rules.text_style if rules.has_rule("text_style") else Style.null()
        return (
            Style(
                color=full.color if rules.has_rule("color") else None,
                bgcolor=full.bgcolor if rules.has_rule("background") else None,
            )
            + text
        )

    @property
    def line_width(self) -> int:
        """Columns of a line: all but the scroll bar's."""
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        width, number = self.line_width, int(self.scroll_offset.y) + y
        if number >= len(self.source):
            return Strip.blank(width, self.get_line_style(""))
        strip = self._strip_cache.get(number)
        if strip is None:
            strip = self._strip_cache[number] = self._build_strip(self.get_line(number))
        ground = (
            strip._segments[-1].style
            if strip._segments and self._has_filled_background(number)
            else None
        )
        length = strip.cell_length
        strip = strip.crop_extend(
            self.column_offset, self.column_offset + width, ground or self.get_line_style("")
        )
        if length > self.column_offset + width > 1:
            strip = Strip(
                [*strip.crop(0, width - 1), Segment(SYMBOLS.more, self.get_line_style("gutter"))],
                width,
            )
        if number == self.cursor and self.has_focus:
            strip = Strip(
                Segment.apply_style(
                    strip,
                    post_style=Style(bgcolor=self.get_line_style("cursor").bgcolor, bold=True),
                ),
                width,
            )
        return self._apply_selection(strip, number).apply_offsets(self.column_offset, number)

    def _has_filled_background(self, y: int) -> bool:
        """Whether the background of the line's last piece goes on to the right edge."""
        line = self.get_line(y)
        return bool(line) and any(name in line[-1][1] for name in ("added", "removed", "hunk"))

    def _build_strip(self, line: Line) -> Strip:
        segments = [Segment(clean_line(text), self.get_line_style(names)) for text, names in line]
        if self.needle:
            segments = self._highlight_matches(segments)
        return Strip(segments, sum(cell_len(segment.text) for segment in segments))

    def _highlight_matches(self, segments: list[Segment]) -> list[Segment]:
        marked, fold = [], self.needle == self.needle.lower()
        for text, style, _ in segments:
            at, rest = 0, text.lower() if fold else text
            if len(rest) != len(text):
                rest = text
            while (found := rest.find(self.needle, at)) >= 0:
                end = found + len(self.needle)
                marked += [
                    Segment(text[at:found], style),
                    Segment(text[found:end], self.get_line_style("match")),
                ]
                at = end
            marked.append(Segment(text[at:], style))
        return [segment for segment in marked if segment.text]

    # selecting with the mouse

    def _apply_selection(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start, end = span
        start, end = (
            max(0, start - self.column_offset),
            strip.cell_length if end == -1 else max(0, end - self.column_offset),
        )
        before, inside, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
        chosen = self.screen.get_component_rich_style("screen--selection")
        return Strip.join([before, Strip(Segment.apply_style(inside, post_style=chosen)), after])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, from the lines that are in memory."""
        last = selection.end.y + 1 if selection.end is not None else len(self.source)
        last = min(last, len(self.source), 100_000)
        return selection.extract(
            "\n".join(clean_line(to_plain_text(self.get_line(y))) for y in range(last))
        ), "\n"

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
        """Textual tells a bar of no move while it is not shown."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def go_to_line(self, y: int) -> None:
        """Put the cursor on line `y` (negative: from the end) and show it."""
        length = len(self.source)
        y = max(0, min(y + length if y < 0 else y, length - 1))
        self.cursor = y
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        if not top <= y < top + height:
            target = y if y < top else y - height + 1
            if abs(target - top) > height:
                target = y - height // 2
            self.scroll_to(y=target, animate=False, force=True)

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

    def _move_by(self, by: int) -> None:
        self.follow = False
        self.go_to_line(max(0, self.cursor + by))

    def _page_by(self, pages: int) -> None:
        self.follow = False
        by = max(1, self.size.height - 1) * pages
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)
        self.go_to_line(max(0, self.cursor + by))

    def _scroll_sideways(self, by: int) -> None:
        top, height = int(self.scroll_offset.y), self.size.height
        widest = max(
            (
                len(to_plain_text(self.get_line(y)))
                for y in range(top, min(top + height, len(self.source)))
            ),
            default=0,
        )
        self.column_offset = max(0, min(self.column_offset + by, widest - 8))
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
        y = int(self.scroll_offset.y) + event.get_content_offset_capture(self).y
        if 0 <= y < len(self.source):
            self.go_to_line(y)
            self.post_message(
                self.Pressed(self, event.get_content_offset_capture(self).x, event.chain)
            )

    def on_focus(self) -> None:
        self.refresh_line(self.cursor)

    def on_blur(self) -> None:
        self.refresh_line(self.cursor)

    # search and copying

    def search(self, needle: str) -> None:
        """Mark `needle` wherever it stands and go to the next one from here on; empty: mark
        nothing."""
        self.needle = needle
        self._strip_cache.clear()
        self.refresh()
        self._search_next(1, here=True)

    def act_find_next(self) -> None:
        self._search_next(1)

    def act_find_prev(self) -> None:
        self._search_next(-1)

    def _search_next(self, step: int, here: bool = False) -> None:
        if self.needle and len(self.source):
            self._search_number += 1
            self.run_worker(
                self._run_search(self.cursor + (0 if here else step), step, self._search_number),
                group="seek",
            )

    async def _run_search(self, start: int, step: int, search: int) -> None:
        source, needle = self.source, self.needle
        found = await run_in_pool(
            source.find, needle, start, step, lambda: search != self._search_number
        )
        if source is self.source and search == self._search_number:
            if found is None:
                self.post_message(self.NoMatch(needle))
            else:
                self.follow = False
                self.go_to_line(found)

    def on_unmount(self) -> None:
        self._search_number += 1

    def act_copy(self) -> None:
        if len(self.source):
            self.post_message(CopyRequested(self.get_copy_text(), "line"))

    def get_copy_text(self) -> str:
        """What `y` copies: the line under the cursor."""
        return to_plain_text(self.get_line(self.cursor))


def _discard_from(cache: LRUCache[int, Any], first: int) -> None:
    """Forget lines from `first` on."""
    for y in list(cache.keys()):
        if y >= first:
            cache.discard(y)
