"""Read-only code: highlighted off the interface's loop, with a gutter for scope and changed lines."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from genopt_tui.learn.diff import changes
from genopt_tui.ui.widgets.lines import Line, Piece, find_in
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.text import clean
from genopt_tui.ui.widgets.view import LineView

if TYPE_CHECKING:
    from pygments.token import _TokenType

LARGEST = 1_000_000
"""Characters beyond which code is shown without colours."""
LOOKS = {
    "Comment": "comment",
    "Keyword": "keyword",
    "Operator.Word": "keyword",
    "Operator": "operator",
    "Literal.String": "string",
    "Literal.Number": "number",
    "Name.Builtin": "builtin",
    "Name.Builtin.Pseudo": "self",
    "Name.Class": "name",
    "Name.Function": "name",
    "Name.Decorator": "builtin",
    "Name.Tag": "keyword",
    "Generic.Heading": "title",
    "Generic.Strong": "strong",
}


def lines_of(text: str) -> list[str]:
    """The lines of `text`, harmless, without an empty one after the last line break."""
    lines = clean(text).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


@lru_cache(maxsize=32)
def highlighted(name: str, text: str) -> tuple[Line, ...]:
    """The lines of file `name` in colours; about 0.1 ms a line the first time."""
    return tuple(colours(name, lines_of(text)))


def colours(name: str, lines: Sequence[str]) -> list[Line]:
    """Harmless lines of a file, in the colours of its language where that is known."""
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = None
    if lexer is None or sum(map(len, lines)) > LARGEST:
        return [((line, ""),) for line in lines]
    return _split(lexer.get_tokens("\n".join(lines)), len(lines))


def _split(tokens: Iterable[tuple["_TokenType", str]], count: int) -> list[Line]:
    rows: list[list[Piece]] = [[]]
    for kind, text in tokens:
        look = _look(kind)
        first, *rest = text.split("\n")
        if first:
            rows[-1].append((first, look))
        for part in rest:
            rows.append([(part, look)] if part else [])
    rows += [[] for _ in range(count - len(rows))]
    return [tuple(row) for row in rows[:count]]


@lru_cache(maxsize=256)
def _look(kind: "_TokenType") -> str:
    name = str(kind).removeprefix("Token.")
    while name:
        if name in LOOKS:
            return LOOKS[name]
        name = name.rpartition(".")[0]
    return ""


def changed_lines(old: str, new: str) -> frozenset[int]:
    """Numbers (from 1) of lines of `new` that are not in `old` at that place; beside a deletion, the line after it."""
    after = lines_of(new)
    numbers: set[int] = set()
    for _, _, first, last in changes(lines_of(old), after):
        numbers.update(range(first + 1, last + 1))
        if first == last and after:
            numbers.add(min(first + 1, len(after)))
    return frozenset(numbers)


class CodeLines:
    """One file: number, scope mark, changed mark, code; with `wrote`, the version that wrote each line stands before it."""

    def __init__(
        self,
        name: str,
        text: str,
        scope: Sequence[tuple[int, int]] = (),
        changed: frozenset[int] = frozenset(),
        wrote: Sequence[str] = (),
    ) -> None:
        self.name, self.text, self.scope, self.changed, self.wrote = name, text, scope, changed, wrote
        self._label = max((len(label) for label in wrote), default=0)
        self.lines = lines_of(text)
        self._width = max(3, len(str(len(self.lines))))

    def __len__(self) -> int:
        return len(self.lines)

    def draft(self, y: int) -> Line:
        return (*self._gutter(y + 1), (self.lines[y], ""))

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        code = highlighted(self.name, self.text)[first : first + count]
        return [(*self._gutter(y), *line) for y, line in enumerate(code, first + 1)]

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        return find_in(self.lines.__getitem__, len(self.lines), needle, start, step, stop)

    def _gutter(self, number: int) -> Line:
        inside = any(first <= number <= last for first, last in self.scope)
        return (
            *self._author(number - 1),
            (f"{number:>{self._width}} ", "gutter"),
            (MARKS.scope if inside else " ", "scope"),
            ("~" if number in self.changed else " ", "changed"),
        )

    def _author(self, index: int) -> Line:
        """Who wrote the line; said once where lines of one version follow each other."""
        if not self._label:
            return ()
        label = self.wrote[index] if index < len(self.wrote) else ""
        again = index > 0 and index <= len(self.wrote) and self.wrote[index - 1] == label
        return ((f"{'' if again else label:>{self._label}} ", "name"),)


class CodeView(LineView):
    """A file of the artifact."""

    def copied(self) -> str:
        source = self.source
        return source.lines[self.cursor] if isinstance(source, CodeLines) else super().copied()

    def act_next(self) -> None:
        """To the next changed line that does not follow another one."""
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, step: int) -> None:
        if isinstance(self.source, CodeLines):
            changed = self.source.changed
            starts = sorted(n - 1 for n in changed if n - 1 not in changed)
            ahead = [y for y in starts if (y > self.cursor if step > 0 else y < self.cursor)]
            if ahead:
                self.go(ahead[0] if step > 0 else ahead[-1])
