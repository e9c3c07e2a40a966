"""What all deeds have in common: the screen they act on, commands left for the runner, and questions asked first."""

from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen

from genopt_tui.ui.snapshot import HistoryRow, Snapshot

if TYPE_CHECKING:
    from genopt_tui.ui.screens.main import MainScreen


class Deeds:
    """Methods `do_ID` carry out actions; the table has checked that each is possible."""

    def __init__(self, screen: "MainScreen") -> None:
        self.screen = screen

    @property
    def snapshot(self) -> Snapshot:
        return self.screen.snapshot

    @property
    def row(self) -> HistoryRow:
        """The version under the history's cursor; the table's checks see to it that there is one."""
        row = self.screen.history.row
        assert row is not None
        return row

    def command(self, kind: str, **data: Any) -> None:
        self.screen.store.command(kind, **data)

    def ask(self, question: "ModalScreen[str]", kind: str, **data: Any) -> None:
        """Leave the command when the question is answered with yes."""

        def answer(value: str | None) -> None:
            if value:
                self.command(kind, **data)

        self.screen.app.push_screen(question, answer)
