"""Small helpers on text: lines, newlines, marked cuts, and a token estimate that needs no tokenizer."""

import re
from collections.abc import Callable

Files = dict[str, str]
Count = Callable[[str], int]

_ANY_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split at line feeds only (as git does)."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def source_lines(text: str) -> list[str]:
    """Lines with their ends, split wherever Python's own parser ends a line."""
    return _ANY_LINE.findall(text)


def newline_of(text: str) -> str:
    """The line end that most lines of `text` have."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf and crlf * 2 >= text.count("\n") else "\n"


def unix(text: str) -> str:
    """`text` with line feeds as its only line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def estimate_tokens(text: str) -> int:
    """Tokens of `text` at a guess (four UTF-8 bytes each), where no tokenizer is at hand."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def cut_middle(text: str, limit: int) -> tuple[str, int]:
    """`text` in at most about `limit` characters and how many were left out of its middle; the cut is marked."""
    if len(text) <= limit:
        return text, 0
    head, tail = limit * 2 // 3, limit // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}[... cut: {left_out} characters left out ...]{text[len(text) - tail :]}", left_out
