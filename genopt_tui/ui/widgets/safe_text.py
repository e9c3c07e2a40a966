"""Text from outside (models, artifacts, traces, file names) as something harmless to show."""

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
"""Selectors that only choose between text and picture form, and on whose width terminals
disagree."""


def clean(text: str) -> str:
    """`text` with line breaks kept and everything else that a terminal could act on made visible.

    Terminal sequences become one `␛`, control characters their pictures, characters that hide or
    reorder text `�`;
    tabs become blanks up to the next multiple of 4 columns.
    """
    return "\n".join(clean_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def clean_line(text: str) -> str:
    """`clean` for one line: a line break within it is shown too."""
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
"""Characters that count as printable and show nothing."""


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
"""Characters of a text that is edited in place."""


@lru_cache(maxsize=8)
def explain_not_editable(text: str) -> str:
    """Why a text is not edited in place; empty when it may be. What a terminal acts on never gets
    into the editor."""
    if len(text) > MAX_EDITABLE:
        return f"it has {len(text)} characters: e opens it in $EDITOR"
    if text.count("\r\n") not in {0, text.count("\n")}:
        return "it mixes two kinds of line ends: e opens it in $EDITOR"
    for line in text.replace("\r\n", "\n").split("\n"):
        if clean_line(line.replace("\t", " ")) != line.replace("\t", " "):
            return "it holds characters that cannot be shown: e opens it in $EDITOR"
    return ""


class PlainText(Static):
    """A Static that never reads markup and never passes a control character on."""

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(clean(text), markup=False, **options)

    def show(self, text: str, *, layout: bool = True) -> None:
        """Replace the text; nothing happens when it is the same. Without `layout` its place keeps
        its size.

        With it, all of the screen is laid out anew only where the text takes another number of
        rows.
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
        """Rows that the text takes in the present width; None where the width itself follows the
        text, or is not known yet."""
        width = self.styles.width
        if not self.content_size.width or (width is not None and width.is_auto):
            return None
        return self.visual.get_height(self.styles.get_rules(), self.content_size.width)
