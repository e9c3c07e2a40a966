"""Marks of the line views; plain ASCII where the screen's own marks are (see
`formatters.marks`)."""

from dataclasses import dataclass

from genopt_tui.ui import formatters


@dataclass(frozen=True, slots=True)
class LineSymbols:
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


UNICODE = LineSymbols("┃", "▸", "▾", "·", "…", "›", "→", "•", "─", "│")
ASCII = LineSymbols("|", ">", "v", ".", "~", ">", ">", "*", "-", "|")
SYMBOLS = UNICODE if formatters.choose_symbols() is formatters.UNICODE else ASCII
