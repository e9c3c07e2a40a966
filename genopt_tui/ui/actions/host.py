"""What action handlers use of the main screen, as a Protocol: neither imports the other."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App
from textual.screen import ModalScreen

from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.services import AppServices
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from genopt_tui.ui.state.store import Store

Handler = Callable[[], Awaitable[None] | None]


class ActionHost(Protocol):
    """The main screen as handlers see it."""

    snapshot: Snapshot
    store: "Store"
    active: int
    """Number of the pane that is in front."""
    zoomed: bool
    mark: str
    """Commit of the marked version; empty for none."""

    @property
    def app(self) -> App[Any]: ...

    @property
    def services(self) -> AppServices: ...

    async def action_act(self, name: str) -> None:
        """Carry out the action `name`, or say why it is not possible."""
        ...

    def context(self) -> ActionContext: ...

    def run_worker(
        self, work: Coroutine[Any, Any, None], *, group: str = ..., exclusive: bool = ...
    ) -> object: ...

    def show_notice(self, text: str, severity: "SeverityLevel" = "information") -> None: ...

    def go_to_pane(self, number: int) -> None: ...

    def go_to_version(self, commit: str) -> None:
        """Move the cursor of History to a version."""
        ...

    def toggle_zoom(self) -> None: ...

    def leave_pane_mode(self) -> bool:
        """Leave a search or an editor of the focused pane; whether there was one."""
        ...

    def search_pane(self, text: str) -> None:
        """Search in the pane that has the keyboard."""
        ...

    def set_mark(self, commit: str) -> None: ...

    def set_edit(self, files: Mapping[str, str] | None) -> None:
        """Show the proposal as a person edited it; None: as the model wrote it."""
        ...

    def get_kept_hunks(self) -> set[int] | None:
        """Numbers of the hunks that are left in; None for the whole edit."""
        ...

    def get_kept_files(self) -> Mapping[str, str]:
        """The artifact with the hunks that are left in."""
        ...

    def get_prompt_choices(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The examples that Evidence drops from the waiting prompt, and those that it pins."""
        ...


def require_row(host: ActionHost) -> HistoryRow:
    """The row under the cursor of History; the table's checks make sure of one."""
    row = host.context().row
    assert row is not None
    return row


def confirm(host: ActionHost, question: ModalScreen[str], act: Callable[[], object]) -> None:
    """Ask first; call `act` when the answer is yes."""

    def answer(value: str | None) -> None:
        if value:
            act()

    host.app.push_screen(question, answer)
