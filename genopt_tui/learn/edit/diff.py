"""Differences between two artifacts: hunks that can be taken one by one, and the unified diff that
git would print."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha1
from typing import Literal

from genopt_tui.learn.text import NO_NEWLINE, Files, split_lines

CONTEXT = 3
# pairs of equal lines that difflib may compare; above it, lines that occur once are the anchors
MAX_LINE_PAIRS = 2_000_000
Change = tuple[int, int, int, int]  # old lines a..b become new lines c..d, from 0, ends excluded


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a hunk, its text without line end.

    `sign` is ' ', '-' or '+'; `old` and `new` are line numbers from 1 (0: not on that side);
    `has_newline` is False where the file ends without one.
    """

    sign: Literal[" ", "-", "+"]
    text: str
    old: int = 0
    new: int = 0
    has_newline: bool = True


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of changes with its context. `number` counts from 1 over all files of the edit; line
    numbers count from 1."""

    number: int
    file: str
    status: Literal["changed", "new", "deleted"]
    old_start: int
    old_lines: tuple[str, ...]
    new_start: int
    new_lines: tuple[str, ...]
    rows: tuple[Row, ...]
    heading: str = ""

    @property
    def added(self) -> int:
        return sum(r.sign == "+" for r in self.rows)

    @property
    def removed(self) -> int:
        return sum(r.sign == "-" for r in self.rows)

    @property
    def header(self) -> str:
        old = _format_range(self.old_start, len(self.old_lines))
        new = _format_range(self.new_start, len(self.new_lines))
        return f"@@ -{old} +{new} @@" + (f" {self.heading}" if self.heading else "")


def find_hunks(old: Mapping[str, str], new: Mapping[str, str]) -> list[Hunk]:
    """The hunks of the edit from `old` to `new`, in order of file names."""
    found: list[Hunk] = []
    for file in sorted({*old, *new}):
        if old.get(file) != new.get(file):
            status: Literal["changed", "new", "deleted"] = (
                "new" if file not in old else "deleted" if file not in new else "changed"
            )
            before, after = split_lines(old.get(file, "")), split_lines(new.get(file, ""))
            groups = list(_group_changes(find_changes(before, after))) or [[(0, 0, 0, 0)]]
            found += [
                _make_hunk(len(found) + i, file, status, before, after, g)
                for i, g in enumerate(groups, 1)
            ]
    return found


def apply_hunks(old: Mapping[str, str], new: Mapping[str, str], numbers: Collection[int]) -> Files:
    """The artifact with only the hunks in `numbers` applied; all of them give `new`, none gives
    `old`."""
    result, number = dict(old), 0
    for file in sorted({*old, *new}):
        if old.get(file) == new.get(file):
            continue
        before, after = split_lines(old.get(file, "")), split_lines(new.get(file, ""))
        groups = list(_group_changes(find_changes(before, after))) or [[(0, 0, 0, 0)]]
        chosen = [n for n in range(number + 1, number + len(groups) + 1) if n in numbers]
        taken = [change for n in chosen for change in groups[n - number - 1]]
        number += len(groups)
        if file not in new:
            if chosen:
                del result[file]
        elif file in old or chosen:
            result[file] = _apply_changes(before, after, taken)
    return result


def format_diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The edit as a unified diff that `git apply` accepts."""
    out: list[str] = []
    file = ""
    for hunk in find_hunks(old, new):
        if hunk.file != file:
            file = hunk.file
            out += _file_header(file, old.get(file), new.get(file))
        if hunk.rows:
            out.append(hunk.header)
        for row in hunk.rows:
            out += [row.sign + row.text] if row.has_newline else [row.sign + row.text, NO_NEWLINE]
    return "".join(f"{line}\n" for line in out)


def find_changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """Runs of lines that differ: close to the smallest difference, in bounded time."""
    return list(_merge_adjacent(_iterate_changes(old, new, 0, len(old), 0, len(new))))


def _iterate_changes(
    old: Sequence[str], new: Sequence[str], a: int, b: int, c: int, d: int
) -> Iterator[Change]:
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    if a == b or c == d:
        if a < b or c < d:
            yield a, b, c, d
        return
    counts_old, counts_new = Counter(old[a:b]), Counter(new[c:d])
    if sum(n * counts_new[line] for line, n in counts_old.items()) <= MAX_LINE_PAIRS:
        matcher = SequenceMatcher(None, old[a:b], new[c:d], autojunk=False)
        for tag, i, j, k, m in matcher.get_opcodes():
            if tag != "equal":
                yield a + i, a + j, c + k, c + m
        return
    anchors = _anchors(old, new, a, b, c, d, counts_old, counts_new)
    if not anchors:
        yield a, b, c, d
        return
    for i, j in [*anchors, (b, d)]:
        yield from _iterate_changes(old, new, a, i, c, j)
        a, c = i, j


