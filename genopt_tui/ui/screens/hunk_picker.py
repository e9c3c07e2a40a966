"""`C`: choose hunks or files of a version for a proposal on the present head."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.session.commands import Pick
from genopt_tui.ui.actions.table import ACTIONS_BY_ID
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.screens.tabbed_screen import TabbedScreen
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot
from genopt_tui.ui.widgets.diff_lines import Files
from genopt_tui.ui.widgets.diff_view import DiffView

if TYPE_CHECKING:
    from genopt_tui.ui.state.store import Store


class HunkPickerScreen(TabbedScreen):
    """The edit of a version; no hunk is chosen at first."""

    KEYS = (
        "space takes a hunk  f the whole file  [ ] next hunk  "
        "Enter proposes it on the present head  Esc back"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(ACTIONS_BY_ID["toggle"].keys, "take", show=False),
        Binding(ACTIONS_BY_ID["filter"].keys, "file", show=False),
    ]

    def __init__(self, snapshot: Snapshot, store: "Store", row: HistoryRow) -> None:
        super().__init__(f"Take parts of {row.label}: {row.subject}")
        self._session, self._store, self._row = Path(snapshot.session.path), store, row
        self._head_label = snapshot.head_label
        self.view: DiffView = DiffView(id="lines")

    async def load(self) -> None:
        try:
            old, new = await run_in_thread(self._read_edit)
        except EXPECTED_ERRORS as error:
            self.about.show(str(error))
            return
        self.view.show(old, new)
        self.tabs.display = False

    def _read_edit(self) -> tuple[Files, Files]:
        from genopt_tui.session.history.repository import Repository

        with Repository.open(self._session) as repository:
            return repository.read_artifact(self._row.parents[0]), repository.read_artifact(
                self._row.commit
            )

    def on_diff_view_ready(self) -> None:
        """Start without chosen hunks, on the first one."""
        self.ready = True
        self._set_left_out(frozenset(hunk.number for hunk in self.view.hunks))
        self.view.act_next()

    def _set_left_out(self, off: frozenset[int]) -> None:
        self.view.set_left_out(off)
        taken = len(self.view.hunks) - len(off)
        self.about.show(
            f"{taken} of {len(self.view.hunks)} hunks go into a proposal on {self._head_label}"
        )

    def action_take(self) -> None:
        if (number := self.view.hunk_under_cursor) is not None:
            self._set_left_out(self.view.left_out ^ {number})

    def action_file(self) -> None:
        """Choose all hunks of the file under the cursor, or none."""
        file = next(
            (h.file for h in self.view.hunks if h.number == self.view.hunk_under_cursor), None
        )
        numbers = frozenset(h.number for h in self.view.hunks if h.file == file)
        self._set_left_out(
            self.view.left_out - numbers
            if numbers & self.view.left_out
            else self.view.left_out | numbers
        )

    def action_act(self, name: str) -> None:
        if name in {"next", "prev"}:
            self.view.acts[name]()
        elif name == "open":
            self._propose()
        else:
            super().action_act(name)

    def _propose(self) -> None:
        taken = sorted({hunk.number for hunk in self.view.hunks} - self.view.left_out)
        if not taken:
            self.app.notify(
                "No hunk is chosen yet: space chooses the one under the cursor", markup=False
            )
            return
        self._store.send_command(Pick(version=self._row.commit, hunks=tuple(taken)))
        self.dismiss(None)
