"""Sizes of the panes as shares of the screen, by layout, and how a pane's number finds its own."""

from collections.abc import Mapping

LEAST, MOST = 2, 30
Shares = dict[str, dict[str, list[int]]]
DEFAULT: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "wide": {"columns": (10, 12, 14), "rows": (10, 10)},
    "two": {"columns": (8, 10)},
}
COLUMNS = {"wide": {1: 0, 2: 1, 3: 2, 4: 1, 5: 2}, "two": {1: 0, 2: 1, 3: 1, 4: 0, 5: 1}}
ROWS = {"wide": {2: 0, 3: 0, 4: 1, 5: 1}}


def shares(given: object = None) -> Shares:
    """Shares as kept, with the defaults where something else was kept."""
    found = given if isinstance(given, dict) else {}
    out: Shares = {}
    for layout, groups in DEFAULT.items():
        kept = found.get(layout)
        of = kept if isinstance(kept, dict) else {}
        out[layout] = {group: _valid(of.get(group), default) for group, default in groups.items()}
    return out


def _valid(kept: object, default: tuple[int, ...]) -> list[int]:
    if not isinstance(kept, list) or len(kept) != len(default):
        return list(default)
    good = all(isinstance(share, int) and LEAST <= share <= MOST for share in kept)
    return list(kept) if good else list(default)


def places(layout: str, number: int) -> list[tuple[str, int]]:
    """Which shares a pane's size depends on."""
    found = [("columns", COLUMNS[layout][number])]
    if number in ROWS.get(layout, {}):
        found.append(("rows", ROWS[layout][number]))
    return found


def styles(shares: Shares, layout: str) -> dict[str, str | None]:
    """The grid's inline styles; None takes them away where the style sheet's own hold."""
    chosen = shares.get(layout, {})
    default = DEFAULT.get(layout, {})
    names = {"grid_columns": "columns", "grid_rows": "rows"}
    return {
        style: " ".join(f"{share}fr" for share in chosen[group])
        if group in chosen and tuple(chosen[group]) != default[group]
        else None
        for style, group in names.items()
    }
