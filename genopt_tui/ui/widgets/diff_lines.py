"""The rows of a diff, unified or side by side: words and colours for the rows that are asked for only."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from genopt_tui.learn.diff import Hunk, Row, hunks
from genopt_tui.ui.widgets.code import colours
from genopt_tui.ui.widgets.fit import fitted
from genopt_tui.ui.widgets.lines import Line, find_in, plain
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.text import clean_line
from genopt_tui.ui.widgets.words import laid_over, word_spans

BEFORE = 60
"""Rows above the visible ones that are coloured with them, so that a string begun above is seen as one."""
SIGN_LOOKS = {" ": "", "-": "removed", "+": "added"}
Files = Mapping[str, str]


class Entry(NamedTuple):
    """One row of the view: a line of the introduction, a file's or hunk's head, or one or two lines of code."""

    hunk: Hunk | None = None
    left: Row | None = None
    right: Row | None = None
    text: Line = ()
    head: bool = False
    partner: Row | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """Rows of one diff, worked out in a thread: of `sides`, or of one column. `heads` are the rows at which hunks begin, by
    hunk number."""

    hunks: tuple[Hunk, ...] = ()
    entries: tuple[Entry, ...] = ()
    heads: Mapping[int, int] = field(default_factory=dict)
    sides: bool = False


def work_out(old: Files, new: Files, split: bool) -> Diff:
    """The rows of the edit from `old` to `new`."""
    found = hunks(old, new)
    entries: list[Entry] = []
    heads: dict[int, int] = {}
    file = None
    for hunk in found:
        if hunk.file != file:
            file = hunk.file
            status = "" if hunk.status == "changed" else f"  ({hunk.status})"
            entries.append(Entry(text=((file, "title"), (status, "warn"))))
        heads[hunk.number] = len(entries)
        entries.append(Entry(hunk, head=True))
        entries += _side_by_side(hunk) if split else _unified(hunk)
    return Diff(tuple(found), tuple(entries), heads, split)


def _runs(rows: Sequence[Row]) -> list[tuple[list[Row], list[Row], Row | None]]:
    """(removed, added, unchanged): changed runs with both sides, unchanged rows one by one."""
    out: list[tuple[list[Row], list[Row], Row | None]] = []
    for row in rows:
        if row.sign == " ":
            out.append(([], [], row))
            continue
        if not out or out[-1][2] is not None or (row.sign == "-" and out[-1][1]):
            out.append(([], [], None))
        out[-1][row.sign == "+"].append(row)  # type: ignore[union-attr]
    return out


def _unified(hunk: Hunk) -> list[Entry]:
    entries: list[Entry] = []
    for removed, added, same in _runs(hunk.rows):
        if same is not None:
            entries.append(Entry(hunk, same, same))
            continue
        entries += [Entry(hunk, left=row, partner=_at(added, i)) for i, row in enumerate(removed)]
        entries += [Entry(hunk, right=row, partner=_at(removed, i)) for i, row in enumerate(added)]
    return entries


def _side_by_side(hunk: Hunk) -> list[Entry]:
    entries: list[Entry] = []
    for removed, added, same in _runs(hunk.rows):
        if same is not None:
            entries.append(Entry(hunk, same, same))
        entries += [
            Entry(hunk, _at(removed, i), _at(added, i), partner=_at(added, i))
            for i in range(max(len(removed), len(added)))
        ]
    return entries


def _at(rows: Sequence[Row], index: int) -> Row | None:
    return rows[index] if index < len(rows) else None


class DiffLines:
    """The rows to show: an introduction, then the diff. `off` are the numbers of hunks left out."""

    def __init__(
        self,
        diff: Diff,
        lead: Sequence[Line] = (),
        off: Collection[int] = (),
        *,
        split: int = 0,
        shift: int = 0,
        worth: Mapping[int, str] | None = None,
        choosing: bool = True,
    ) -> None:
        self.diff, self.lead, self.off, self.choosing = diff, lead, frozenset(off), choosing
        self.split, self.shift, self.worth = split, shift, worth or {}
        longest = max(
            (max(h.old_start + len(h.old_lines), h.new_start + len(h.new_lines)) for h in diff.hunks), default=0
        )
        self._digits = max(3, len(str(longest)))

    def __len__(self) -> int:
        return len(self.lead) + len(self.diff.entries)

    def entry(self, y: int) -> Entry | None:
        """The diff's row at `y`; None in the introduction."""
        at = y - len(self.lead)
        return self.diff.entries[at] if 0 <= at < len(self.diff.entries) else None

    def head(self, number: int) -> int:
        """The row at which hunk `number` begins."""
        return len(self.lead) + self.diff.heads[number]

    def draft(self, y: int) -> Line:
        entry = self.entry(y)
        return self.lead[y] if entry is None else self._line(entry, {})

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        start = max(0, first - len(self.lead) - BEFORE)
        near = [e for e in self.diff.entries[start : max(0, first - len(self.lead) + count)]]
        inks = _inks(near)
        lines = []
        for y in range(first, min(first + count, len(self))):
            entry = self.entry(y)
            lines.append(self.lead[y] if entry is None else self._line(entry, inks, words=True))
        return lines

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        return find_in(lambda y: plain(self.draft(y)), len(self), needle, start, step, stop)

    def _line(self, entry: Entry, inks: Mapping[int, Line], words: bool = False) -> Line:
        if entry.hunk is None:
            return entry.text
        if entry.head:
            return self._head(entry.hunk)
        off = entry.hunk.number in self.off
        if not self.split:
            row = entry.left or entry.right
            assert row is not None
            numbers = f"{row.old or '':>{self._digits}} {row.new or '':>{self._digits}} "
            return ((numbers, "gutter"), *self._code(row, entry.partner, inks, off, words))
        half = (self.split - 3) // 2
        left = self._side(entry.left, entry.right, inks, off, words, half, "old")
        right = self._side(entry.right, entry.left, inks, off, words, half, "new")
        return (*left, (f" {MARKS.bar} ", "gutter"), *right)

    def _head(self, hunk: Hunk) -> Line:
        total = len(self.diff.hunks)
        box = "" if not self.choosing else "[ ] " if hunk.number in self.off else "[x] "
        worth = self.worth.get(hunk.number, "")
        return (
            (f"{box}hunk {hunk.number} of {total}", "strong hunk"),
            (f"  {place(hunk)}", "hunk"),
            *(((f"  {worth}", "strong hunk"),) if worth else ()),
            ("  left out" if hunk.number in self.off else "", "warn hunk"),
        )

    def _side(
        self,
        row: Row | None,
        partner: Row | None,
        inks: Mapping[int, Line],
        off: bool,
        words: bool,
        width: int,
        which: str,
    ) -> Line:
        if row is None:
            return ((" " * width, "gutter"),)
        number = row.old if which == "old" else row.new
        room = width - self._digits - 1
        code = self._code(row, partner, inks, off, words)
        return ((f"{number or '':>{self._digits}} ", "gutter"), *fitted(code, room, self.shift))

    def _code(self, row: Row, partner: Row | None, inks: Mapping[int, Line], off: bool, words: bool) -> Line:
        ground = SIGN_LOOKS[row.sign]
        text = _shown(row)
        line: Line = inks.get(id(row)) or ((text, ""),)
        if off:
            return ((f"{row.sign} ", "off"), (text, "off")) if row.sign != " " else (("  ", ""), *line)
        if words and partner is not None and row.sign != " ":
            other = _shown(partner)
            old, new = word_spans(text, other) if row.sign == "-" else word_spans(other, text)
            line = laid_over(line, old if row.sign == "-" else new, f"{ground}-word")
            line = tuple((t, n if "-word" in n else f"{n} {ground}") for t, n in line)
        elif ground:
            line = tuple((t, f"{n} {ground}") for t, n in line)
        end: Line = () if row.ended else (("  (no line end)", f"dim {ground}"),)
        return ((f"{row.sign} ", f"strong {ground}"), *line, *end, ("", ground))


