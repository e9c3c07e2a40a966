"""The rows of a diff, unified or side by side, with changed words and highlighted code.

Words and colours are computed only for the rows that are shown.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from genopt_tui.learn.edit.diff import Hunk, Row, find_hunks
from genopt_tui.ui.widgets.code_view import highlight_file
from genopt_tui.ui.widgets.line_source import Line, Piece, find_line, to_plain_text
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.text_layout import fit_line

WORD = re.compile(r"\w+|\s+|[^\w\s]")
MAX_COMPARED_LENGTH = 500
"""Characters up to which lines are compared word by word."""
MIN_SIMILARITY = 0.35
"""Share of common words below which two lines count as entirely different."""
Spans = tuple[tuple[int, int], ...]


@lru_cache(maxsize=2048)
def find_changed_words(old: str, new: str) -> tuple[Spans, Spans]:
    """Character ranges that only the old line has, and those that only the new one has. Both are
    empty if the lines have little in common."""
    if max(len(old), len(new)) > MAX_COMPARED_LENGTH:
        return (), ()
    before, after = WORD.findall(old), WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < MIN_SIMILARITY:
        return (), ()
    codes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return _to_character_spans(before, [c[1:3] for c in codes]), _to_character_spans(
        after, [c[3:5] for c in codes]
    )


def _to_character_spans(words: Sequence[str], runs: Sequence[tuple[int, int]]) -> Spans:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return tuple((starts[first], starts[last]) for first, last in runs if first < last)


def overlay_style(line: Sequence[Piece], spans: Spans, style: str) -> Line:
    """`line` with `style` added within `spans`."""
    pieces: list[Piece] = []
    offset = 0
    for text, names in line:
        edges = sorted(
            {
                0,
                len(text),
                *(min(max(edge - offset, 0), len(text)) for span in spans for edge in span),
            }
        )
        for first, last in pairwise(edges):
            inside = any(a <= offset + first and offset + last <= b for a, b in spans)
            pieces.append((text[first:last], f"{names} {style}" if inside else names))
        offset += len(text)
    return tuple(pieces)


SIGN_STYLES = {" ": "", "-": "removed", "+": "added"}
Files = Mapping[str, str]


class Entry(NamedTuple):
    """A row of the view: a file's name, a hunk's head, or a line of code. Side by side, a row has
    up to two lines of code."""

    hunk: Hunk | None = None
    left: Row | None = None
    right: Row | None = None
    text: Line = ()
    head: bool = False
    partner: Row | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """The rows of the edit from `old` to `new`, in two columns if `sides`.

    `heads` maps the number of a hunk to the row of its head.
    """

    old: Files = field(default_factory=dict)
    new: Files = field(default_factory=dict)
    hunks: tuple[Hunk, ...] = ()
    entries: tuple[Entry, ...] = ()
    heads: Mapping[int, int] = field(default_factory=dict)
    sides: bool = False


def compute_diff(old: Files, new: Files, split: bool) -> Diff:
    """The rows of the edit from `old` to `new`, in two columns if `split`."""
    hunks = find_hunks(old, new)
    entries: list[Entry] = []
    heads: dict[int, int] = {}
    file = None
    for hunk in hunks:
        if hunk.file != file:
            file = hunk.file
            status = "" if hunk.status == "changed" else f"  ({hunk.status})"
            entries.append(Entry(text=((file, "title"), (status, "warn"))))
        heads[hunk.number] = len(entries)
        entries.append(Entry(hunk, head=True))
        entries += _build_side_by_side(hunk) if split else _build_unified(hunk)
    return Diff(old, new, tuple(hunks), tuple(entries), heads, split)


def _group_runs(rows: Sequence[Row]) -> list[tuple[list[Row], list[Row], Row | None]]:
    """Groups of (removed, added, unchanged): changed rows together, unchanged rows one by one."""
    groups: list[tuple[list[Row], list[Row], Row | None]] = []
    for row in rows:
        if row.sign == " ":
            groups.append(([], [], row))
            continue
        if not groups or groups[-1][2] is not None or (row.sign == "-" and groups[-1][1]):
            groups.append(([], [], None))
        groups[-1][row.sign == "+"].append(row)  # type: ignore[union-attr]
    return groups


def _build_unified(hunk: Hunk) -> list[Entry]:
    entries: list[Entry] = []
    for removed, added, unchanged in _group_runs(hunk.rows):
        if unchanged is not None:
            entries.append(Entry(hunk, unchanged, unchanged))
            continue
        entries += [
            Entry(hunk, left=row, partner=_get_row(added, i)) for i, row in enumerate(removed)
        ]
        entries += [
            Entry(hunk, right=row, partner=_get_row(removed, i)) for i, row in enumerate(added)
        ]
    return entries


def _build_side_by_side(hunk: Hunk) -> list[Entry]:
    entries: list[Entry] = []
    for removed, added, unchanged in _group_runs(hunk.rows):
        if unchanged is not None:
            entries.append(Entry(hunk, unchanged, unchanged))
        entries += [
            Entry(hunk, _get_row(removed, i), _get_row(added, i), partner=_get_row(added, i))
            for i in range(max(len(removed), len(added)))
        ]
    return entries


def _get_row(rows: Sequence[Row], index: int) -> Row | None:
    return rows[index] if index < len(rows) else None


class DiffLines:
    """Source of an introduction and the diff under it. `left_out` numbers hunks that are left
    out."""

    def __init__(
        self,
        diff: Diff,
        lead: Sequence[Line] = (),
        left_out: Collection[int] = (),
        *,
        split: int = 0,
        shift: int = 0,
        worth: Mapping[int, str] | None = None,
        can_choose: bool = True,
    ) -> None:
        self.diff, self.lead, self.left_out, self.can_choose = (
            diff,
            lead,
            frozenset(left_out),
            can_choose,
        )
        self.split, self.shift, self.worth = split, shift, worth or {}
        longest = max(
            (
                max(h.old_start + len(h.old_lines), h.new_start + len(h.new_lines))
                for h in diff.hunks
            ),
            default=0,
        )
        self._digits = max(3, len(str(longest)))

    def __len__(self) -> int:
        return len(self.lead) + len(self.diff.entries)

    def find_entry(self, y: int) -> Entry | None:
        """The entry of row `y`; None in the introduction."""
        index = y - len(self.lead)
        return self.diff.entries[index] if 0 <= index < len(self.diff.entries) else None

    def find_head(self, number: int) -> int:
        """The row of the head of hunk `number`."""
        return len(self.lead) + self.diff.heads[number]

    def draft(self, y: int) -> Line:
        entry = self.find_entry(y)
        return self.lead[y] if entry is None else self._format_entry(entry, {})

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        top = len(self.lead)
        inks = _highlight_entries(
            self.diff, self.diff.entries[max(0, first - top) : max(0, first - top + count)]
        )
        lines = []
        for y in range(first, min(first + count, len(self))):
            entry = self.find_entry(y)
            lines.append(
                self.lead[y] if entry is None else self._format_entry(entry, inks, words=True)
            )
        return lines

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        return find_line(
            lambda y: to_plain_text(self.draft(y)), len(self), needle, start, step, stop
        )

    def _format_entry(self, entry: Entry, inks: Mapping[int, Line], words: bool = False) -> Line:
        if entry.hunk is None:
            return entry.text
        if entry.head:
            return self._format_head(entry.hunk)
        off = entry.hunk.number in self.left_out
        if not self.split:
            row = entry.left or entry.right
            assert row is not None
            numbers = f"{row.old or '':>{self._digits}} {row.new or '':>{self._digits}} "
            return ((numbers, "gutter"), *self._format_code(row, entry.partner, inks, off, words))
        half = (self.split - 3) // 2
        left = self._format_side(entry.left, entry.right, inks, off, words, half, "old")
        right = self._format_side(entry.right, entry.left, inks, off, words, half, "new")
        return (*left, (f" {SYMBOLS.pipe} ", "gutter"), *right)

    def _format_head(self, hunk: Hunk) -> Line:
        total = len(self.diff.hunks)
        box = "" if not self.can_choose else "[ ] " if hunk.number in self.left_out else "[x] "
        worth = self.worth.get(hunk.number, "")
        return (
            (f"{box}hunk {hunk.number} of {total}", "strong hunk"),
            (f"  {describe_place(hunk)}", "hunk"),
            *(((f"  {worth}", "strong hunk"),) if worth else ()),
            ("  left out" if hunk.number in self.left_out else "", "warn hunk"),
        )

    def _format_side(
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
        code = self._format_code(row, partner, inks, off, words)
        return ((f"{number or '':>{self._digits}} ", "gutter"), *fit_line(code, room, self.shift))

    def _format_code(
        self, row: Row, partner: Row | None, inks: Mapping[int, Line], off: bool, words: bool
    ) -> Line:
        ground = SIGN_STYLES[row.sign]
        text = _clean_row(row)
        line: Line = inks.get(id(row)) or ((text, ""),)
        if off:
            return (
                ((f"{row.sign} ", "off"), (text, "off")) if row.sign != " " else (("  ", ""), *line)
            )
        if words and partner is not None and row.sign != " ":
            other = _clean_row(partner)
            old, new = (
                find_changed_words(text, other)
                if row.sign == "-"
                else find_changed_words(other, text)
            )
            line = overlay_style(line, old if row.sign == "-" else new, f"{ground}-word")
            line = tuple((t, n if "-word" in n else f"{n} {ground}") for t, n in line)
        elif ground:
            line = tuple((t, f"{n} {ground}") for t, n in line)
        end: Line = () if row.has_newline else (("  (no line end)", f"dim {ground}"),)
        return ((f"{row.sign} ", f"strong {ground}"), *line, *end, ("", ground))


def describe_place(hunk: Hunk) -> str:
    """The position of a hunk in words: `lines 29-33 in class Policy`."""
    within = f" in {hunk.heading.strip().rstrip(':')}" if hunk.heading.strip() else ""
    lines = [row.new for row in hunk.rows if row.sign == "+"]
    if not lines:
        removed = [row.old for row in hunk.rows if row.sign == "-"]
        return f"removes {_describe_lines(removed)}{within}" if removed else "empty"
    return f"{_describe_lines(lines)}{within}"


def _describe_lines(lines: Sequence[int]) -> str:
    return f"line {lines[0]}" if lines[0] == lines[-1] else f"lines {lines[0]}-{lines[-1]}"


def _clean_row(row: Row) -> str:
    """The row's text. A carriage return at its end shows only on changed lines."""
    return clean_line(row.text.removesuffix("\r") if row.sign == " " else row.text)


def _highlight_entries(diff: Diff, entries: Sequence[Entry]) -> dict[int, Line]:
    """Highlighted code of these rows, by identity.

    Whole files are highlighted, since a hunk may begin inside a string.
    """
    colored: dict[int, Line] = {}
    for entry in entries:
        if entry.hunk is None or entry.head:
            continue
        for row in (entry.left, entry.right):
            if row is not None:
                colored[id(row)] = _highlight_row(diff, entry.hunk.file, row)
    return colored


def _highlight_row(diff: Diff, file: str, row: Row) -> Line:
    text = _clean_row(row)
    files, number = (diff.old, row.old) if row.sign == "-" else (diff.new, row.new)
    lines = highlight_file(file, files.get(file, ""))
    line = lines[number - 1] if 0 < number <= len(lines) else ()
    plain = to_plain_text(line)
    if text == plain:
        return line
    # The diff shows a carriage return at the line end, the highlighted file does not.
    return (*line, (text[len(plain) :], "")) if text.startswith(plain) else ((text, ""),)
