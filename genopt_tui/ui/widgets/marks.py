"""Marks of the line views; plain ASCII where the screen's own marks are (see `words.marks`)."""

from dataclasses import dataclass

from genopt_tui.ui import words


@dataclass(frozen=True, slots=True)
class Marks:
    """One cell each."""

    scope: str
    folded: str
    open: str
    leaf: str
    dots: str
    more: str
    to: str
    bullet: str
    rule: str
    bar: str


UNICODE = Marks("┃", "▸", "▾", "·", "…", "›", "→", "•", "─", "│")
ASCII = Marks("|", ">", "v", ".", "~", ">", ">", "*", "-", "|")
MARKS = UNICODE if words.marks() is words.UNICODE else ASCII
