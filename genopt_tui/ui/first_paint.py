"""The first content: head's score and artifact in the frames of the panes, drawn by one widget.

It stands while the panes are being loaded, so it imports next to nothing.
"""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from genopt_tui.session.summary import HeadSummary
from genopt_tui.ui import formatters, pane_layout

SURROUNDING_LINES = 3
"""Rows around the panes: status, gate, footer."""


def place_frames(width: int, height: int) -> list[tuple[str, int, int, int, int]]:
    """Title, column, row, width and height of each pane, as the main screen places them."""
    rows, layout = height - SURROUNDING_LINES, pane_layout.choose_layout(width, height)
    if not layout:
        return [(f"1 {pane_layout.PANE_NAMES[1]}", 0, 2, width, rows - 1)]
    boxes = pane_layout.place_panes(layout, pane_layout.DEFAULT_SHARES[layout], width, rows)
    return [
        (f"{number} {pane_layout.PANE_NAMES[number]}", x, y + 1, w, h)
        for number, (x, y, w, h) in sorted(boxes.items())
    ]


class FirstPaint(Widget):
    """Head's row in History and its first file in Artifact."""

    DEFAULT_CSS = "FirstPaint { width: 100%; height: 100%; background: $surface; }"

    def __init__(self, name: str, head: HeadSummary) -> None:
        super().__init__()
        self._status = f" genopt  {name} · {head.branch or 'detached'}@{head.label}"
        score = head.score
        gate = f"{formatters.format_score(score.mean):>6} n{score.n}" if score else ""
        self._history = [
            f"{formatters.choose_symbols().accepted} {head.label:<5}{gate}  {head.subject}"
        ]
        first = min(head.files, default="")
        self._artifact = [
            f"{n:>3}   {line}"
            for n, line in enumerate(head.files.get(first, "").split("\n")[:200], 1)
        ]
        self._drawn: list[str] = []

    def on_resize(self) -> None:
        self._drawn = self._draw(*self.size)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        text = self._drawn[y] if y < len(self._drawn) else ""
        style = self.rich_style + Style(dim=y > 0)
        return Strip([Segment(text, style)]).adjust_cell_length(self.size.width, style)

    def _draw(self, width: int, height: int) -> list[str]:
        canvas = [[" "] * width for _ in range(height)]
        if not height:
            return []
        _write_text(canvas, 0, 0, self._status, width)
        for title, x, y, w, h in place_frames(width, height):
            lines = (
                self._history
                if title.startswith("1")
                else self._artifact
                if title.startswith("2")
                else []
            )
            _draw_box(canvas, title, x, y, w, h)
            for row, line in enumerate(lines[: max(0, h - 2)]):
                _write_text(canvas, x + 1, y + 1 + row, line, w - 2)
        return ["".join(row) for row in canvas]


def _draw_box(canvas: list[list[str]], title: str, x: int, y: int, w: int, h: int) -> None:
    _write_text(canvas, x, y, f"┌─ {title} " + "─" * w, w - 1)
    _write_text(canvas, x + w - 1, y, "┐", 1)
    _write_text(canvas, x, y + h - 1, "└" + "─" * (w - 2) + "┘", w)
    for row in range(y + 1, y + h - 1):
        _write_text(canvas, x, row, "│", 1)
        _write_text(canvas, x + w - 1, row, "│", 1)


def _write_text(canvas: list[list[str]], x: int, y: int, text: str, room: int) -> None:
    """Write into one row. Characters that are not one cell wide, or control the terminal, become
    dots: the panes replace them in a moment."""
    if 0 <= y < len(canvas):
        for offset, character in enumerate(text[:room]):
            if 0 <= x + offset < len(canvas[y]):
                narrow = character.isprintable() and (
                    ord(character) < 0x300 or 0x2500 <= ord(character) < 0x2600
                )
                canvas[y][x + offset] = character if narrow else "."
