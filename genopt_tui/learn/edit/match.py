"""Finding quoted lines in a file: exactly, then ignoring trailing white space, then ignoring
indentation."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_PLACES = 50  # matches to find; more are as ambiguous as this many
MAX_DISTINCT_LINES = 1000  # distinct lines of a file that are compared for the nearest match
MAX_SEARCH_LINES = 8  # lines of a block that are compared for the nearest match: the longest
MAX_LINES_QUOTED = 12  # lines of a nearest match that are quoted
MIN_SIMILARITY = 0.6  # below it two lines are unrelated
TRAILING_COMMENT = re.compile(r"(?:^|\s)(?:#|//).*$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where quoted lines match: `count` lines from line `first` (from 0).

    `indent_change` is (prefix to remove, prefix to add) to give a quoted line the file's
    indentation.
    """

    first: int
    count: int
    indent_change: tuple[str, str] = ("", "")

    def reindent(self, line: str) -> str:
        """A replacement line at the file's indentation."""
        remove, add = self.indent_change
        if not line.strip() or not (remove or add):
            return line
        return add + line.removeprefix(remove)


def find_places(lines: Sequence[str], wanted: Sequence[str]) -> list[Place]:
    """Every match of `wanted` in `lines` (both without line ends) by the strictest rule that
    matches at all."""
    for normalize in (str, str.rstrip):
        if starts := _find_runs(lines, wanted, normalize):
            return [Place(start, len(wanted)) for start in starts]
    loose: list[Place] = []
    for start in _find_runs(lines, wanted, str.strip):
        change = _find_indent_change(lines[start : start + len(wanted)], wanted)
        if change is not None:
            loose.append(Place(start, len(wanted), change))
    return loose


def find_unique_loose_place(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int, int] | None:
    """(first line from 0, count) of the only match that ignores trailing comments, blank lines and
    all white space; None where there is no such match or more than one."""
    numbered = [(number, bare) for number, line in enumerate(lines) if (bare := _strip_noise(line))]
    search = [bare for line in wanted if (bare := _strip_noise(line))]
    starts = _find_runs([bare for _, bare in numbered], search, str)
    if len(starts) != 1:
        return None
    first, last = numbered[starts[0]][0], numbered[starts[0] + len(search) - 1][0]
    return first, last - first + 1


def find_nearest(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int, str]:
    """(line from 1, quoted lines) of the part of a file most like the whole of `wanted`; (0, "")
    where nothing is alike."""
    start = _find_best_window(lines, wanted)
    if start < 0:
        return 0, ""
    return start + 1, quote_lines(lines, start, len(wanted))


def quote_lines(lines: Sequence[str], start: int, count: int, limit: int = MAX_LINES_QUOTED) -> str:
    shown = lines[start : start + max(1, min(count, limit))]
    return "\n".join(line[:200] for line in shown)


def similarity(a: str, b: str) -> float:
    """How alike two short texts are, from 0 to 1."""
    return SequenceMatcher(None, a[:400], b[:400], autojunk=False).ratio()


def _find_runs(
    lines: Sequence[str], wanted: Sequence[str], normalize: Callable[[str], str]
) -> list[int]:
    """First lines of the runs of `lines` that equal `wanted` once normalized."""
    if not wanted or len(wanted) > len(lines):
        return []
    text = "\n" + "\n".join(map(normalize, lines)) + "\n"
    search = "\n" + "\n".join(map(normalize, wanted)) + "\n"
    starts: list[int] = []
    position, line, counted = text.find(search), 0, 0
    while position >= 0 and len(starts) < MAX_PLACES:
        line += text.count("\n", counted, position)
        counted = position
        starts.append(line)
        position = text.find(search, position + 1)
    return starts


def _find_indent_change(there: Sequence[str], wanted: Sequence[str]) -> tuple[str, str] | None:
    """(prefix to remove, prefix to add) that turns every wanted indentation into the file's; None
    where none does."""
    pairs = {(_indent(a), _indent(b)) for a, b in zip(there, wanted, strict=True) if a.strip()}
    if not pairs:
        return "", ""
    ours, theirs = min(pairs, key=lambda p: len(p[0]) + len(p[1]))
    common = 0
    while common < min(len(ours), len(theirs)) and ours[-1 - common] == theirs[-1 - common]:
        common += 1
    add, remove = ours[: len(ours) - common], theirs[: len(theirs) - common]
    fits = all(b.startswith(remove) and add + b.removeprefix(remove) == a for a, b in pairs)
    return (remove, add) if fits else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _strip_noise(line: str) -> str:
    """A line without its trailing comment and without white space."""
    return "".join(TRAILING_COMMENT.sub("", line).split())


def _find_best_window(lines: Sequence[str], wanted: Sequence[str]) -> int:
    """First line of the window most like `wanted`; -1 where nothing is alike.

    Every line of the block votes for the windows in which it stands at its own offset, an equal
    line with 1 and a similar one with its similarity.
    """
    numbers: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if bare := line.strip()[:200]:
            numbers.setdefault(bare, []).append(number)
    search = [(offset, bare) for offset, line in enumerate(wanted) if (bare := line.strip()[:200])]
    longest = sorted(search, key=lambda item: -len(item[1]))[:MAX_SEARCH_LINES]
    votes: defaultdict[int, float] = defaultdict(float)
    for offset, bare in search:
        for number in numbers.get(bare, ())[:MAX_PLACES]:
            votes[max(0, number - offset)] += 1
    if len(search) > MAX_SEARCH_LINES and votes:
        longest = []  # a long block with equal lines needs no similar ones
    for offset, bare in longest:
        for other, ratio in _list_similar_lines(bare, list(numbers)[:MAX_DISTINCT_LINES]):
            for number in numbers[other][:MAX_PLACES]:
                votes[max(0, number - offset)] += ratio
    if not votes:
        return -1
    best = max(votes.values())
    return min(start for start, vote in votes.items() if vote == best)


def _list_similar_lines(line: str, others: Sequence[str]) -> list[tuple[str, float]]:
    """Lines similar to `line` but not equal to it, with their similarity."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(line)
    found: list[tuple[str, float]] = []
    for other in others:
        matcher.set_seq1(other)
        if (
            other != line
            and matcher.real_quick_ratio() >= MIN_SIMILARITY
            and matcher.quick_ratio() >= MIN_SIMILARITY
            and (ratio := matcher.ratio()) >= MIN_SIMILARITY
        ):
            found.append((other, ratio))
    return found
