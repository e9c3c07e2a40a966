"""Acts on history: undo, rewind, branch, mark, compare, best."""

from collections.abc import Sequence

from genopt_tui.ui import words
from genopt_tui.ui.deeds.base import Deeds
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.snapshot import HistoryRow


class HistoryDeeds(Deeds):
    """u U t b m c B X P."""

    def do_undo(self) -> None:
        self.command("undo")

    def do_redo(self) -> None:
        self.command("redo")

    def do_rewind(self) -> None:
        row = self.row
        self.ask(
            dialogs.confirm(f"Take {self.snapshot.branch} back to {row.label}?", self._what(row), "take it back"),
            "rewind",
            version=row.commit,
        )

    def _what(self, row: HistoryRow) -> str:
        """What a rewind does, in numbers."""
        s = self.snapshot
        lost = [r.label for r in _between(s.rows, s.head, row.commit)]
        score = f" (gate {words.score(row.score)} n={row.n})" if row.score is not None else ""
        later = f"Versions {' '.join(reversed(lost[:8]))}{' ...' if len(lost) > 8 else ''}" if lost else "Later ones"
        flight = f"\nThe step in flight ({s.progress.step}) ends as superseded." if s.live else ""
        return (
            f"{s.branch} goes from {s.head_label} back to {row.label}{score}.\n"
            f"{later} stay in the history as abandoned; u undoes this.{flight}"
        )

    def do_branch(self) -> None:
        row = self.row

        def send(name: str | None) -> None:
            if name:
                self.command("branch", name=name, at=row.commit)

        self.screen.app.push_screen(dialogs.AskText(f"New branch at {row.label}: its name?"), send)

    def do_mark(self) -> None:
        row = self.row
        self.screen.set_mark("" if row.commit == self.screen.mark else row.commit)

    def do_compare(self) -> None:
        from genopt_tui.ui.screens.compare import CompareScreen

        s = self.snapshot
        a = self.screen.mark or (self.row.parents[0] if self.row.parents else s.rows[-1].commit)
        self.screen.app.push_screen(CompareScreen(s, self.screen.store, a, self.row.commit))

    def do_best(self) -> None:
        self.screen.go_to_pane(1)
        self.screen.history.go_to(self.snapshot.best)

    def do_plot(self) -> None:
        from genopt_tui.ui.screens.plot import PlotScreen

        self.screen.app.push_screen(PlotScreen(self.snapshot))

    def do_matrix(self) -> None:
        from genopt_tui.ui.screens.matrix import MatrixScreen

        self.screen.app.push_screen(MatrixScreen(self.snapshot, self.screen.store))


def _between(rows: Sequence[HistoryRow], head: str, back_to: str) -> list[HistoryRow]:
    """The versions from head down to just above `back_to`, newest first; empty where it is no ancestor."""
    by_commit = {row.commit: row for row in rows}
    found = []
    at = by_commit.get(head)
    while at is not None and at.commit != back_to:
        found.append(at)
        at = by_commit.get(at.parents[0]) if at.parents else None
    return found if at is not None else []
