"""History pane: versions with score, change and decision, and the learning curve under them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.css.scalar import Scalar

from genopt_tui.ui import formatters
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool, run_in_thread
from genopt_tui.ui.messages import CopyRequested, VersionSelected
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.history_list import HistoryList
from genopt_tui.ui.panes.history_text import (
    INTERVAL_WIDTH,
    draw_bar_chart,
    draw_row_graphs,
    draw_row_symbols,
    find_in_labels,
    format_details,
    insert_task_changes,
    read_reason,
    search_session,
)
from genopt_tui.ui.panes.proposal_text import TURNED_DOWN
from genopt_tui.ui.scores import describe_incomparable, select_comparable
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.safe_text import PlainText

MAX_INLINE_ROWS = 500
"""Rows up to which the graph is computed at once; for more it is computed in a thread."""
MIN_CHART_HEIGHT, MAX_CHART_HEIGHT = 4, 20
"""Rows of the learning curve if there is room for more than one."""
RowTest = Callable[[HistoryRow], bool]


class HistoryPane(Pane):
    """Pane 1.

    Space folds versions that are on no branch, `/` searches subjects, reasoning and edits, `f`
    shows the matches only.
    """

    NUMBER = 1
    DEFAULT_CSS = "HistoryPane #about { height: 4; color: $text-muted; background: $panel; }"

    def __init__(self, snapshot: Snapshot | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[HistoryRow, ...] = ()
        self._live: HistoryRow | None = None
        self._head, self._session_path = "", ""
        self._unread = 0
        self._folded = False
        self._needle = ""
        self.matches: Mapping[str, str] = {}
        """Where each matching commit contains the text searched for."""
        self._filtered = False
        self._reasons: dict[str, str] = {}
        """Reasons for rejections read so far, by commit."""
        self._initial_snapshot = snapshot
        self.row_list = HistoryList()
        self.curve = PlainText(id="curve")
        self.details = PlainText(id="about")

    def compose(self) -> ComposeResult:
        yield self.row_list
        yield self.details
        yield self.curve

    @property
    def _symbols(self) -> formatters.Symbols:
        return self.row_list.symbols

    def on_mount(self) -> None:
        super().on_mount()
        if self._initial_snapshot:
            self.feed(self._initial_snapshot)

    @property
    def row(self) -> HistoryRow | None:
        """The version under the cursor."""
        return self.row_list.row

    def feed(self, snapshot: Snapshot) -> None:
        if snapshot.rows is self._rows and snapshot.live is self._live:
            return
        self._rows, self._live, self._head = snapshot.rows, snapshot.live, snapshot.head
        self._session_path, self._unread = snapshot.session.path, snapshot.unread_versions
        self._show()

    def _show(self) -> None:
        rows = [row for row in self._rows if self._is_shown(row)]
        hidden = len(self._rows) - len(rows)
        rows = insert_task_changes(rows)
        if self._live:
            rows = [self._live, *rows]
        if len(rows) <= MAX_INLINE_ROWS:
            self.row_list.show(rows, draw_row_graphs(rows, self._head, self.row_list.symbols))
        else:
            self.row_list.show(rows, draw_row_symbols(rows, self.row_list.symbols))
            self.run_worker(self._draw_graph(rows), group="graph", exclusive=True)
        self._draw_title(hidden)
        self._draw_curve()
        self._draw_details()

    def _is_shown(self, row: HistoryRow) -> bool:
        if self._filtered and row.commit not in self.matches:
            return False
        return row.kind == "branch" or not self._folded

    async def _draw_graph(self, rows: Sequence[HistoryRow]) -> None:
        graph = await run_in_pool(draw_row_graphs, rows, self._head, self.row_list.symbols)
        if self.row_list.rows is rows:
            self.row_list.show_graph(graph)

    def _draw_title(self, hidden: int) -> None:
        notes = [f"'{self._needle}' in {len(self.matches)}"] if self._needle else []
        if hidden:
            notes.append(f"({hidden} {'left out' if self._filtered else 'folded'})")
        if self._unread:
            notes.append(f"({self._unread} still loading)")
        self.set_title("  ".join(notes))

    def _draw_details(self) -> None:
        row = self.row
        self.details.display = row is not None and self.size.height >= 12
        if row is not None:
            where = self.matches.get(row.commit, "") if self._needle else ""
            elsewhere = where and not where.startswith("subject")
            height = max(2, self._measure_details())
            if self.details.styles.height != Scalar.from_number(height):
                self.details.styles.height = height
            reason = self._get_reason(row)
            details = format_details(row, reason)
            self.details.show(f"{where}\n{details}" if elsewhere else details, layout=False)

    def _get_reason(self, row: HistoryRow) -> str:
        """Why `row` was turned down; empty while the reason is being read."""
        if row.commit and row.decision in TURNED_DOWN and row.commit not in self._reasons:
            self.run_worker(self._read_reason(row.commit), group="reason", exclusive=True)
        return self._reasons.get(row.commit, "")

    async def _read_reason(self, commit: str) -> None:
        session = Path(self._session_path)
        try:
            reason = await run_in_thread(lambda: read_reason(session, commit))
        except EXPECTED_ERRORS:  # show the version without its reason
            reason = ""
        self._reasons[commit] = reason
        if reason and self.row is not None and self.row.commit == commit:
            self._draw_details()

    def on_pane_changed(self) -> None:
        self._draw_details()

    def _draw_curve(self) -> None:
        rows, others = select_comparable(self._rows)
        scores = [r.score for r in reversed(rows) if r.kind == "branch" and r.score is not None]
        note = describe_incomparable(others)
        width = max(8, self.size.width - 24 - len(note))
        height = self._count_free_rows()
        if len(scores) > 1 and height >= MIN_CHART_HEIGHT:
            lines = draw_bar_chart(scores, self.size.width, height - bool(note), self._symbols.bars)
            text = "\n".join([*lines, *filter(None, [note])])
        else:
            height = 1
            line = formatters.draw_sparkline(scores, width, self._symbols.bars)
            first, last = (formatters.format_score(scores[i]) if scores else "" for i in (0, -1))
            curve = f"{first} {line} {last}" if len(scores) > 1 else ""
            text = "  ".join(filter(None, (curve, note)))
        self.curve.display = bool(text)
        if self.curve.styles.height != Scalar.from_number(height):
            self.curve.styles.height = height
        self.curve.show(text, layout=False)

    def _count_free_rows(self) -> int:
        """Rows of the pane that neither the list nor the details need."""
        used = len(self.row_list.rows) + self._measure_details()
        return min(MAX_CHART_HEIGHT, self.size.height - used)

    def _measure_details(self) -> int:
        """Rows that the details of the version under the cursor need."""
        if self.row is None or self.size.height < 12:
            return 0
        return (2 if self.size.width >= INTERVAL_WIDTH else 4) + bool(self._needle)

    def on_resize(self) -> None:
        self._draw_curve()
        self._draw_details()

    def go_to_version(self, commit: str) -> None:
        """Move the cursor to a version."""
        index = next((i for i, row in enumerate(self.row_list.rows) if row.commit == commit), None)
        if index is not None:
            self.row_list.move_cursor(index)

    def set_mark(self, commit: str) -> None:
        self.row_list.marked_commit = commit
        self.row_list.refresh()

    # acts

    @property
    def acts(self) -> Acts:
        return {
            "down": self.act_down,
            "up": self.act_up,
            "page_down": self.act_page_down,
            "page_up": self.act_page_up,
            "top": self.act_top,
            "bottom": self.act_bottom,
            "next": self.act_next,
            "prev": self.act_prev,
            "open": self.act_open,
            "toggle": self.act_toggle,
            "copy": self.act_copy,
            "find_next": self.act_find_next,
            "find_prev": self.act_find_prev,
            "filter": self.act_filter,
        }

    def act_down(self) -> None:
        self.row_list.move_cursor(self.row_list.cursor + 1)

    def act_up(self) -> None:
        self.row_list.move_cursor(self.row_list.cursor - 1)

    def act_page_down(self) -> None:
        self.row_list.move_cursor(self.row_list.cursor + max(1, self.row_list.size.height - 1))

    def act_page_up(self) -> None:
        self.row_list.move_cursor(self.row_list.cursor - max(1, self.row_list.size.height - 1))

    def act_top(self) -> None:
        self.row_list.move_cursor(0)

    def act_bottom(self) -> None:
        self.row_list.move_cursor(len(self.row_list.rows) - 1)

    def act_next(self) -> None:
        self._go_to_tip(1)

    def act_prev(self) -> None:
        self._go_to_tip(-1)

    def act_open(self) -> None:
        if row := self.row:
            self.post_message(VersionSelected(row.commit))

    def act_toggle(self) -> None:
        """Fold or unfold versions that are on no branch."""
        self._folded = not self._folded
        self._show()

    def act_copy(self) -> None:
        if (row := self.row) and row.commit:
            self.post_message(CopyRequested(row.commit, "commit"))

    def search(self, text: str) -> None:
        """Search labels, subjects, reasoning, notes and edits, and go to the next match."""
        self._needle = text
        if text:
            self.run_worker(self._run_search(text), group="search", exclusive=True)
        else:
            self.matches, self._filtered = {}, False
            self._show()

    async def _run_search(self, text: str) -> None:
        matches = dict(find_in_labels(self._rows, text))
        self.set_title(f"searching for '{text}' ...")
        session = Path(self._session_path)
        try:
            others = await run_in_thread(lambda: search_session(session, text))
            matches = {**others, **matches}
        except EXPECTED_ERRORS as error:
            self.app.notify(str(error), severity="error", markup=False)
        if text == self._needle:
            self.matches = matches
            self._show()
            self._go_to_match(1, here=True)

    def act_find_next(self) -> None:
        self._go_to_match(1)

    def act_find_prev(self) -> None:
        self._go_to_match(-1)

    def act_filter(self) -> None:
        """Show only the matching versions, or all again."""
        self._filtered = not self._filtered
        self._show()

    def leave_mode(self) -> bool:
        """End the search."""
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

    def _go_to_match(self, direction: int, here: bool = False) -> None:
        if here and self.row is not None and self.row.commit in self.matches:
            self._draw_details()
        elif self.matches:
            self._move_to_next(direction, lambda row: row.commit in self.matches)
        else:
            self.app.notify(f"no version contains '{self._needle}'", markup=False, timeout=3)

    def _go_to_tip(self, direction: int) -> None:
        self._move_to_next(direction, lambda row: bool(row.branches))

    def _move_to_next(self, direction: int, test: RowTest) -> None:
        count = len(self.row_list.rows)
        for distance in range(1, count + 1):
            index = (self.row_list.cursor + direction * distance) % count
            if test(self.row_list.rows[index]):
                self.row_list.move_cursor(index)
                return
