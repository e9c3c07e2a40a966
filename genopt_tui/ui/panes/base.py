"""Base of the five panes: number, title of plain text, and a table of acts."""

from typing import Any, ClassVar

from textual.content import Content
from textual.widget import Widget

from genopt_tui.errors import single_line
from genopt_tui.ui.pane_layout import PANE_NAMES
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.widgets.acts import Acts


class Pane(Widget):
    """A framed part of the main screen.

    The screen calls `feed` with every snapshot; a pane compares its parts by identity and redraws
    only what changed. Keys come from the table of actions: for `]` the screen calls `act("next")`,
    which calls the method that `acts` has for that name.
    """

    NUMBER: ClassVar[int] = 0
    NAME: ClassVar[str] = ""
    DEFAULT_CSS = """
    Pane {
        layout: vertical; padding: 0; min-height: 3;
        border: solid $foreground 30%; border-title-color: $foreground 70%;
    }
    Pane:focus-within, Pane:focus {
        border: solid $accent; border-title-color: $accent; border-title-style: bold;
    }
    """

    _shown_title = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.NAME = PANE_NAMES.get(cls.NUMBER, "")

    def on_mount(self) -> None:
        self.set_title("")

    def set_title(self, text: str, mark: str = "") -> None:
        """Show `text`, which is never markup, after the pane's number and name."""
        title = single_line(f"{self.NUMBER} {self.NAME}{mark} {text}")
        if title != self._shown_title:
            self._shown_title = title
            self.border_title = Content(title)

    def feed(self, snapshot: Snapshot) -> None:
        """Show this snapshot."""
        raise NotImplementedError

    @property
    def acts(self) -> Acts:
        """The pane's own method for each name of an action that it knows."""
        raise NotImplementedError

    def act(self, name: str) -> None:
        """Carry out the action `name` in this pane."""
        self.acts[name]()

    def has_act(self, name: str) -> bool:
        """Whether this pane has an act named `name`."""
        return name in self.acts

    def why_not(self, name: str) -> str:
        """Why `name` is not possible in this pane now; empty if it is."""
        return "" if self.has_act(name) else f"not in {self.NAME}"

    def search(self, text: str) -> None:
        """Go to the next match of `text`."""
        raise NotImplementedError

    def leave_mode(self) -> bool:
        """Leave a temporary mode (a search, an editor); false if none is active."""
        return False

    def on_click(self) -> None:
        """A click anywhere in a pane gives it the keyboard."""
        if not self.has_focus_within:
            self.focus_inside()

    def focus_inside(self) -> None:
        """Give the keyboard to this pane."""
        target = self if self.can_focus else next((w for w in self.query("*") if w.focusable), None)
        if target is not None:
            target.focus()