def place(hunk: Hunk) -> str:
    """Where a hunk stands, in words: `lines 29-33 in class Policy`."""
    within = f" in {hunk.heading.strip().rstrip(':')}" if hunk.heading.strip() else ""
    lines = [row.new for row in hunk.rows if row.sign == "+"]
    if not lines:
        gone = [row.old for row in hunk.rows if row.sign == "-"]
        return f"removes {_span(gone)}{within}" if gone else "empty"
    return f"{_span(lines)}{within}"


def _span(lines: Sequence[int]) -> str:
    return f"line {lines[0]}" if lines[0] == lines[-1] else f"lines {lines[0]}-{lines[-1]}"


def _shown(row: Row) -> str:
    """The row's text; a carriage return before the line end shows only where the line changed."""
    return clean_line(row.text.removesuffix("\r") if row.sign == " " else row.text)


def _inks(entries: Sequence[Entry]) -> dict[int, Line]:
    """Coloured code of these rows, by identity: old sides and new sides are read as text of their own."""
    out: dict[int, Line] = {}
    for sign in "-+":
        rows: dict[str, list[Row]] = {}
        for entry in entries:
            if entry.hunk is not None and not entry.head:
                for row in {id(r): r for r in (entry.left, entry.right) if r is not None}.values():
                    if row.sign in (sign, " "):
                        rows.setdefault(entry.hunk.file, []).append(row)
        for file, of_file in rows.items():
            texts = [_shown(row) for row in of_file]
            out.update(zip(map(id, of_file), colours(file, texts), strict=True))
    return out
