"""The editable scope of an artifact, and checking that an edit stays inside it.

Entries: `FILE` (the whole file); `FILE:FUNCTION`, `FILE:Class`, `FILE:Class.method` (the definition
with its decorators); `FILE:#REGION` (the lines between a comment with `genopt: edit REGION` and one
with `genopt: end`); and a glob (`src/*`, `**/*.py`), which also allows new and deleted files.
Without any entry every existing file is editable.
"""

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from genopt_tui.errors import UsageError
from genopt_tui.learn.text import split_source_lines

REGION_OPEN = re.compile(r"\bgenopt:\s*edit\s+([\w.-]+)")
REGION_CLOSE = re.compile(r"\bgenopt:\s*end\b")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Span:
    """Editable lines `first` to `last` (from 1, inclusive; `last` is `first - 1` for an empty
    region) under `name`."""

    first: int
    last: int
    name: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One scope entry. `name` is a definition's dotted name or a region's name."""

    text: str
    file: str
    kind: Literal["file", "glob", "definition", "region"]
    name: str = ""

    def covers(self, file: str) -> bool:
        return (
            bool(_compile_glob(self.file).fullmatch(file))
            if self.kind == "glob"
            else self.file == file
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """Something outside the scope that changed. `line` counts from 1 in the new text (old text for
    what was removed)."""

    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class FileParts:
    """A file taken apart: the runs of fixed lines around its editable spans, `len(fixed) ==
    len(spans) + 1`."""

    spans: tuple[Span, ...]
    fixed: tuple[tuple[str, ...], ...]
    editable: tuple[tuple[str, ...], ...]


class Scope:
    """The editable part of an artifact."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)

    def covers(self, file: str) -> bool:
        """Whether anything in `file` may be edited."""
        return any(entry.covers(file) for entry in self.entries)

    def covers_whole(self, file: str) -> bool:
        """Whether all of `file` may be edited."""
        return any(e.kind in {"file", "glob"} and e.covers(file) for e in self.entries)

    def can_create(self, file: str) -> bool:
        """Whether `file` may be made or deleted."""
        return any(e.kind == "glob" and e.covers(file) for e in self.entries)

    @property
    def globs(self) -> list[str]:
        return [e.text for e in self.entries if e.kind == "glob"]

    def find_spans(self, file: str, text: str) -> list[Span]:
        """Editable spans of `file`, in order, without overlaps; empty where nothing can be found
        (text does not parse)."""
        if self.covers_whole(file):
            return [Span(1, len(split_source_lines(text)), file)]
        wanted = [e for e in self.entries if e.covers(file)]
        names = {e.name for e in wanted if e.kind == "definition"}
        found = [s for s in _definitions(text) if s.name in names] if names else []
        regions = {e.name for e in wanted if e.kind == "region"}
        found += (
            [s for s in _regions(file, text) if s.name.removeprefix("#") in regions]
            if regions
            else []
        )
        return _drop_nested(found)

    def find_editable_lines(self, file: str, text: str) -> list[tuple[int, int]]:
        """Editable lines of `file` as inclusive ranges counted from 1."""
        return [(s.first, s.last) for s in self.find_spans(file, text) if s.last >= s.first]

    def split_file(self, file: str, text: str) -> FileParts:
        """`text` taken apart into fixed and editable lines."""
        lines, spans = split_source_lines(text), self.find_spans(file, text)
        fixed, editable, at = [], [], 0
        for span in spans:
            fixed.append(tuple(lines[at : span.first - 1]))
            editable.append(tuple(lines[span.first - 1 : span.last]))
            at = span.last
        fixed.append(tuple(lines[at:]))
        return FileParts(tuple(spans), tuple(fixed), tuple(editable))

    def find_violations(self, old: Mapping[str, str], new: Mapping[str, str]) -> list[Violation]:
        """Everything that an edit from `old` to `new` changed outside the scope."""
        found: list[Violation] = []
        for file in sorted({*old, *new}):
            if file not in old or file not in new:
                if not self.can_create(file):
                    found.append(
                        Violation(
                            file,
                            1,
                            _explain_file_rule("created" if file in new else "deleted", self.globs),
                        )
                    )
            elif old[file] != new[file] and not self.covers_whole(file):
                found += self._find_violations_in_file(file, old[file], new[file])
        return found

    def restore_fixed_lines(self, file: str, old: str, new: str, *, allow_missing: bool) -> str:
        """`new` with the fixed lines of `old` where only their blank lines or trailing white space
        differ.

        With `allow_missing`, fixed lines may also be missing (a reply that shows only the functions
        it changes). Anything else comes back unchanged, for `find_violations` to name.
        """
        if self.covers_whole(file) or old == new:
            return new
        before, after = self.split_file(file, old), self.split_file(file, new)
        order = [s.name for s in before.spans]
        names = [s.name for s in after.spans]
        if allow_missing:
            if (
                not names
                or len(set(names)) < len(names)
                or not set(names) <= set(order)
                or len(set(order)) < len(order)
            ):
                return new
            if not _is_subsequence(_drop_blank_lines(after.fixed), _drop_blank_lines(before.fixed)):
                return new
        elif names != order or [_drop_blank_lines([f]) for f in after.fixed] != [
            _drop_blank_lines([f]) for f in before.fixed
        ]:
            return new
        mine = dict(zip(names, after.editable, strict=True)) if allow_missing else {}
        pieces: list[str] = []
        for i, name in enumerate(order):
            editable = (mine.get(name, before.editable[i])) if allow_missing else after.editable[i]
            pieces += [*before.fixed[i], *_ensure_newline(editable, i, before)]
        return "".join([*pieces, *before.fixed[-1]])

    def describe(self) -> str:
        """The scope in words, on one line."""
        return ", ".join(e.text for e in self.entries) or "nothing"

    def _find_violations_in_file(self, file: str, old: str, new: str) -> list[Violation]:
        if not self.covers(file):
            return [
                Violation(
                    file,
                    _first_difference(old, new),
                    f"{file} is not in the scope ({self.describe()})",
                )
            ]
        before, after = self.split_file(file, old), self.split_file(file, new)
        if not before.spans:
            return [
                Violation(
                    file,
                    1,
                    f"no editable part of {file} can be found in the version this edit is made for",
                )
            ]
        if [s.name for s in before.spans] != [s.name for s in after.spans]:
            return [_make_order_violation(file, before, after)]
        found = [
            Violation(file, b.first, f"{b.name} must keep its signature: {a.signature}")
            for a, b in zip(before.spans, after.spans, strict=True)
            if a.signature != b.signature
        ]
        starts = [1, *(s.last + 1 for s in after.spans)]
        for start, was, now in zip(starts, before.fixed, after.fixed, strict=True):
            if was != now:
                at = next(
                    (i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b),
                    min(len(was), len(now)),
                )
                line = (now[at : at + 1] or was[at : at + 1])[0].strip()
                names = ", ".join(s.name for s in before.spans)
                found.append(
                    Violation(
                        file,
                        start + at,
                        f"this line lies outside the scope ({names}) and must stay: {line}",
                    )
                )
        return found


