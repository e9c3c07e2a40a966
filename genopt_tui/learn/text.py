"""Lines, newlines, fences, marked cuts, and a token estimate that needs no tokenizer."""

import re
from collections.abc import Callable
from functools import lru_cache

Files = dict[str, str]
TokenCounter = Callable[[str], int]

_PIECE = re.compile(r"[^\W\d_]{1,9}|\d{1,3}|[^\w\s]{1,3}|_+|\n\s*| +(?=\d)| {2,}|\t+")
LONG_LINE = 1000  # characters; counts of longer lines are not cached
NO_NEWLINE = "\\ No newline at end of file"  # as diffs write it
_ANY_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split at line feeds only (as git does)."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def split_source_lines(text: str) -> list[str]:
    """Lines with their ends, split wherever Python's own parser ends a line."""
    return _ANY_LINE.findall(text)


def detect_newline(text: str) -> str:
    """The line end that most lines of `text` have."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf and crlf * 2 >= text.count("\n") else "\n"


def normalize_newlines(text: str) -> str:
    """`text` with line feeds as its only line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=64)
def estimate_tokens(text: str) -> int:
    """Estimated tokens of `text`: short words, up to three digits, runs of signs and of spaces.

    Within a tenth of common tokenizers on code, prose and traces, where a fixed number of
    characters per token is off by up to half. No token spans two lines of text, so lines are
    counted one by one and cached: fitting evidence into its budget counts the same lines again
    and again.
    """
    first, *lines = text.split("\n")
    words = [words for line in lines if (words := line.lstrip())]
    counted = sum(
        [
            _count_line_tokens(w) if len(w) <= LONG_LINE else _count_pieces(w)
            for w in (first, *words)
        ]
    )
    return counted + len(words) + bool(lines and not lines[-1].lstrip())


def _count_pieces(text: str) -> int:
    return len(_PIECE.findall(text))


_count_line_tokens = lru_cache(maxsize=16_384)(_count_pieces)


def cut_middle(text: str, limit: int) -> tuple[str, int]:
    """(`text` in at most about `limit` characters, number of characters cut from its middle); the
    cut is marked."""
    if len(text) <= limit:
        return text, 0
    head, tail = limit * 2 // 3, limit // 3
    left_out = len(text) - head - tail
    return (
        f"{text[:head]}[... cut: {left_out} characters left out ...]{text[len(text) - tail :]}",
        left_out,
    )


def longest_run(text: str, sign: str) -> int:
    """Length of the longest unbroken run of `sign` in `text`."""
    return max((len(run) for run in re.findall(re.escape(sign) + "+", text)), default=0)


def make_fence(text: str) -> str:
    """A run of backticks that no line of `text` can close."""
    return "`" * max(3, longest_run(text, "`") + 1)
