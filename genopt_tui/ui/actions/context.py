"""Where a key is pressed: the snapshot, the pane that has the keyboard, the row of History."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot


class ActionPane(Protocol):
    """A pane as the table of actions sees it."""

    NUMBER: ClassVar[int]
    NAME: ClassVar[str]

    def has_act(self, name: str) -> bool:
        """Whether this pane has an act of this name."""
        ...

    def why_not(self, name: str) -> str:
        """Why the act is not possible now; empty when it is."""
        ...


@dataclass(frozen=True, slots=True)
class ActionContext:
    """Here and now: what is shown, which pane has the keyboard, and the history's row under the
    cursor."""

    snapshot: Snapshot
    pane: ActionPane | None = None
    row: HistoryRow | None = None
    mark: str = ""
    has_left_out_hunks: bool = False
    """Whether hunks of the proposal are left out."""

    @property
    def is_in_history(self) -> bool:
        """Whether the history has the keyboard."""
        return self.pane is not None and self.pane.NUMBER == 1