def parse_scope(entries: Iterable[str], files: Mapping[str, str]) -> Scope:
    """The scope that `entries` describe in the artifact `files`. Raises UsageError naming the entry
    that fits nothing."""
    texts = [e.strip() for e in entries if e.strip()]
    if not texts:
        return Scope([Entry(file, file, "file") for file in sorted(files)])
    return Scope([_parse_entry(text, files) for text in texts])


def explain_unsafe_name(name: str) -> str:
    """Why `name` cannot be the name of an artifact file; empty when it can."""
    parts = name.split("/")
    if not name or len(name) > 200 or any(not c.isprintable() or c in '\\:*?"<>|' for c in name):
        return 'a file name is at most 200 printable characters without \\ : * ? " < > |'
    if any(p in {"", ".", ".."} or p.lower() == ".git" or p != p.strip() for p in parts):
        return "a file name is a plain path inside the artifact, without .. or .git"
    return ""


def _parse_entry(text: str, files: Mapping[str, str]) -> Entry:
    file, colon, name = text.partition(":")
    if not colon:
        if any(c in text for c in "*?["):
            return Entry(text, text, "glob")
        _require_file(text, file, files)
        return Entry(text, file, "file")
    _require_file(text, file, files)
    if name.startswith("#"):
        there = [s.name for s in _regions(file, files[file])]
        _require_name(
            text,
            name,
            there,
            f"{file} has no comment `genopt: edit {name[1:]}` closed by `genopt: end`",
        )
        return Entry(text, file, "region", name[1:])
    if error := _describe_syntax_error(files[file]):
        raise UsageError(f"scope '{text}'", f"{file} does not parse: {error}")
    _require_name(
        text, name, [s.name for s in _definitions(files[file])], f"{file} defines no {name}"
    )
    return Entry(text, file, "definition", name)


def _require_file(text: str, file: str, files: Mapping[str, str]) -> None:
    if file not in files:
        _raise_unknown(text, f"the artifact has no file {file}", file, list(files))


def _require_name(text: str, name: str, there: list[str], why: str) -> None:
    if name not in there:
        _raise_unknown(text, why, name, there)


def _raise_unknown(text: str, why: str, name: str, there: list[str]) -> None:
    close = get_close_matches(name, there, 1, 0.4)
    there = sorted(set(there))[:8]
    raise UsageError(
        f"scope '{text}'",
        why,
        f"Did you mean {close[0]}?" if close else f"There is: {', '.join(there) or 'none'}",
    )


