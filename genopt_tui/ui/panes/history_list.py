"""The rows of the history, with a cursor."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.strip import Strip

from genopt_tui.ui import formatters
from genopt_tui.ui.messages import PaneChanged, VersionSelected
from genopt_tui.ui.panes.history_text import format_row
from genopt_tui.ui.state.snapshot import HistoryRow
from genopt_tui.ui.widgets.line_style import ThemedView
from genopt_tui.ui.widgets.safe_text import clean_line

GRAPH_BLOCK = 200
"""Rows that share one width of the graph."""


class HistoryList(ThemedView, can_focus=True):
    """A list of rows that renders only the visible ones."""

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
        self.graph_lines: Sequence[str] = ()
        self._graph_widths: dict[int, int] = {}
        self._part_styles: dict[tuple[str, bool, bool], Style] = {}
        self._strips: LRUCache[tuple[int, int, bool, bool], Strip] = LRUCache(256)
        self.cursor, self.marked_commit = 0, ""
        self.symbols = formatters.choose_symbols()

    @property
    def row(self) -> HistoryRow | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[HistoryRow], graph_lines: Sequence[str]) -> None:
        """Replace the rows. The cursor stays on its version, or on the newest row if it was
        there."""
        before = self.row
        self.rows = rows
        self.show_graph(graph_lines)
        if before is None or self.cursor == 0:
            self.cursor = 0
        else:
            matches = (
                i
                for i, row in enumerate(rows)
                if (row.commit, row.label) == (before.commit, before.label)
            )
            self.cursor = next(matches, min(self.cursor, max(0, len(rows) - 1)))
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()

    def show_graph(self, graph_lines: Sequence[str]) -> None:
        """Replace the graph of the rows."""
        self.graph_lines, self._graph_widths = graph_lines, {}
        self._strips.clear()
        self.refresh()

    def move_cursor(self, index: int) -> None:
        before, self.cursor = self.cursor, max(0, min(index, len(self.rows) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh_line(before)
        self.refresh_line(self.cursor)
        self.post_message(PaneChanged())

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, self._get_part_style("plain", False, False))
        key = (index, width, index == self.cursor, self._is_marked(index))
        strip = self._strips.get(key)
        if strip is None:
            strip = Strip(self._build_segments(index), None).adjust_cell_length(
                width, self._get_row_style(index, "plain")
            )
            strip = self._strips[key] = strip.crop(0, width)
        return strip

    def _build_segments(self, index: int) -> list[Segment]:
        row = self.rows[index]
        parts = format_row(
            row,
            self.graph_lines[index],
            self._get_graph_width(index // GRAPH_BLOCK),
            self.symbols,
            self.size.width,
        )
        return [
            Segment(clean_line(text), self._get_row_style(index, name))
            for text, name in parts
            if text
        ]

    def _get_graph_width(self, block: int) -> int:
        """Columns of the graph in a block of rows: blocks with few branches are narrow."""
        if block not in self._graph_widths:
            lines = self.graph_lines[block * GRAPH_BLOCK : (block + 1) * GRAPH_BLOCK]
            self._graph_widths[block] = max(map(len, lines), default=1)
        return self._graph_widths[block]

    def _is_marked(self, index: int) -> bool:
        return bool(self.marked_commit) and self.rows[index].commit == self.marked_commit

    def _get_row_style(self, index: int, name: str) -> Style:
        return self._get_part_style(name, self._is_marked(index), index == self.cursor)

    def _get_part_style(self, name: str, marked: bool, cursor: bool) -> Style:
        """Style of a part of a row, cached because computing it visits every ancestor."""
        style = self._part_styles.get((name, marked, cursor))
        if style is None:
            style = self.rich_style + self.get_component_rich_style(
                f"history--{name}", partial=True
            )
            if marked:
                style += self.get_component_rich_style("history--mark", partial=True)
            if cursor:
                style += Style(bgcolor=self.get_component_rich_style("history--cursor").bgcolor)
            self._part_styles[name, marked, cursor] = style
        return style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._part_styles.clear()
        self._strips.clear()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self.rows):
            self.move_cursor(index)
            if event.chain == 2 and self.row:
                self.post_message(VersionSelected(self.row.commit))