def _anchors(
    old: Sequence[str],
    new: Sequence[str],
    a: int,
    b: int,
    c: int,
    d: int,
    in_old: Counter[str],
    in_new: Counter[str],
) -> list[tuple[int, int]]:
    """Lines that occur once on both sides, in the longest order common to both."""
    where = {new[j]: j for j in range(c, d) if in_new[new[j]] == 1}
    pairs = [(i, where[old[i]]) for i in range(a, b) if in_old[old[i]] == 1 and old[i] in where]
    ends: list[int] = []
    tails: list[int] = []
    before: list[int] = []
    for at, (_, j) in enumerate(pairs):
        slot = bisect_left(ends, j)
        before.append(tails[slot - 1] if slot else -1)
        ends[slot : slot + 1] = [j]
        tails[slot : slot + 1] = [at]
    chain: list[tuple[int, int]] = []
    at = tails[-1] if tails else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _merge_adjacent(runs: Iterator[Change]) -> Iterator[Change]:
    last: Change | None = None
    for run in runs:
        if last and last[1] == run[0] and last[3] == run[2]:
            last = (last[0], run[1], last[2], run[3])
        else:
            if last:
                yield last
            last = run
    if last:
        yield last


def _group_changes(runs: Sequence[Change]) -> Iterator[list[Change]]:
    """Group changes whose contexts touch."""
    group: list[Change] = []
    for run in runs:
        if group and run[0] - group[-1][1] > 2 * CONTEXT:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _make_hunk(
    number: int,
    file: str,
    status: Literal["changed", "new", "deleted"],
    old: list[str],
    new: list[str],
    group: list[Change],
) -> Hunk:
    first, last = group[0], group[-1]
    lead = min(CONTEXT, first[0])
    trail = min(CONTEXT, len(old) - last[1])
    rows: list[Row] = []
    a, c = first[0] - lead, first[2] - lead
    start_old, start_new = a, c
    for i, j, k, m in [
        *group,
        (last[1] + trail, last[1] + trail, last[3] + trail, last[3] + trail),
    ]:
        rows += [_make_row(" ", old[n], n + 1, n - a + c + 1) for n in range(a, i)]
        rows += [_make_row("-", old[n], n + 1, 0) for n in range(i, j)]
        rows += [_make_row("+", new[n], 0, n + 1) for n in range(k, m)]
        a, c = j, m
    old_lines = tuple(r.text for r in rows if r.sign != "+")
    new_lines = tuple(r.text for r in rows if r.sign != "-")
    return Hunk(
        number,
        file,
        status,
        start_old + bool(old_lines),
        old_lines,
        start_new + bool(new_lines),
        new_lines,
        tuple(rows),
        _heading(old, start_old),
    )


def _make_row(sign: Literal[" ", "-", "+"], line: str, old: int, new: int) -> Row:
    return Row(sign, line.removesuffix("\n"), old, new, line.endswith("\n"))


def _heading(lines: list[str], start: int) -> str:
    """The line above a hunk that git would show in its header."""
    for line in reversed(lines[:start]):
        if line[0].isascii() and (line[0].isalpha() or line[0] in "_$"):
            return line.rstrip()[:80].rstrip()
    return ""


def _format_range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _apply_changes(old: list[str], new: list[str], taken: list[Change]) -> str:
    pieces: list[str] = []
    at = 0
    for a, b, c, d in taken:
        pieces += [*old[at:a], *new[c:d]]
        at = b
    return "".join([*pieces, *old[at:]])


def _file_header(file: str, old: str | None, new: str | None) -> list[str]:
    a, b = _quote_name(f"a/{file}"), _quote_name(f"b/{file}")
    lines = [f"diff --git {a} {b}"]
    if old is None:
        lines.append("new file mode 100644")
    if new is None:
        lines.append("deleted file mode 100644")
    mode = " 100644" if old is not None and new is not None else ""
    lines.append(f"index {_abbreviated_blob_id(old)}..{_abbreviated_blob_id(new)}{mode}")
    if old or new:
        lines.append(f"--- {'/dev/null' if old is None else a}")
        lines.append(f"+++ {'/dev/null' if new is None else b}")
    return lines


def _abbreviated_blob_id(text: str | None) -> str:
    if text is None:
        return "0000000"
    data = text.encode("utf-8", "surrogateescape")
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()[:7]


def _quote_name(name: str) -> str:
    """A file name as git writes it: quoted, with octal bytes, where it has unusual characters."""
    if name.isascii() and name.isprintable() and not set(name) & {'"', "\\"}:
        return name
    raw = name.encode("utf-8", "surrogateescape")
    return (
        '"'
        + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in raw)
        + '"'
    )
