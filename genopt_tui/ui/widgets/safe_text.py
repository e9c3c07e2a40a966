"""Text from outside (models, artifacts, traces, file names) made safe to show."""

import re
from functools import lru_cache
from typing import Any

from textual.widgets import Static

TAB_WIDTH = 4
ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?)"
)
"""A whole terminal sequence: control, operating system command, or string."""
VARIATION_SELECTORS = re.compile("[\ufe0e\ufe0f]")
"""Selectors of text or emoji presentation, on whose width terminals disagree."""


def clean(text: str) -> str:
    """`text` with everything that a terminal could act on made visible; line breaks are kept.

    Terminal sequences become one `␛`, control characters their pictures, characters that hide or
    reorder text `�`. Tabs become spaces up to the next multiple of 4 columns.
    """
    return "\n".join(clean_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def clean_line(text: str) -> str:
    """`clean` for one line: line breaks are made visible, too."""
    if text.isascii() and text.isprintable():
        return text
    return _clean_line(text)


@lru_cache(maxsize=4096)
def _clean_line(text: str) -> str:
    text = VARIATION_SELECTORS.sub("", ESCAPE.sub("␛", text)).expandtabs(TAB_WIDTH)
    return (
        text
        if text.isprintable() and not _INVISIBLE.search(text)
        else "".join(map(_make_visible, text))
    )


_INVISIBLE = re.compile("[\u115f\u1160\u3164\uffa0\ufe00-\ufe0d\U000e0100-\U000e01ef]")
"""Printable characters that show nothing."""


def _make_visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if character in "\xa0\u3000":
        return " " if character == "\xa0" else character
    if character in "\u2028\u2029\x85":
        return "␤"
    return character if character.isprintable() and not _INVISIBLE.match(character) else "�"


MAX_EDITABLE = 200_000
"""Characters of the longest text that is edited in place."""


@lru_cache(maxsize=8)
def explain_not_editable(text: str) -> str:
    """Why a text cannot be edited in place; empty if it can.

    Nothing that a terminal acts on may get into the editor.
    """
    if len(text) > MAX_EDITABLE:
        return f"it has {len(text)} characters: e opens it in $EDITOR"
    if text.count("\r\n") not in {0, text.count("\n")}:
        return "it mixes two kinds of line ends: e opens it in $EDITOR"
    for line in text.replace("\r\n", "\n").split("\n"):
        if clean_line(line.replace("\t", " ")) != line.replace("\t", " "):
            return "it holds characters that cannot be shown: e opens it in $EDITOR"
    return ""


class PlainText(Static):
    """A Static without markup and without control characters."""

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(clean(text), markup=False, **options)

    def show(self, text: str, *, layout: bool = True) -> None:
        """Replace the text; does nothing if it is the same.

        With `layout`, the screen is laid out again if the number of rows changed. Without it, the
        widget keeps its size.
        """
        text = clean(text)
        if text == self.content:
            return
        before = self._row_count
        self.update(text, layout=False)
        if layout and (before is None or before != self._row_count):
            self.refresh(layout=True)

    @property
    def _row_count(self) -> int | None:
        """Rows of the text at the present width; None if the width depends on the text or is not
        yet known."""
        width = self.styles.width
        if not self.content_size.width or (width is not None and width.is_auto):
            return None
        return self.visual.get_height(self.styles.get_rules(), self.content_size.width)
