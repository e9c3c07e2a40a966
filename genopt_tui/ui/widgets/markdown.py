"""A small subset of Markdown, as used in reasoning, as lines of plain pieces: no links, no
markup."""

import re
from collections.abc import Sequence

from rich.cells import cell_len

from genopt_tui.ui.widgets.line_source import Line, Piece
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.symbols import SYMBOLS

FENCE = re.compile(r"^\s{0,3}(```+|~~~+)\s*([\w+.#/-]*)")
HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*$")
ITEM = re.compile(r"^(\s*)([-*+]|\d{1,3}[.)])\s+(.*)$")
QUOTE = re.compile(r"^\s{0,3}>\s?(.*)$")
INLINE = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|__[^_]+__|(?<![*\w])\*[^*\s][^*]*\*(?![*\w]))")
BLOCK_MARK = re.compile(r"^(<{5,9}|={5,9}|>{5,9})(?: |$)")
"""Marks of SEARCH/REPLACE blocks."""


class MarkdownLayout:
    """Turns source lines into wrapped rows, one by one: earlier rows never change."""

    def __init__(self, width: int) -> None:
        self.width = max(8, width)
        self.fence = ""
        """Marker that ends the current code block; empty in prose."""

    def build_rows(self, text: str) -> list[Line]:
        """The rows of the next source line."""
        text = clean_line(text)
        if self._toggle_fence(text):
            return [((part, "dim"),) for part in _cut_text(text.strip(), self.width)]
        if self.fence:
            return self._format_code(text)
        if not text.strip():
            return [()]
        if heading := HEADING.match(text):
            return self._wrap_pieces([(heading[2], "title")], "")
        if item := ITEM.match(text):
            bullet = SYMBOLS.bullet if item[2] in "-*+" else item[2]
            return self._wrap_pieces(parse_inline(item[3]), f"{item[1][:12]}{bullet} ")
        if quote := QUOTE.match(text):
            return self._wrap_pieces([(quote[1], "quote")], f"{SYMBOLS.pipe} ")
        if set(text.strip()) in ({"-"}, {"*"}, {"_"}) and len(text.strip()) >= 3:
            return [((SYMBOLS.dash * min(self.width, 40), "dim"),)]
        return self._wrap_pieces(parse_inline(text), "")

    def _toggle_fence(self, text: str) -> bool:
        """Whether `text` begins or ends a code block, or divides a SEARCH/REPLACE block."""
        fence, block = FENCE.match(text), BLOCK_MARK.match(text)
        if block and (block[1][0] != ">" or self.fence == ">"):
            self.fence = {"<": ">", ">": ""}.get(block[1][0], self.fence)
            return True
        if fence and (
            not self.fence
            or (self.fence != ">" and fence[1].startswith(self.fence) and not fence[2])
        ):
            self.fence = "" if self.fence else fence[1]
            return True
        return False

    def _format_code(self, text: str) -> list[Line]:
        style = (
            {"-": "removed", "+": "added"}.get(text[:1], "code") if self.fence != ">" else "code"
        )
        if text[:3] in {"---", "+++"}:
            style = "dim"
        return [((part, style),) for part in _cut_text(text, self.width)]

    def _wrap_pieces(self, pieces: Sequence[Piece], prefix: str) -> list[Line]:
        indent = " " * min(cell_len(prefix), self.width // 2)
        room = self.width - len(indent)
        rows = wrap_pieces(pieces, room)
        return [
            (((prefix if not i else indent), "gutter"), *row) if prefix else row
            for i, row in enumerate(rows)
        ]


def parse_inline(text: str) -> list[Piece]:
    """Code spans, bold and emphasized words. All else, links included, stays as written."""
    pieces: list[Piece] = []
    for part in INLINE.split(text):
        if len(part) > 2 and part[0] == part[-1] == "`":
            pieces.append((part[1:-1], "code"))
        elif len(part) > 4 and part[:2] in {"**", "__"} and part[-2:] == part[:2]:
            pieces.append((part[2:-2], "strong"))
        elif len(part) > 2 and part[0] == part[-1] == "*" and part[1] != " ":
            pieces.append((part[1:-1], "quote"))
        elif part:
            pieces.append((part, ""))
    return pieces


def wrap_pieces(pieces: Sequence[Piece], width: int) -> list[Line]:
    """Rows of at most `width` cells, broken at spaces if possible."""
    rows: list[list[Piece]] = [[]]
    used = 0
    for text, style in pieces:
        for word in re.findall(r"\S+\s*|\s+", text):
            length = cell_len(word.rstrip())
            if used and used + length > width:
                rows.append([])
                used = 0
                word = word.lstrip()
            for i, part in enumerate(_cut_text(word, width) if length > width else [word]):
                if i:
                    rows.append([])
                    used = 0
                rows[-1].append((part, style))
                used += cell_len(part)
    return [_join_pieces(row) for row in rows]


def _join_pieces(row: Sequence[Piece]) -> Line:
    pieces: list[Piece] = []
    for text, style in row:
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + text, style)
        else:
            pieces.append((text, style))
    return tuple(pieces)


def _cut_text(text: str, width: int) -> list[str]:
    """`text` in parts of at most `width` cells."""
    if cell_len(text) <= width:
        return [text]
    parts, part, used = [], "", 0
    for character in text:
        size = cell_len(character)
        if used + size > width:
            parts.append(part)
            part, used = "", 0
        part += character
        used += size
    return [*parts, part]
