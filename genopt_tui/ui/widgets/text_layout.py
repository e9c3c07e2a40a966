"""Lines cut, shifted or wrapped to a number of cells."""

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len, set_cell_size

from genopt_tui.ui.widgets.line_source import Line, Piece
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.symbols import SYMBOLS


def fit_line(line: Sequence[Piece], width: int, shift: int = 0) -> Line:
    """`line` from cell `shift` on in exactly `width` cells. A cut is marked; padding has the last
    style."""
    pieces: list[Piece] = []
    used = 0
    for raw, style in line:
        text = clean_line(raw)
        if shift:
            skipped = min(shift, cell_len(text))
            text, shift = set_cell_size(text[::-1], cell_len(text) - skipped)[::-1], shift - skipped
        pieces.append((text, style))
        used += cell_len(text)
    if used > width:
        return (*_cut_line(pieces, width - 1), (SYMBOLS.dots, "dim"))
    return (*pieces, (" " * (width - used), pieces[-1][1] if pieces else ""))


def _cut_line(line: Sequence[Piece], width: int) -> list[Piece]:
    pieces: list[Piece] = []
    for text, style in line:
        size = cell_len(text)
        if size >= width:
            return [*pieces, (set_cell_size(text, width), style)]
        pieces.append((text, style))
        width -= size
    return pieces


def wrap_line(line: Sequence[Piece], width: int, indent: int = 0) -> list[Line]:
    """`line` in rows of at most `width` cells, broken at spaces or brackets if possible. Further
    rows are indented by `indent` cells."""
    cells = [(character, style) for raw, style in line for character in clean_line(raw)]
    rows: list[Line] = []
    while cells:
        room = max(8, width - (indent if rows else 0))
        end = _count_fitting("".join(character for character, _ in cells[: room + 1]), room)
        if end < len(cells):
            end = next(
                (
                    i
                    for i in range(end, end // 3, -1)
                    if cells[i][0] == " " or cells[i - 1][0] in "([{,"
                ),
                end,
            )
        row = _join_cells(cells[:end])
        rows.append(((" " * indent, ""), *row) if rows and indent else row)
        cells = cells[end:]
        while cells and cells[0][0] == " ":
            cells = cells[1:]
    return rows or [()]


def _join_cells(cells: Sequence[Piece]) -> Line:
    """Merge neighbouring characters of the same style."""
    return tuple(
        ("".join(c for c, _ in run), style)
        for style, run in groupby(cells, key=lambda cell: cell[1])
    )


def break_text(line: str, width: int) -> list[str]:
    """A cleaned line in rows of at most `width` cells. Joined, the rows are exactly the line."""
    if len(line) * 2 <= width or (line.isascii() and len(line) <= width):
        return [line]
    rows = []
    while len(line) * 2 > width and (end := _count_fitting(line, width)) < len(line):
        end = line.rfind(" ", end // 3, end) + 1 or end
        rows.append(line[:end])
        line = line[end:]
    return [*rows, line]


def _count_fitting(line: str, width: int) -> int:
    """How many characters of `line` fit into `width` cells; at least one."""
    if line[:width].isascii():
        return width
    used = 0
    for index, character in enumerate(line):
        used += cell_len(character)
        if used > width:
            return max(1, index)
    return len(line)
