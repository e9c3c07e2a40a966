"""Read-only code, highlighted in a thread, with a gutter for scope and changed lines."""

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
"""Characters up to which code is highlighted."""
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
    """The lines of `text`, cleaned, without an empty line after the last line break."""
    lines = clean(text).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


@lru_cache(maxsize=32)
def highlight_file(name: str, text: str) -> tuple[Line, ...]:
    """The lines of file `name`, highlighted if its language is known.

    The first call takes about 0.1 ms per line.
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
        style = _get_token_style(kind)
        first, *others = text.split("\n")
        if first:
            rows[-1].append((first, style))
        for part in others:
            rows.append([(part, style)] if part else [])
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
    """Numbers (from 1) of changed lines of `new`; a deletion marks the line after it."""
    after = split_lines(new)
    numbers: set[int] = set()
    for _, _, first, last in find_changes(split_lines(old), after):
        numbers.update(range(first + 1, last + 1))
        if first == last and after:
            numbers.add(min(first + 1, len(after)))
    return frozenset(numbers)


class CodeLines:
    """The lines of a file: number, scope mark, changed mark, code.

    `authors` holds for each line the version that wrote it, which is then shown first.
    """

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
        """The version that wrote the line, shown only where it differs from the line above."""
        if not self._author_width:
            return ()
        label = self.authors[index] if index < len(self.authors) else ""
        again = index > 0 and index <= len(self.authors) and self.authors[index - 1] == label
        return ((f"{'' if again else label:>{self._author_width}} ", "name"),)


class CodeView(LineView):
    """Shows a file of the artifact."""

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
        """Go to the next block of changed lines."""
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, step: int) -> None:
        if isinstance(self.source, CodeLines):
            changed = self.source.changed
            starts = sorted(n - 1 for n in changed if n - 1 not in changed)
            candidates = [y for y in starts if (y > self.cursor if step > 0 else y < self.cursor)]
            if candidates:
                self.go_to_line(candidates[0] if step > 0 else candidates[-1])
