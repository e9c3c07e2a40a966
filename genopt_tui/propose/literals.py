"""The numbers and choices in the editable part of an artifact."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from genopt_tui.propose.base import EditableScope

LiteralValue = bool | int | float | str
_COMMENT = r"(?:#|//|--|;|<!--)"
_CHOICES = re.compile(_COMMENT + r"\s*choices:\s*([^#\n]+?)\s*(?:-->)?\s*$")
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_ASSIGNMENT = re.compile(
    r"""([\w.-]+)["']?\s*[=:]\s*(["']?)([\w.+-]+)\2\s*(?=$|[,;})\]]|""" + _COMMENT + ")",
    re.MULTILINE,
)


@dataclass(frozen=True)
class TunableLiteral:
    """One value that may be changed: characters `start` to `end` of a file's text.

    `choices` are the values its line offers; `parameter` tells that it is given to a name and not
    part of an expression.
    """

    file: str
    start: int
    end: int
    value: LiteralValue
    name: str = ""
    choices: tuple[str, ...] = ()

    @property
    def is_parameter(self) -> bool:
        return bool(self.name)


def find_literals(files: Mapping[str, str], scope: EditableScope | None) -> list[TunableLiteral]:
    """All literals on editable lines, in order. Python that does not parse holds none."""
    found: list[TunableLiteral] = []
    for file, text in sorted(files.items()):
        lines = scope.find_editable_lines(file, text) if scope else [(1, text.count("\n") + 1)]
        literals = (
            _find_in_python(file, text) if file.endswith(".py") else _find_in_text(file, text)
        )
        found += sorted((x for x in literals if _is_inside(text, x, lines)), key=lambda x: x.start)
    return found


def _is_inside(text: str, literal: TunableLiteral, lines: list[tuple[int, int]]) -> bool:
    first, last = (text.count("\n", 0, place) + 1 for place in (literal.start, literal.end))
    return any(low <= first and last <= high for low, high in lines)


def _find_choices(text: str) -> dict[int, tuple[str, ...]]:
    """Line to the choices a comment on it offers: `choices: a|b|c`."""
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if match := _CHOICES.search(line):
            found[number] = tuple(v.strip().strip("\"'") for v in match[1].split("|") if v.strip())
    return found


def _find_in_text(file: str, text: str) -> Iterator[TunableLiteral]:
    """`name = value` and `name: value` in settings, prompts and the like."""
    offered = _find_choices(text)
    for match in _ASSIGNMENT.finditer(text):
        name, _, source = match.groups()
        choices = offered.get(text.count("\n", 0, match.start(3)) + 1, ())
        if re.fullmatch(_NUMBER, source):
            value: LiteralValue = float(source) if re.search(r"[.eE]", source) else int(source)
        elif source in choices:
            value = source
        else:
            continue
        yield TunableLiteral(file, match.start(3), match.end(3), value, name, choices)


def _find_in_python(file: str, text: str) -> Iterator[TunableLiteral]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    offered, names, done = _find_choices(text), _collect_names(tree), _collect_fixed_constants(tree)
    for node in ast.walk(tree):
        if (
            id(node) in done
            or not isinstance(node, ast.expr)
            or (value := _read_value(node)) is None
        ):
            continue
        done.update(id(inner) for inner in ast.walk(node))
        start = place(node.lineno, node.col_offset)
        end = place(node.end_lineno or node.lineno, node.end_col_offset or 0)
        choices = offered.get(node.lineno, ())
        if isinstance(value, str):
            if (
                value not in choices
                or text[start] not in "\"'"
                or text[start : start + 3] in {'"""', "'''"}
            ):
                continue
            start, end = start + 1, end - 1
        yield TunableLiteral(file, start, end, value, names.get(id(node), ""), choices)


def _read_value(node: ast.expr) -> LiteralValue | None:
    """The value of a literal, its sign included."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _read_value(node.operand)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else None
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        return node.value
    return None


def _collect_names(tree: ast.AST) -> dict[int, str]:
    """Literals that are given to a name: assignments, keyword arguments, defaults, and entries of
    tables."""
    names: dict[int, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[target], value=value):
                _assign_name(names, value, ast.unparse(target))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                _assign_name(names, value, ast.unparse(target))
            case ast.keyword(arg=str(arg), value=value):
                _assign_name(names, value, arg)
            case ast.arguments():
                _name_defaults(names, node)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    _assign_name(names, value, ast.unparse(key) if key else "")
    return names


def _assign_name(names: dict[int, str], value: ast.expr, name: str) -> None:
    """Name a literal, or the literals of a tuple or list."""
    if isinstance(value, ast.Tuple | ast.List):
        for number, item in enumerate(value.elts):
            _assign_name(names, item, f"{name}[{number}]")
    elif _read_value(value) is not None:
        names.setdefault(id(value), name)


def _name_defaults(names: dict[int, str], arguments: ast.arguments) -> None:
    positional = [*arguments.posonlyargs, *arguments.args]
    if arguments.defaults:
        for argument, value in zip(
            positional[-len(arguments.defaults) :], arguments.defaults, strict=True
        ):
            _assign_name(names, value, argument.arg)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default:
            _assign_name(names, default, argument.arg)


def _collect_fixed_constants(tree: ast.AST) -> set[int]:
    """Constants that address something, or are part of an f-string or a pattern: changing them
    breaks, it does not tune."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            found.update(id(inner) for inner in ast.walk(node.slice))
        elif isinstance(node, ast.JoinedStr | ast.pattern):
            found.update(id(inner) for inner in ast.walk(node))
    return found
