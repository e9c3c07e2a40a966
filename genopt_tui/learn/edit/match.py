"""Where quoted lines stand in a file: exactly, then without regard to trailing blanks, then to
indentation."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

MAX_PLACES = 50  # places looked at; more are as ambiguous as this many
MAX_LINES_COMPARED = 1000  # distinct lines compared one by one for a nearest match
MAX_LINES_QUOTED = 12  # lines of a nearest match that are quoted


@dataclass(frozen=True, slots=True)
class Place:
    """Quoted lines found at `first` (from 0), `count` lines; `shift` maps their indentation to the
    file's."""

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
    """Every place of `wanted` in `lines` (both without line ends) by the strictest rule that finds
    any."""
    for form in (str, str.rstrip):
        if places := _exact(lines, wanted, form):
            return [Place(at, len(wanted)) for at in places]
    loose: list[Place] = []
    for at in _exact(lines, wanted, str.strip):
        shift = _find_indent_change(lines[at : at + len(wanted)], wanted)
        if shift is not None:
            loose.append(Place(at, len(wanted), shift))
    return loose


def find_nearest(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int, str]:
    """(line from 1, quoted lines) of the part of a file most like `wanted`; (0, "") where nothing
    is alike."""
    sought = Counter(s for line in wanted if (s := line.strip()))
    at = _find_best_window(lines, sought, len(wanted)) if sought else -1
    if at < 0:
        at = _find_closest_line(lines, list(sought))
    if at < 0:
        return 0, ""
    shown = lines[at : at + max(1, min(len(wanted), MAX_LINES_QUOTED))]
    return at + 1, "\n".join(line[:200] for line in shown)


def similarity(a: str, b: str) -> float:
    """How alike two short texts are, from 0 to 1."""
    return SequenceMatcher(None, a[:400], b[:400], autojunk=False).ratio()


def _exact(lines: Sequence[str], wanted: Sequence[str], form: Callable[[str], str]) -> list[int]:
    if not wanted or len(wanted) > len(lines):
        return []
    hay = "\n" + "\n".join(map(form, lines)) + "\n"
    needle = "\n" + "\n".join(map(form, wanted)) + "\n"
    places: list[int] = []
    at, line, counted = hay.find(needle), 0, 0
    while at >= 0 and len(places) < MAX_PLACES:
        line += hay.count("\n", counted, at)
        counted = at
        places.append(line)
        at = hay.find(needle, at + 1)
    return places


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


def _find_best_window(lines: Sequence[str], sought: Counter[str], size: int) -> int:
    """Start of the window of `size` lines that shares most lines with `sought`; -1 where none
    shares any."""
    best, best_at, shared = 0, -1, 0
    seen: Counter[str] = Counter()
    stripped = [line.strip() for line in lines]
    for at, line in enumerate(stripped):
        seen[line] += 1
        shared += seen[line] <= sought[line]
        if at >= size:
            gone = stripped[at - size]
            shared -= seen[gone] <= sought[gone]
            seen[gone] -= 1
        if shared > best:
            best, best_at = shared, max(0, at - size + 1)
    while 0 <= best_at < len(stripped) - 1 and not sought[stripped[best_at]] and size > 1:
        best_at, size = best_at + 1, size - 1
    return best_at


def _find_closest_line(lines: Sequence[str], sought: list[str]) -> int:
    there = {line.strip()[:200]: i for i, line in reversed(list(enumerate(lines))) if line.strip()}
    for line in sought[:3]:
        if close := get_close_matches(line[:200], list(there)[:MAX_LINES_COMPARED], 1, 0.5):
            return there[close[0]]
    return -1
