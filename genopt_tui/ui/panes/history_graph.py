"""The branch graph beside the history: a column of cells for each open branch."""

from collections.abc import Sequence

from genopt_tui.ui.formatters import Symbols
from genopt_tui.ui.state.snapshot import HistoryRow

MAX_LANES = 8
"""Columns drawn; branches further to the right share the last one."""


def draw_graph(rows: Sequence[HistoryRow], head: str, marks: Symbols) -> list[str]:
    """The graph cells of every row, newest first. The line to head is the first column."""
    lanes = Lanes(head)
    known = {row.commit for row in rows}
    return [lanes.draw_row(row, known, marks) for row in rows]


class Lanes:
    """Open branches: for each column the commit it leads to, None for a free column."""

    def __init__(self, head: str) -> None:
        self._lanes: list[str | None] = [head] if head else []
        self._waiting: dict[str, list[int]] = {head: [0]} if head else {}

    def draw_row(self, row: HistoryRow, known: set[str], marks: Symbols) -> str:
        """The graph cells of one row; afterwards the lanes are those below it."""
        if row.kind == "rejected":
            return (
                marks.rejected
                + "".join(marks.pipe if lane else " " for lane in self._lanes[1:MAX_LANES]).rstrip()
            )
        first, *merged = self._waiting.pop(row.commit, None) or [self._find_free_lane()]
        mark = marks.abandoned if row.kind == "abandoned" else marks.accepted
        cells = self._draw_cells(first, merged, mark, marks)
        for lane in merged:
            self._lanes[lane] = None
        parent = row.parents[0] if row.parents and row.parents[0] in known else None
        self._lanes[first] = parent
        if parent:
            self._waiting.setdefault(parent, []).append(first)
            self._waiting[parent].sort()
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        return cells

    def _find_free_lane(self) -> int:
        """A free column."""
        for index, lane in enumerate(self._lanes):
            if lane is None:
                return index
        self._lanes.append(None)
        return len(self._lanes) - 1

    def _draw_cells(self, first: int, merged: Sequence[int], mark: str, marks: Symbols) -> str:
        cells = [marks.pipe if lane else " " for lane in self._lanes[:MAX_LANES]]
        for lane in merged:
            if lane < MAX_LANES:
                cells[lane] = marks.end
                for between in range(first + 1, lane):
                    if cells[between] in {" ", marks.pipe}:
                        cells[between] = marks.dash
        cells[min(first, len(cells) - 1)] = mark
        return "".join(cells).rstrip()
