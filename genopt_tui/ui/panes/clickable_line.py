"""A line of clickable parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from genopt_tui.errors import single_line
from genopt_tui.ui.widgets.safe_text import clean_line

NARROW_WIDTH = 120
"""Columns below which the lines around the panes use short forms."""


@dataclass(frozen=True, slots=True)
class LinePart:
    """A part of a line; a click on it runs `action`, if that is not empty."""

    text: str
    style: str = ""
    action: str = ""


class ClickableLine(Widget):
    """One line of parts, cut off at the right. Its text is never markup."""

    DEFAULT_CSS = "ClickableLine { height: 1; width: 100%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.parts: tuple[LinePart, ...] = ()

    def show(self, parts: Sequence[LinePart]) -> None:
        """Replace the line; redraws only if it changed."""
        parts = tuple(
            LinePart(clean_line(flatten_line(part.text)), part.style, part.action)
            for part in parts
            if part.text
        )
        if parts != self.parts:
            self.parts = parts
            self.refresh()

    def render(self) -> Content:
        return Content.assemble(
            *((part.text, part.style) if part.style else part.text for part in self.parts)
        )

    @property
    def text(self) -> str:
        """The line as plain text."""
        return "".join(part.text for part in self.parts)

    async def on_click(self, event: events.Click) -> None:
        end = 0
        for part in self.parts:
            end += cell_len(part.text)
            if event.x < end:
                if part.action:
                    await self.run_action(f"screen.act('{part.action}')")
                return


def flatten_line(text: str) -> str:
    """`text` on one line; spaces are kept."""
    return text if text.isprintable() else single_line(text)


def count_cells(parts: Sequence[LinePart]) -> int:
    """Width of these parts in cells."""
    return sum(cell_len(part.text) for part in parts)


def take_fitting(parts: Sequence[LinePart], room: int) -> list[LinePart]:
    """The first part, and those of the others that fit whole into `room` cells."""
    chosen: list[LinePart] = []
    for part in parts:
        if not chosen or count_cells([*chosen, part]) <= room:
            chosen.append(part)
    return chosen
