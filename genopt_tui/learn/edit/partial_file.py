"""Merging a fence that holds only some of a Python file's definitions into the file.

A model that changes one function often sends just that function as "the file". Its definitions
replace those of the same names; everything else in the file stays.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from genopt_tui.learn.text import split_source_lines

Import = ast.Import | ast.ImportFrom
Function = ast.FunctionDef | ast.AsyncFunctionDef
REMOVAL = r"\b(?:remov|delet|drop)\w*\b[^.\n]*\b"  # in front of a name: the reply removes it


@dataclass(frozen=True)
class MergedFile:
    """The merged text, and the names that the fence left out and that therefore stayed."""

    text: str
    kept: list[str]


@dataclass(frozen=True)
class _Statement:
    """A statement of a module or class body: its lines (from 0, end excluded) with the comments
    directly above it, and the dotted names that it defines."""

    node: ast.stmt
    first: int
    end: int
    names: frozenset[str]


def merge_definitions(old: str, new: str, prose: str = "") -> MergedFile | None:
    """`old` with the definitions of `new` in place of its own; None where `new` is a whole file.

    `new` is part of a file if it consists of imports and definitions alone, redefines something in
    `old`, and leaves out something that `old` defines, unless `prose` says that this is removed.
    """
    before, after = _parse(old), _parse(new)
    if before is None or after is None or not after:
        return None
    if not all(isinstance(s.node, Import) or s.names for s in after):
        return None  # a docstring or code of its own: the whole file
    old_names, new_names = _collect_names(before), _collect_names(after)
    missing = [name for name in old_names if name not in new_names]
    missing = [
        n for n in missing if not re.search(f"{REMOVAL}{re.escape(n.split('.')[-1])}", prose)
    ]
    if not missing or not old_names.keys() & new_names.keys():
        return None
    lines, source = _split(old), _split(new)
    edits = _plan_edits(before, after, lines, source)
    if edits is None:
        return None
    for first, end, replacement in sorted(edits, key=lambda e: (e[0], e[1]), reverse=True):
        lines[first:end] = replacement
    text = "".join(lines)
    kept = [name for name in missing if name.rpartition(".")[0] not in missing]
    return MergedFile(text, kept) if _parse(text) is not None else None


Edit = tuple[int, int, list[str]]  # lines to replace (from 0, end excluded), and the new ones


def _plan_edits(
    before: Sequence[_Statement],
    after: Sequence[_Statement],
    lines: Sequence[str],
    source: Sequence[str],
) -> list[Edit] | None:
    """The edits that bring the statements `after` (lines of `source`) into the body `before` (of
    `lines`); None where the two cannot be told apart by line."""
    edits: list[Edit] = []
    added: list[str] = []  # new definitions that wait for the next known one
    imports = {ast.dump(s.node) for s in before if isinstance(s.node, Import)}
    last_end = before[-1].end if before else len(lines)
    for statement in after:
        text = list(source[statement.first : statement.end])
        if isinstance(statement.node, Import):
            if ast.dump(statement.node) not in imports:
                position = _find_import_position(before)
                edits.append((position, position, text))
            continue
        known = next((s for s in before if s.names & statement.names), None)
        if known is None:
            added += [*text, *_blank_lines(statement)]
            continue
        if added:
            edits.append((known.first, known.first, added))
            added = []
        inner = _plan_class_edits(known, statement, lines, source)
        edits += inner if inner is not None else [(known.first, known.end, text)]
        last_end = known.end
    if added:
        edits.append((last_end, last_end, ["\n", *added]))
    spans = sorted((first, end) for first, end, _ in edits if end > first)
    overlap = any(a[1] > b[0] for a, b in pairwise(spans))
    return None if overlap else edits


def _plan_class_edits(
    known: _Statement, statement: _Statement, lines: Sequence[str], source: Sequence[str]
) -> list[Edit] | None:
    """Edits inside a class of which the fence holds only some members; None to replace it whole."""
    old, new = known.node, statement.node
    if not isinstance(old, ast.ClassDef) or not isinstance(new, ast.ClassDef):
        return None
    if not known.names - statement.names or old.body[0].col_offset != new.body[0].col_offset:
        return None
    before = _describe_body(old.body, lines, f"{old.name}.")
    after = _describe_body(new.body, source, f"{new.name}.")
    if before is None or after is None:
        return None
    members = [s for s in after if s.names or isinstance(s.node, Import)]
    return _plan_edits(before, members, lines, source)


def _parse(text: str) -> list[_Statement] | None:
    """The statements of a module; None where it does not parse or two share a line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _describe_body(body, _split(text), "")


def _describe_body(
    body: Sequence[ast.stmt], lines: Sequence[str], prefix: str
) -> list[_Statement] | None:
    found: list[_Statement] = []
    end = 0
    for node in body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)]) - 1
        if found and first < end:
            return None
        while first > end and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        end = node.end_lineno or node.lineno
        found.append(_Statement(node, first, end, frozenset(_list_names(node, prefix))))
    return found


def _list_names(node: ast.stmt, prefix: str) -> list[str]:
    """Dotted names that a statement defines; of a class also those of its members."""
    if isinstance(node, Function):
        return [prefix + node.name]
    if isinstance(node, ast.ClassDef):
        inner = (_list_names(n, f"{prefix}{node.name}.") for n in node.body)
        return [prefix + node.name, *(name for names in inner for name in names)]
    targets: Iterable[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [prefix + target.id for target in targets if isinstance(target, ast.Name)]


def _collect_names(statements: Sequence[_Statement]) -> dict[str, None]:
    return {name: None for statement in statements for name in sorted(statement.names)} | {
        ast.unparse(s.node): None for s in statements if isinstance(s.node, Import)
    }


def _find_import_position(before: Sequence[_Statement]) -> int:
    """The line (from 0) for a new import: below the imports, else below the docstring."""
    ends = [s.end for s in before if isinstance(s.node, Import)]
    if ends:
        return ends[-1]
    first = before[0].node if before else None
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return before[0].end if docstring else 0


def _blank_lines(statement: _Statement) -> list[str]:
    nested = statement.node.col_offset > 0
    return (
        ["\n"] if nested or not isinstance(statement.node, Function | ast.ClassDef) else ["\n"] * 2
    )


def _split(text: str) -> list[str]:
    lines = split_source_lines(text)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += "\n"
    return lines
