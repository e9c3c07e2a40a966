"""The graph of branches beside the history: one cell column for each line of versions that is open."""

from collections.abc import Sequence

from genopt_tui.ui.snapshot import HistoryRow
from genopt_tui.ui.words import Marks

LANES = 8


def graph(rows: Sequence[HistoryRow], head: str, marks: Marks) -> list[str]:
    """The graph's part of every row (newest first). Head's line is the first column."""
    lanes: list[str] = [head] if head else []
    known = {row.commit for row in rows}
    return [_line(row, lanes, known, marks) for row in rows]


def _line(row: HistoryRow, lanes: list[str], known: set[str], marks: Marks) -> str:
    """One row's part; `lanes` holds the commit that each open line waits for, and is moved on."""
    if row.kind == "rejected":
        return marks.rejected + marks.pipe * min(len(lanes) - 1, LANES)
    here = [i for i, commit in enumerate(lanes) if commit == row.commit]
    if not here:
        lanes.append(row.commit)
        here = [len(lanes) - 1]
    first, *merged = here
    cells = [marks.pipe] * len(lanes)
    cells[first] = marks.abandoned if row.kind == "abandoned" else marks.accepted
    for lane in merged:
        cells[lane] = marks.end
        for between in range(first + 1, lane):
            if cells[between] == marks.pipe:
                cells[between] = marks.dash
    for lane in reversed(merged):
        del lanes[lane]
    parent = row.parents[0] if row.parents and row.parents[0] in known else ""
    if parent:
        lanes[first] = parent
    else:
        del lanes[first]
    return "".join(cells[:LANES])
