"""Read-only code: highlighted off the interface's loop, with a gutter for scope and changed
lines."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from genopt_tui.learn.edit.diff import find_changes
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.line_source import Line, Piece, find_line
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import clean
from genopt_tui.ui.widgets.symbols import SYMBOLS

if TYPE_CHECKING:
    from pygments.token import _TokenType

MAX_HIGHLIGHTED = 1_000_000
"""Characters beyond which code is shown without colours."""
TOKEN_STYLES = {
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


def split_lines(text: str) -> list[str]:
    """The lines of `text`, harmless, without an empty one after the last line break."""
    lines = clean(text).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


@lru_cache(maxsize=32)
def highlight_file(name: str, text: str) -> tuple[Line, ...]:
    """The lines of file `name` in the colours of its language, where that is known.

    The first call takes about 0.1 ms a line.
    """
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    lines = split_lines(text)
    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = None
    if lexer is None or len(text) > MAX_HIGHLIGHTED:
        return tuple(((line, ""),) for line in lines)
    return tuple(_group_tokens(lexer.get_tokens("\n".join(lines)), len(lines)))


def _group_tokens(tokens: Iterable[tuple["_TokenType", str]], count: int) -> list[Line]:
    rows: list[list[Piece]] = [[]]
    for kind, text in tokens:
        look = _get_token_style(kind)
        first, *rest = text.split("\n")
        if first:
            rows[-1].append((first, look))
        for part in rest:
            rows.append([(part, look)] if part else [])
    rows += [[] for _ in range(count - len(rows))]
    return [tuple(row) for row in rows[:count]]


@lru_cache(maxsize=256)
def _get_token_style(kind: "_TokenType") -> str:
    name = str(kind).removeprefix("Token.")
    while name:
        if name in TOKEN_STYLES:
            return TOKEN_STYLES[name]
        name = name.rpartition(".")[0]
    return ""


def find_changed_lines(old: str, new: str) -> frozenset[int]:
    """Numbers (from 1) of lines of `new` that are not in `old` at that place; beside a deletion,
    the line after it."""
    after = split_lines(new)
    numbers: set[int] = set()
    for _, _, first, last in find_changes(split_lines(old), after):
        numbers.update(range(first + 1, last + 1))
        if first == last and after:
            numbers.add(min(first + 1, len(after)))
    return frozenset(numbers)


class CodeLines:
    """One file: number, scope mark, changed mark, code; with `wrote`, the version that wrote each
    line stands before it."""

    def __init__(
        self,
        name: str,
        text: str,
        scope: Sequence[tuple[int, int]] = (),
        changed: frozenset[int] = frozenset(),
        authors: Sequence[str] = (),
    ) -> None:
        self.name, self.text, self.scope, self.changed, self.authors = (
            name,
            text,
            scope,
            changed,
            authors,
        )
        self._author_width = max((len(label) for label in authors), default=0)
        self.lines = split_lines(text)
        self._width = max(3, len(str(len(self.lines))))

    def __len__(self) -> int:
        return len(self.lines)

    def draft(self, y: int) -> Line:
        return (*self._format_gutter(y + 1), (self.lines[y], ""))

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        code = highlight_file(self.name, self.text)[first : first + count]
        return [(*self._format_gutter(y), *line) for y, line in enumerate(code, first + 1)]

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        return find_line(self.lines.__getitem__, len(self.lines), needle, start, step, stop)

    def _format_gutter(self, number: int) -> Line:
        inside = any(first <= number <= last for first, last in self.scope)
        return (
            *self._format_author(number - 1),
            (f"{number:>{self._width}} ", "gutter"),
            (SYMBOLS.scope if inside else " ", "scope"),
            ("~" if number in self.changed else " ", "changed"),
        )

    def _format_author(self, index: int) -> Line:
        """Who wrote the line; said once where lines of one version follow each other."""
        if not self._author_width:
            return ()
        label = self.authors[index] if index < len(self.authors) else ""
        again = index > 0 and index <= len(self.authors) and self.authors[index - 1] == label
        return ((f"{'' if again else label:>{self._author_width}} ", "name"),)


class CodeView(LineView):
    """A file of the artifact."""

    def get_copy_text(self) -> str:
        source = self.source
        return (
            source.lines[self.cursor] if isinstance(source, CodeLines) else super().get_copy_text()
        )

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "next": self.act_next,
            "prev": self.act_prev,
        }

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
                self.go_to_line(ahead[0] if step > 0 else ahead[-1])
