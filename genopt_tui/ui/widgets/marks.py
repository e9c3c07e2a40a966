"""Marks of the line views; plain ASCII where the terminal's locale is not UTF-8."""

import locale
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    """One cell each."""

    scope: str
    folded: str
    open: str
    leaf: str
    dots: str
    to: str
    bullet: str
    rule: str
    bar: str


UNICODE = Marks("┃", "▸", "▾", "·", "…", "→", "•", "─", "│")
ASCII = Marks("|", ">", "v", ".", "~", ">", "*", "-", "|")
MARKS = UNICODE if "utf" in locale.getpreferredencoding(False).lower() else ASCII