@lru_cache(maxsize=256)
def _definitions(text: str) -> list[Span]:
    """Every function and class of a Python text under its dotted name."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines, found = split_source_lines(text), list[Span]()

    def walk(body: Iterable[ast.AST], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                last = _extend_over_comments(lines, node.end_lineno or node.lineno, node.col_offset)
                found.append(Span(first, last, prefix + node.name, _signature(node)))
                walk(node.body, f"{prefix}{node.name}.")
            else:
                walk(
                    (
                        n
                        for n in ast.iter_child_nodes(node)
                        if isinstance(n, ast.stmt | ast.ExceptHandler)
                    ),
                    prefix,
                )

    walk(tree.body, "")
    return found


def _extend_over_comments(lines: list[str], last: int, column: int) -> int:
    """The last line of a definition, with comments behind its last statement that are indented like
    its body."""
    end = last
    for number in range(last + 1, len(lines) + 1):
        line = lines[number - 1]
        if line.strip() and not (
            line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column
        ):
            break
        if line.strip():
            end = number
    return end


def _signature(node: Definition) -> str:
    """The part of a definition that must stay: kind, name, and parameters with defaults
    (annotations may change)."""
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    a = node.args
    positional = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
    words = [_parameter(p, d) for p, d in zip(positional, defaults, strict=True)]
    if a.posonlyargs:
        words.insert(len(a.posonlyargs), "/")
    if a.vararg or a.kwonlyargs:
        words.append(f"*{a.vararg.arg if a.vararg else ''}")
    words += [_parameter(p, d) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    words += [f"**{a.kwarg.arg}"] if a.kwarg else []
    keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{keyword} {node.name}({', '.join(words)})"


def _parameter(parameter: ast.arg, default: ast.expr | None) -> str:
    return f"{parameter.arg}={ast.unparse(default)}" if default is not None else parameter.arg


def _regions(file: str, text: str) -> list[Span]:
    found: list[Span] = []
    name, first = "", 0
    for number, comment in _comments(file, text):
        if not name and (match := REGION_OPEN.search(comment)):
            name, first = match[1], number + 1
        elif name and REGION_CLOSE.search(comment):
            found.append(Span(first, number - 1, f"#{name}"))
            name = ""
    return found


def _comments(file: str, text: str) -> list[tuple[int, str]]:
    """(line, text) where a region's border may stand: comments of Python code, any line of other
    files."""
    if file.endswith(".py"):
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text, newline=None).readline))
            return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]
        except (tokenize.TokenError, SyntaxError, ValueError):
            return []
    return [(i, line) for i, line in enumerate(split_source_lines(text), 1) if "genopt:" in line]


def _drop_nested(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.first, -s.last)):
        if not kept or span.first > kept[-1].last:
            kept.append(span)
    return kept


def _make_order_violation(file: str, before: FileParts, after: FileParts) -> Violation:
    was, now = [s.name for s in before.spans], [s.name for s in after.spans]
    for name in was:
        if now.count(name) < was.count(name):
            line = next(s.first for s in before.spans if s.name == name)
            return Violation(
                file, line, f"{name} must stay where it is, under its name and inside its class"
            )
    for span in reversed(after.spans):
        if now.count(span.name) > was.count(span.name):
            return Violation(file, span.first, f"{span.name} is defined a second time")
    return Violation(file, after.spans[0].first, f"the order of {', '.join(was)} must stay")


def _drop_blank_lines(runs: Iterable[Sequence[str]]) -> list[str]:
    return [line.rstrip() for run in runs for line in run if line.strip()]


def _is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(any(line == other for other in rest) for line in short)


def _ensure_newline(editable: tuple[str, ...], index: int, before: FileParts) -> tuple[str, ...]:
    """`editable` with a line end where fixed lines follow it."""
    follows = any(before.fixed[index + 1 :]) or index + 1 < len(before.spans)
    if editable and follows and not editable[-1].endswith(("\n", "\r")):
        return (*editable[:-1], editable[-1] + "\n")
    return editable


def _first_difference(old: str, new: str) -> int:
    a, b = split_source_lines(old), split_source_lines(new)
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False), 1) if x != y),
        min(len(a), len(b)) + 1,
    )


def _explain_file_rule(act: str, globs: list[str]) -> str:
    where = (
        f"only files matching {', '.join(globs)} may be created or deleted"
        if globs
        else "the set of files is fixed"
    )
    return f"it may not be {act}: {where}"


def _describe_syntax_error(text: str) -> str:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


@lru_cache(maxsize=256)
def _compile_glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stop at a slash, `**` does not."""
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        else:
            c, at = pattern[at], at + 1
            out += {"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c))
    return re.compile(out, re.DOTALL)


def is_inside(ranges: Sequence[tuple[int, int]], first: int, last: int) -> bool:
    """Whether lines `first` to `last` lie in one of the sorted `ranges`."""
    at = bisect_right(ranges, (first, 1 << 60)) - 1
    return at >= 0 and ranges[at][0] <= first and last <= ranges[at][1]
