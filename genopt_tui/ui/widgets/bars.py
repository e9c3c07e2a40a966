"""A line of names of which one is shown; a click chooses another.

The line that says which keys work: a click on one presses it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from genopt_tui.ui.widgets.safe_text import clean_line


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

    def _find_first_visible(self) -> int:
        """The first tab drawn: earlier ones give way until the active one fits."""
        first, room = 0, self.size.width
        while (
            first < self.active
            and sum(cell_len(n) + 2 for n in self.names[first : self.active + 1]) > room
        ):
            first += 1
        return first

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for index, name in enumerate(
            self.names[self._find_first_visible() :], self._find_first_visible()
        ):
            parts.append((f" {name} ", "bold reverse" if index == self.active else "dim"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for index, name in enumerate(
            self.names[self._find_first_visible() :], self._find_first_visible()
        ):
            at += cell_len(name) + 2
            if event.x < at:
                self.post_message(self.Chosen(self, index))
                return


KEYS_BY_LABEL = {
    "Enter": "enter",
    "Esc": "escape",
    "Tab": "tab",
    "/": "slash",
    "[": "left_square_bracket",
}
KEYS_BY_LABEL["]"] = "right_square_bracket"
"""Keys as they are written here, and as the application calls them."""
HINT_PATTERN = re.compile(r"\S+(?: \S+)*|\s+")


class KeyHints(Static):
    """Keys and what they do, one blank between words and two between one key and the next."""

    def __init__(self, text: str, **options: Any) -> None:
        super().__init__(Content.assemble(*_split_hints(text)), markup=False, **options)

    def on_click(self, event: events.Click) -> None:
        if key := event.style.meta.get("key"):
            self.app.simulate_key(key)


def _split_hints(text: str) -> Iterator[Content | str]:
    for part in HINT_PATTERN.findall(text):
        word, *_ = part.split(" ")
        key = KEYS_BY_LABEL.get(
            word, word if len(word) == 1 or re.fullmatch(r"f\d|ctrl\+\w", word) else ""
        )
        yield (
            Content.styled(part, Style.from_meta({"key": key}))
            if key and not part.isspace()
            else part
        )
