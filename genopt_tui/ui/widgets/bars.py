"""Tabs, of which one is active, and a line of key hints. Both react to clicks."""

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
    """A line of tabs, hidden if there are fewer than two."""

    DEFAULT_CSS = "Tabs { height: 1; width: 100%; background: $panel; }"

    class Chosen(Message):
        """Tab `index` was clicked."""

        def __init__(self, tabs: "Tabs", index: int) -> None:
            self.tabs, self.index = tabs, index
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.names: tuple[str, ...] = ()
        self.active = 0
        self.display = False

    def show(self, names: Sequence[str], active: int) -> None:
        """Replace the tabs."""
        cleaned = tuple(clean_line(name) for name in names)
        if (cleaned, active) != (self.names, self.active):
            self.names, self.active = cleaned, active
            self.display = len(cleaned) > 1
            self.refresh()

    def _find_first_visible(self) -> int:
        """Index of the first visible tab: the active one must fit on the line."""
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
        end = 0
        for index, name in enumerate(
            self.names[self._find_first_visible() :], self._find_first_visible()
        ):
            end += cell_len(name) + 2
            if event.x < end:
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
"""Names of keys as hints write them, and as Textual calls them."""
HINT_PATTERN = re.compile(r"\S+(?: \S+)*|\s+")


class KeyHints(Static):
    """Keys with labels; a click presses the key.

    One space separates the words of a hint, two spaces separate hints.
    """

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
