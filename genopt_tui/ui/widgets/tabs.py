"""A line of names of which one is shown; a click chooses another."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from genopt_tui.ui.widgets.text import clean_line


class Tabs(Widget):
    """Hidden while there are fewer than two names."""

    DEFAULT_CSS = "Tabs { height: 1; width: 100%; background: $panel; }"

    class Chosen(Message):
        """The tab `index` was clicked."""

        def __init__(self, tabs: "Tabs", index: int) -> None:
            self.tabs, self.index = tabs, index
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.names: tuple[str, ...] = ()
        self.active = 0
        self.display = False

    def show(self, names: Sequence[str], active: int) -> None:
        """Replace the names."""
        shown = tuple(clean_line(name) for name in names)
        if (shown, active) != (self.names, self.active):
            self.names, self.active = shown, active
            self.display = len(shown) > 1
            self.refresh()

    def _first(self) -> int:
        """The first tab drawn: earlier ones give way until the active one fits."""
        first, room = 0, self.size.width
        while first < self.active and sum(cell_len(n) + 2 for n in self.names[first : self.active + 1]) > room:
            first += 1
        return first

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for index, name in enumerate(self.names[self._first() :], self._first()):
            parts.append((f" {name} ", "bold reverse" if index == self.active else "dim"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for index, name in enumerate(self.names[self._first() :], self._first()):
            at += cell_len(name) + 2
            if event.x < at:
                self.post_message(self.Chosen(self, index))
                return
