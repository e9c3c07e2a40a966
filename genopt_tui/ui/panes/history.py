"""History: the graph of versions, each with score, change and who decided, and the learning curve beneath."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from genopt_tui.ui import words
from genopt_tui.ui.graph import graph
from genopt_tui.ui.messages import Copied, PaneChanged, VersionChosen
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.text import Plain, clean_line

Part = tuple[str, str]
Wanted = Callable[[HistoryRow], bool]


def parts_of(row: HistoryRow, drawn: str, width: int, marks: words.Marks) -> list[Part]:
    """A row as (text, style) parts: graph, label, score, n, change, verdict, who, subject."""
    if row.kind == "live":
        return [
            (f"{marks.live:<{width}} ", "live"),
            (f"{row.label:<5}", "label"),
            (f"{marks.dots} {row.decision}", "live"),
        ]
    dim = row.kind != "branch"
    score = words.score(row.score)
    count = f"n{row.n}" if score else ""
    out = [
        (f"{drawn:<{width}} ", "dim" if dim else "graph"),
        (f"{row.label:<5}", "head" if row.head else "dim" if dim else "label"),
        (f"{score:>6} {count:<4} ", "dim" if dim else "score"),
    ]
    if dim:
        out.append((row.decision or row.kind, "dim"))
    else:
        change = words.change(row.verdict, row.difference)
        out.append((f"{words.signed(row.difference):>6} {change:<5}", change if change in {"up", "down"} else "plain"))
        out.append((f"{row.who or row.decision:<5}", "dim"))
    names = " ".join(row.branches)
    subject = row.subject.partition(": ")[2] if row.subject.startswith("step ") else row.subject
    return [*out, (f" {names}", "branch") if names else ("", ""), (f"  {subject}", "dim")]


class HistoryList(ScrollView, can_focus=True):
    """The rows; only visible ones are drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"history--{name}"
        for name in [
            "plain",
            "dim",
            "graph",
            "label",
            "head",
            "score",
            "up",
            "down",
            "live",
            "branch",
            "cursor",
            "mark",
        ]
    }
    DEFAULT_CSS = """
    HistoryList {
        height: 1fr; background: $surface; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .history--dim { color: $foreground 55%; }
        & > .history--graph { color: $primary; }
        & > .history--label { text-style: none; }
        & > .history--head { text-style: bold; color: $accent; }
        & > .history--score { text-style: bold; }
        & > .history--up { color: $success; }
        & > .history--down { color: $error; }
        & > .history--live { color: $warning; }
        & > .history--branch { color: $accent; }
        & > .history--cursor { background: $primary 30%; }
        & > .history--mark { text-style: reverse; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[HistoryRow] = ()
        self.drawn: Sequence[str] = ()
        self.cursor, self.mark = 0, ""
        self.marks = words.marks()

    @property
    def row(self) -> HistoryRow | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[HistoryRow], drawn: Sequence[str]) -> None:
        """Replace the rows; the cursor stays on its version, or on the newest line when it stood there."""
        before = self.row
        self.rows, self.drawn = rows, drawn
        if before is None or self.cursor == 0:
            self.cursor = 0
        else:
            same = (i for i, row in enumerate(rows) if (row.commit, row.label) == (before.commit, before.label))
            self.cursor = next(same, min(self.cursor, max(0, len(rows) - 1)))
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh()

    def move_to(self, index: int) -> None:
        self.cursor = max(0, min(index, len(self.rows) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(PaneChanged())

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= index < len(self.rows):
            return Strip.blank(width, self.rich_style)
        return Strip(self._segments(index), None).adjust_cell_length(width, self._style(index, "plain")).crop(0, width)

    def _segments(self, index: int) -> list[Segment]:
        row = self.rows[index]
        columns = max(map(len, self.drawn[:200]), default=1)
        parts = parts_of(row, self.drawn[index], columns, self.marks)
        return [Segment(clean_line(text), self._style(index, name)) for text, name in parts if text]

    def _style(self, index: int, name: str) -> Style:
        style = self.rich_style + self.get_component_rich_style(f"history--{name}", partial=True)
        if self.mark and self.rows[index].commit == self.mark:
            style += self.get_component_rich_style("history--mark", partial=True)
        if index == self.cursor:
            style += self.get_component_rich_style("history--cursor", partial=True)
        return style

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self.rows):
            self.move_to(index)
            if event.chain == 2 and self.row:
                self.post_message(VersionChosen(self.row.commit))


class HistoryPane(Pane):
    """Pane 1."""

    NUMBER, NAME = 1, "History"

    def __init__(self, snapshot: Snapshot | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[HistoryRow, ...] = ()
        self._live: HistoryRow | None = None
        self._folded = False
        self._needle = ""
        self._first = snapshot
        self.list = HistoryList()
        self.curve = Plain(id="curve")

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.curve

    def on_mount(self) -> None:
        super().on_mount()
        if self._first:
            self.feed(self._first)

    @property
    def row(self) -> HistoryRow | None:
        """The version under the cursor."""
        return self.list.row

    def feed(self, snapshot: Snapshot) -> None:
        if snapshot.rows is self._rows and snapshot.live is self._live:
            return
        self._rows, self._live, self._head = snapshot.rows, snapshot.live, snapshot.head
        self._show()

    def _show(self) -> None:
        rows = [r for r in self._rows if not (self._folded and r.kind != "branch")]
        drawn = graph(rows, self._head, self.list.marks)
        if self._live:
            rows, drawn = [self._live, *rows], [self.list.marks.live, *drawn]
        self.list.show(rows, drawn)
        hidden = len(self._rows) - len(rows) + bool(self._live)
        self.set_title(f"({hidden} folded)" if hidden else "")
        self._draw_curve()

    def _draw_curve(self) -> None:
        scores = [r.score for r in reversed(self._rows) if r.kind == "branch" and r.score is not None]
        width = max(8, self.size.width - 24)
        line = words.sparkline(scores, width, self.list.marks.bars)
        text = f"{words.score(scores[0])} {line} {words.score(scores[-1])}" if len(scores) > 1 else ""
        self.curve.display = bool(text)
        self.curve.show(text)

    def on_resize(self) -> None:
        self._draw_curve()

    def go_to(self, commit: str) -> None:
        """Put the cursor on a version."""
        index = next((i for i, row in enumerate(self.list.rows) if row.commit == commit), None)
        if index is not None:
            self.list.move_to(index)

    def set_mark(self, commit: str) -> None:
        self.list.mark = commit
        self.list.refresh()

    # acts

    def act_down(self) -> None:
        self.list.move_to(self.list.cursor + 1)

    def act_up(self) -> None:
        self.list.move_to(self.list.cursor - 1)

    def act_page_down(self) -> None:
        self.list.move_to(self.list.cursor + max(1, self.list.size.height - 1))

    def act_page_up(self) -> None:
        self.list.move_to(self.list.cursor - max(1, self.list.size.height - 1))

    def act_top(self) -> None:
        self.list.move_to(0)

    def act_bottom(self) -> None:
        self.list.move_to(len(self.list.rows) - 1)

    def act_next(self) -> None:
        self._tip(1)

    def act_prev(self) -> None:
        self._tip(-1)

    def act_open(self) -> None:
        if row := self.row:
            self.post_message(VersionChosen(row.commit))

    def act_toggle(self) -> None:
        """Fold away, or show, what is on no branch."""
        self._folded = not self._folded
        self._show()

    def act_copy(self) -> None:
        if (row := self.row) and row.commit:
            self.post_message(Copied(row.commit, "commit"))

    def search(self, text: str) -> None:
        """Go to the next row that holds `text`."""
        self._needle = text.lower()
        self.act_find_next()

    def act_find_next(self) -> None:
        self._find(1)

    def act_find_prev(self) -> None:
        self._find(-1)

    def why_not(self, name: str) -> str:
        if name == "search":
            return ""
        if name in {"find_next", "find_prev"} and not self._needle:
            return "search for something first (/)"
        return super().why_not(name)

    def _find(self, direction: int) -> None:
        self._walk(
            direction, lambda row: self._needle in f"{row.label} {row.decision} {row.subject} {row.commit}".lower()
        )

    def _tip(self, direction: int) -> None:
        self._walk(direction, lambda row: bool(row.branches))

    def _walk(self, direction: int, wanted: Wanted) -> None:
        count = len(self.list.rows)
        for distance in range(1, count + 1):
            index = (self.list.cursor + direction * distance) % count
            if wanted(self.list.rows[index]):
                self.list.move_to(index)
                return
