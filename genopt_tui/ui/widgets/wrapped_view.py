"""Text exactly as it is, with long lines wrapped: whole prompts, raw replies."""

from collections.abc import Callable, Sequence

from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.line_source import Line, TextLines
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import clean
from genopt_tui.ui.widgets.text_layout import break_text

TextPart = tuple[str, str]
"""A heading added by the view, and the text under it."""


def lay_out_parts(parts: Sequence[TextPart], width: int) -> tuple[list[Line], list[int]]:
    """The rows, and the numbers of headings among them: those added, and lines that begin with
    `#`."""
    rows: list[Line] = []
    heads: list[int] = []
    for heading, text in parts:
        if heading:
            heads.append(len(rows))
            rows.append(((heading, "title hunk"),))
        for line in clean(text).split("\n"):
            if line.startswith("#"):
                heads.append(len(rows))
            style = "strong" if line.startswith("#") else ""
            rows += [((row, style),) for row in break_text(line, width)]
    return rows, heads


class WrappedView(LineView):
    """Wrapped text. `[` and `]` go from heading to heading; `y` copies the whole text, not
    wrapped."""

    def __init__(self, copy_label: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.copy_label = copy_label
        self.parts: tuple[TextPart, ...] = ()
        self._heads: Sequence[int] = ()
        self._current_layout: tuple[tuple[TextPart, ...], int] = ((), 0)

    def show(self, parts: Sequence[TextPart]) -> None:
        """Replace the text; does nothing if it is the same."""
        self.parts = tuple(parts)
        self._start_layout()

    def on_resize(self) -> None:
        super().on_resize()
        self._start_layout()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        super().watch_show_vertical_scrollbar(shown)
        self._start_layout()  # a scroll bar has taken a cell of the width

    def _start_layout(self) -> None:
        layout = (self.parts, max(8, self.line_width))
        if self.size.width and layout != self._current_layout:
            self.run_worker(self._run_layout(layout), group="layout", exclusive=True)

    async def _run_layout(self, wanted: tuple[tuple[TextPart, ...], int]) -> None:
        rows, self._heads = await run_in_pool(lay_out_parts, *wanted)
        is_same_text, self._current_layout = wanted[0] == self._current_layout[0], wanted
        self.set_source(TextLines(rows), keep=is_same_text)

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "next": self.act_next,
            "prev": self.act_prev,
            "copy": self.act_copy,
        }

    def act_next(self) -> None:
        self._jump(lambda y: y > self.cursor, 0)

    def act_prev(self) -> None:
        self._jump(lambda y: y < self.cursor, -1)

    def _jump(self, test: Callable[[int], bool], index: int) -> None:
        if candidates := [y for y in self._heads if test(y)]:
            self.go_to_line(candidates[index])
            self.scroll_to(y=candidates[index], animate=False, force=True)

    def act_copy(self) -> None:
        self.post_message(
            CopyRequested("\n\n".join(text for _, text in self.parts), self.copy_label)
        )
