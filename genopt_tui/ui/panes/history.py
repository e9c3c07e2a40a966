"""History: the graph of versions, each with score, change and who decided, and the learning curve beneath."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.css.scalar import Scalar

from genopt_tui.ui import words
from genopt_tui.ui.background import apart
from genopt_tui.ui.comparable import comparable, left_out
from genopt_tui.ui.messages import Copied, VersionChosen
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.history_list import HistoryList
from genopt_tui.ui.panes.history_rows import (
    WITH_INTERVAL,
    about,
    drawn,
    labelled,
    plain_graph,
    search_in,
    with_task_changes,
)
from genopt_tui.ui.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.offload import EXPECTED, offload
from genopt_tui.ui.widgets.text import Plain

AT_ONCE = 500
"""Rows whose graph is worked out on the interface's loop; that of more is in a thread."""
Wanted = Callable[[HistoryRow], bool]


class HistoryPane(Pane):
    """Pane 1. Space folds what is on no branch, `f` leaves only what holds a text, `/` looks in subjects, reasoning and edits."""

    NUMBER, NAME = 1, "History"
    DEFAULT_CSS = "HistoryPane #about { height: 4; color: $text-muted; background: $panel; }"

    def __init__(self, snapshot: Snapshot | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[HistoryRow, ...] = ()
        self._live: HistoryRow | None = None
        self._head, self._session = "", ""
        self._unread = 0
        self._folded = False
        self._needle = ""
        self._found: Mapping[str, str] = {}
        """Commit to where the text that was searched for stands in it."""
        self._only = False
        self._first = snapshot
        self.list = HistoryList()
        self.curve = Plain(id="curve")
        self.about = Plain(id="about")

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.about
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
        self._session, self._unread = snapshot.session.path, snapshot.unread
        self._show()

    def _show(self) -> None:
        rows = [row for row in self._rows if self._is_shown(row)]
        hidden = len(self._rows) - len(rows)
        rows = with_task_changes(rows)
        if self._live:
            rows = [self._live, *rows]
        if len(rows) <= AT_ONCE:
            self.list.show(rows, drawn(rows, self._head, self.list.marks))
        else:
            self.list.show(rows, plain_graph(rows, self.list.marks))
            self.run_worker(self._draw_graph(rows), group="graph", exclusive=True)
        self._draw_title(hidden)
        self._draw_curve()
        self._draw_about()

    def _is_shown(self, row: HistoryRow) -> bool:
        if self._only and row.commit not in self._found:
            return False
        return row.kind == "branch" or not self._folded

    async def _draw_graph(self, rows: Sequence[HistoryRow]) -> None:
        found = await offload(drawn, rows, self._head, self.list.marks)
        if self.list.rows is rows:
            self.list.draw(found)

    def _draw_title(self, hidden: int) -> None:
        told = [f"'{self._needle}' in {len(self._found)}"] if self._needle else []
        if hidden:
            told.append(f"({hidden} {'left out' if self._only else 'folded'})")
        if self._unread:
            told.append(f"({self._unread} still to be read)")
        self.set_title("  ".join(told))

    def _draw_about(self) -> None:
        row = self.row
        self.about.display = row is not None and self.size.height >= 12
        if row is not None:
            where = self._found.get(row.commit, "") if self._needle else ""
            elsewhere = where and not where.startswith("subject")
            height = (2 if self.size.width >= WITH_INTERVAL else 4) + bool(self._needle)
            if self.about.styles.height != Scalar.from_number(height):
                self.about.styles.height = height
            self.about.show(f"{where}\n{about(row)}" if elsewhere else about(row), layout=False)

    def on_pane_changed(self) -> None:
        self._draw_about()

    def _draw_curve(self) -> None:
        rows, others = comparable(self._rows)
        scores = [r.score for r in reversed(rows) if r.kind == "branch" and r.score is not None]
        rest = left_out(others)
        width = max(8, self.size.width - 24 - len(rest))
        line = words.sparkline(scores, width, self.list.marks.bars)
        text = f"{words.score(scores[0])} {line} {words.score(scores[-1])}" if len(scores) > 1 else ""
        text = "  ".join(filter(None, (text, rest)))
        self.curve.display = bool(text)
        self.curve.show(text)

    def on_resize(self) -> None:
        self._draw_curve()
        self._draw_about()

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
        """Find `text` in labels, subjects, reasoning, notes and edits, and go to the next version that holds it."""
        self._needle = text
        if text:
            self.run_worker(self._look_for(text), group="search", exclusive=True)
        else:
            self._found, self._only = {}, False
            self._show()

    async def _look_for(self, text: str) -> None:
        found = dict(labelled(self._rows, text))
        self.set_title(f"looking for '{text}' ...")
        try:
            for commit, where in (await apart(lambda: search_in(Path(self._session), text))).items():
                found.setdefault(commit, where)
        except EXPECTED as error:
            self.app.notify(str(error), severity="error", markup=False)
        if text == self._needle:
            self._found = found
            self._show()
            self._find(1, here=True)

    def act_find_next(self) -> None:
        self._find(1)

    def act_find_prev(self) -> None:
        self._find(-1)

    def act_filter(self) -> None:
        """Leave only the versions that hold what was searched for, or show all again."""
        self._only = not self._only
        self._show()

    def leave(self) -> bool:
        """Forget the search."""
        if not self._needle:
            return False
        self.search("")
        return True

    def why_not(self, name: str) -> str:
        if name == "search":
            return ""
        if name in {"find_next", "find_prev", "filter"} and not self._needle:
            return "search for something first (/)"
        return super().why_not(name)

    def _find(self, direction: int, here: bool = False) -> None:
        if here and self.row is not None and self.row.commit in self._found:
            self._draw_about()
        elif self._found:
            self._walk(direction, lambda row: row.commit in self._found)
        else:
            self.app.notify(f"'{self._needle}' is in no version", markup=False, timeout=3)

    def _tip(self, direction: int) -> None:
        self._walk(direction, lambda row: bool(row.branches))

    def _walk(self, direction: int, wanted: Wanted) -> None:
        count = len(self.list.rows)
        for distance in range(1, count + 1):
            index = (self.list.cursor + direction * distance) % count
            if wanted(self.list.rows[index]):
                self.list.move_to(index)
                return
