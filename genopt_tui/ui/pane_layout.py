"""Where the panes stand: columns of panes, resized by key or by dragging an edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PANE_NAMES: Mapping[int, str] = {
    1: "History",
    2: "Artifact",
    3: "Trace",
    4: "Evidence",
    5: "Proposal",
}
MIN_WIDE_WIDTH, MIN_TWO_WIDTH, MIN_SCREEN_HEIGHT = 160, 100, 30
"""Sizes from which there are three columns, two columns, and more than one pane."""
COLUMNS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "wide": ((1,), (2, 4), (3, 5)),
    "two": ((1, 4), (2, 3, 5)),
    "wide-decide": ((1,), (2, 4), (3, 5)),
    "two-decide": ((1, 5),),
}
"""By layout, the panes of each column from top to bottom."""
DEFAULT_SHARES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "wide": {"columns": (10, 12, 14), "1": (10, 10), "2": (10, 10)},
    "two": {"columns": (8, 10), "0": (10, 10), "1": (8, 8, 14)},
    "wide-decide": {"columns": (8, 8, 20), "1": (10, 10), "2": (3, 22)},
    "two-decide": {"columns": (1,), "0": (5, 20)},
}
"""Shares of the columns, and of the panes in each column that holds several (by the column's
number)."""
MAX_SHARE = 1000
"""The largest share: shares that a person chose are numbers of cells."""
MIN_PANE_WIDTH, MIN_PANE_HEIGHT = 16, 4
"""Cells that a pane keeps."""
Shares = dict[str, dict[str, list[int]]]
Box = tuple[int, int, int, int]
"""Column, row, width and height, in cells."""


def choose_layout(width: int, height: int) -> str:
    """The layout for a screen of this size; empty where there is room for one pane."""
    if width < MIN_TWO_WIDTH or height < MIN_SCREEN_HEIGHT:
        return ""
    return "wide" if width >= MIN_WIDE_WIDTH else "two"


def choose_decision_layout(layout: str) -> str:
    """The layout in which a proposal is decided on: it takes half of a wide screen, and all but a
    strip of the history of a smaller one."""
    return layout and f"{layout}-decide"


def list_panes(layout: str) -> set[int]:
    """Numbers of the panes that a layout shows."""
    return {number for column in COLUMNS[layout] for number in column}


def validate_shares(given: object = None) -> Shares:
    """Shares as read from the preferences, with defaults where they are not valid."""
    layouts = given if isinstance(given, dict) else {}
    out: Shares = {}
    for layout, groups in DEFAULT_SHARES.items():
        kept = layouts.get(layout)
        groups_kept = kept if isinstance(kept, dict) else {}
        out[layout] = {
            group: _validate_group(groups_kept.get(group), default)
            for group, default in groups.items()
        }
    return out


def _validate_group(kept: object, default: tuple[int, ...]) -> list[int]:
    if not isinstance(kept, list) or len(kept) != len(default):
        return list(default)
    good = all(isinstance(share, int) and 1 <= share <= MAX_SHARE for share in kept)
    return list(kept) if good else list(default)


def divide_cells(shares: Sequence[int], room: int) -> list[int]:
    """Divide `room` cells by shares; the sum is exact."""
    total, before, out = sum(shares), 0, []
    for n in range(1, len(shares) + 1):
        end = round(room * sum(shares[:n]) / total)
        out.append(end - before)
        before = end
    return out


def place_panes(
    layout: str, shares: Mapping[str, Sequence[int]], width: int, height: int
) -> dict[int, Box]:
    """Where each pane stands, by its number."""
    out: dict[int, Box] = {}
    x = 0
    for column, (panes, w) in enumerate(
        zip(COLUMNS[layout], divide_cells(shares["columns"], width), strict=True)
    ):
        y = 0
        for number, h in zip(
            panes, divide_cells(shares.get(str(column), (1,)), height), strict=True
        ):
            out[number] = (x, y, w, h)
            y += h
        x += w
    return out


@dataclass(frozen=True, slots=True)
class Edge:
    """The edge between share `index` of `group` and the next one."""

    group: str
    index: int


def find_edge(
    layout: str, shares: Mapping[str, Sequence[int]], width: int, height: int, x: int, y: int
) -> Edge | None:
    """The edge that can be dragged at a cell; it is two cells wide, one of each frame."""
    at = 0
    for index, w in enumerate(divide_cells(shares["columns"], width)):
        at += w
        if x in (at - 1, at) and at < width:
            return Edge("columns", index)
        if x < at:
            return _find_row_edge(index, shares, height, y)
    return None


def _find_row_edge(
    column: int, shares: Mapping[str, Sequence[int]], height: int, y: int
) -> Edge | None:
    at = 0
    for index, h in enumerate(divide_cells(shares.get(str(column), (1,)), height)):
        at += h
        if y in (at - 1, at) and at < height:
            return Edge(str(column), index)
    return None


def move_edge(shares: Mapping[str, Sequence[int]], edge: Edge, to: int, room: int) -> list[int]:
    """The shares of the edge's group, in cells of `room`, after the edge was dragged to cell
    `to`."""
    now = divide_cells(shares[edge.group], room)
    least = MIN_PANE_WIDTH if edge.group == "columns" else MIN_PANE_HEIGHT
    before, both = sum(now[: edge.index]), now[edge.index] + now[edge.index + 1]
    if both >= 2 * least:
        now[edge.index] = max(least, min(to - before, both - least))
        now[edge.index + 1] = both - now[edge.index]
    return now


def resize_pane(
    layout: str, shares: Mapping[str, Sequence[int]], number: int, by: int, room: tuple[int, int]
) -> dict[str, list[int]]:
    """All shares after pane `number` became larger (`by` 1) or smaller (-1), as far as its
    neighbours allow."""
    out = {group: list(values) for group, values in shares.items()}
    column = next(c for c, panes in enumerate(COLUMNS[layout]) if number in panes)
    row = COLUMNS[layout][column].index(number)
    for group, place, whole, unit in (
        ("columns", column, room[0], 36),
        (str(column), row, room[1], 20),
    ):
        if len(shares.get(group, ())) > 1:
            last = place == len(shares[group]) - 1
            edge = Edge(group, place - 1 if last else place)
            position = sum(divide_cells(shares[group], whole)[: edge.index + 1])
            out[group] = move_edge(
                shares, edge, position + (-by if last else by) * max(1, whole // unit), whole
            )
    return out
