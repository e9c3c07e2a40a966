"""Text exactly as it is, long lines broken to the width: whole prompts, raw replies."""

from collections.abc import Callable, Sequence

from genopt_tui.ui.messages import Copied
from genopt_tui.ui.widgets.fit import broken
from genopt_tui.ui.widgets.lines import Line, TextLines
from genopt_tui.ui.widgets.offload import offload
from genopt_tui.ui.widgets.text import clean
from genopt_tui.ui.widgets.view import LineView

Part = tuple[str, str]
"""A heading of ours, and the text under it."""


def laid_out(parts: Sequence[Part], width: int) -> tuple[list[Line], list[int]]:
    """The rows, and which of them are headings (ours, and lines of the text that begin with `#`)."""
    rows: list[Line] = []
    heads: list[int] = []
    for heading, text in parts:
        if heading:
            heads.append(len(rows))
            rows.append(((heading, "title hunk"),))
        for line in clean(text).split("\n"):
            if line.startswith("#"):
                heads.append(len(rows))
            look = "strong" if line.startswith("#") else ""
            rows += [((row, look),) for row in broken(line, width)]
    return rows, heads


class WrappedView(LineView):
    """`[` and `]` go from heading to heading; `y` copies all of the text as it is."""

    def __init__(self, what: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.what = what
        self.parts: tuple[Part, ...] = ()
        self._heads: Sequence[int] = ()
        self._shown: tuple[tuple[Part, ...], int] = ((), 0)

    def show(self, parts: Sequence[Part]) -> None:
        """Show other text; nothing happens when it is the same."""
        self.parts = tuple(parts)
        self._lay_out()

    def on_resize(self) -> None:
        super().on_resize()
        self._lay_out()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        super().watch_show_vertical_scrollbar(shown)
        self._lay_out()  # a scroll bar that came with the lines takes a cell of them

    def _lay_out(self) -> None:
        wanted = (self.parts, max(8, self.room))
        if self.size.width and wanted != self._shown:
            self.run_worker(self._laid_out(wanted), group="layout", exclusive=True)

    async def _laid_out(self, wanted: tuple[tuple[Part, ...], int]) -> None:
        rows, self._heads = await offload(laid_out, *wanted)
        same, self._shown = wanted[0] == self._shown[0], wanted
        self.set_source(TextLines(rows), keep=same)

    def act_next(self) -> None:
        self._jump(lambda y: y > self.cursor, 0)

    def act_prev(self) -> None:
        self._jump(lambda y: y < self.cursor, -1)

    def _jump(self, test: Callable[[int], bool], which: int) -> None:
        if ahead := [y for y in self._heads if test(y)]:
            self.go(ahead[which])
            self.scroll_to(y=ahead[which], animate=False, force=True)

    def act_copy(self) -> None:
        self.post_message(Copied("\n\n".join(text for _, text in self.parts), self.what))
