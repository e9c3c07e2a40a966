"""The line that says which keys work: a click on one presses it."""

import re
from collections.abc import Iterator
from typing import Any

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

NAMES = {"Enter": "enter", "Esc": "escape", "Tab": "tab", "/": "slash", "[": "left_square_bracket"}
NAMES["]"] = "right_square_bracket"
"""Keys as they are written here, and as the application calls them."""
PART = re.compile(r"\S+(?: \S+)*|\s+")


class Keys(Static):
    """Keys and what they do, one blank between words and two between one key and the next."""

    def __init__(self, text: str, **options: Any) -> None:
        super().__init__(Content.assemble(*_parts(text)), markup=False, **options)

    def on_click(self, event: events.Click) -> None:
        if key := event.style.meta.get("key"):
            self.app.simulate_key(key)


def _parts(text: str) -> Iterator[Content | str]:
    for part in PART.findall(text):
        word, *_ = part.split(" ")
        key = NAMES.get(word, word if len(word) == 1 or re.fullmatch(r"f\d|ctrl\+\w", word) else "")
        yield Content.styled(part, Style.from_meta({"key": key})) if key and not part.isspace() else part
