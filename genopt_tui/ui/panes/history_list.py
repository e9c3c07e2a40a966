"""The rows of the history with a cursor; only visible ones are drawn."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.strip import Strip

from genopt_tui.ui import words
from genopt_tui.ui.messages import PaneChanged, VersionChosen
from genopt_tui.ui.panes.history_rows import parts_of
from genopt_tui.ui.snapshot import HistoryRow
from genopt_tui.ui.widgets.text import clean_line
from genopt_tui.ui.widgets.themed import ThemedView

BLOCK = 200
"""Rows whose graph is as wide as their widest."""


class HistoryList(ThemedView, can_focus=True):
    """The rows; only visible ones are drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"history--{name}"
        for name in [
            "plain",
            "dim",
            "graph",
            "label",
            "head",
            "score",
            "up",
            "down",
            "live",
            "branch",
            "cursor",
            "mark",
        ]
    }
    DEFAULT_CSS = """
    HistoryList {
        height: 1fr; background: $surface; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .history--dim { color: $foreground 55%; }
        & > .history--graph { color: $primary; }
        & > .history--label { text-style: none; }
        & > .history--head { text-style: bold; color: $accent; }
        & > .history--score { text-style: bold; }
        & > .history--up { color: $success; }
        & > .history--down { color: $error; }
        & > .history--live { color: $warning; }
        & > .history--branch { color: $accent; }
        & > .history--cursor { background: $primary 30%; }
        & > .history--mark { text-style: reverse; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[HistoryRow] = ()
        self.drawn: Sequence[str] = ()
        self._columns: dict[int, int] = {}
        self._looks: dict[tuple[str, bool, bool], Style] = {}
        self._strips: LRUCache[tuple[int, int, bool, bool], Strip] = LRUCache(256)
        self.cursor, self.mark = 0, ""
        self.marks = words.marks()

    @property
    def row(self) -> HistoryRow | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[HistoryRow], drawn: Sequence[str]) -> None:
        """Replace the rows; the cursor stays on its version, or on the newest line when it stood there."""
        before = self.row
        self.rows = rows
        self.draw(drawn)
        if before is None or self.cursor == 0:
            self.cursor = 0
        else:
            same = (i for i, row in enumerate(rows) if (row.commit, row.label) == (before.commit, before.label))
            self.cursor = next(same, min(self.cursor, max(0, len(rows) - 1)))
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()

    def draw(self, drawn: Sequence[str]) -> None:
        """The graph of the rows that are shown."""
        self.drawn, self._columns = drawn, {}
        self._strips.clear()
        self.refresh()

    def move_to(self, index: int) -> None:
        before, self.cursor = self.cursor, max(0, min(index, len(self.rows) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh_line(before)
        self.refresh_line(self.cursor)
        self.post_message(PaneChanged())

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, self._look("plain", False, False))
        key = (index, width, index == self.cursor, self._is_marked(index))
        strip = self._strips.get(key)
        if strip is None:
            strip = Strip(self._segments(index), None).adjust_cell_length(width, self._style(index, "plain"))
            strip = self._strips[key] = strip.crop(0, width)
        return strip

    def _segments(self, index: int) -> list[Segment]:
        row = self.rows[index]
        parts = parts_of(row, self.drawn[index], self._width(index // BLOCK), self.marks, self.size.width)
        return [Segment(clean_line(text), self._style(index, name)) for text, name in parts if text]

    def _width(self, block: int) -> int:
        """Columns of the graph in this block of rows: a long history is narrow where few lines are open."""
        if block not in self._columns:
            lines = self.drawn[block * BLOCK : (block + 1) * BLOCK]
            self._columns[block] = max(map(len, lines), default=1)
        return self._columns[block]

    def _is_marked(self, index: int) -> bool:
        return bool(self.mark) and self.rows[index].commit == self.mark

    def _style(self, index: int, name: str) -> Style:
        return self._look(name, self._is_marked(index), index == self.cursor)

    def _look(self, name: str, marked: bool, cursor: bool) -> Style:
        """The style of a part, worked out once: that asks every ancestor."""
        style = self._looks.get((name, marked, cursor))
        if style is None:
            style = self.rich_style + self.get_component_rich_style(f"history--{name}", partial=True)
            if marked:
                style += self.get_component_rich_style("history--mark", partial=True)
            if cursor:
                style += Style(bgcolor=self.get_component_rich_style("history--cursor").bgcolor)
            self._looks[name, marked, cursor] = style
        return style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._looks.clear()
        self._strips.clear()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self.rows):
            self.move_to(index)
            if event.chain == 2 and self.row:
                self.post_message(VersionChosen(self.row.commit))
