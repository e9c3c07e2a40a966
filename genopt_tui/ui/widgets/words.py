"""Which words of a changed line differ."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from genopt_tui.ui.widgets.lines import Line, Piece

WORD = re.compile(r"\w+|\s+|[^\w\s]")
LONGEST = 500
"""Characters of a line whose words are still compared."""
ALIKE = 0.35
"""Share of common words below which two lines are simply different lines."""
Spans = tuple[tuple[int, int], ...]


@lru_cache(maxsize=2048)
def word_spans(old: str, new: str) -> tuple[Spans, Spans]:
    """Character ranges that only the old and only the new line have; none when the lines have little in common."""
    if max(len(old), len(new)) > LONGEST:
        return (), ()
    before, after = WORD.findall(old), WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < ALIKE:
        return (), ()
    codes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return _spans(before, [c[1:3] for c in codes]), _spans(after, [c[3:5] for c in codes])


def _spans(words: Sequence[str], runs: Sequence[tuple[int, int]]) -> Spans:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return tuple((starts[first], starts[last]) for first, last in runs if first < last)


def laid_over(line: Sequence[Piece], spans: Spans, look: str) -> Line:
    """`line` with `look` added to the looks within `spans`."""
    out: list[Piece] = []
    at = 0
    for text, names in line:
        edges = sorted({0, len(text), *(min(max(edge - at, 0), len(text)) for span in spans for edge in span)})
        for first, last in pairwise(edges):
            inside = any(a <= at + first and at + last <= b for a, b in spans)
            out.append((text[first:last], f"{names} {look}" if inside else names))
        at += len(text)
    return tuple(out)
