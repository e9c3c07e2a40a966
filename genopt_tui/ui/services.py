"""What screens and panes use of the application, as a Protocol: neither imports the other."""

from pathlib import Path
from typing import Protocol, cast

from textual.widget import Widget

from genopt_tui.ui.preferences import Preferences
from genopt_tui.ui.state.snapshot import SideJob, Snapshot


class AppServices(Protocol):
    """The application as its screens see it."""

    key_time: float
    """When the newest key was pressed, in monotonic seconds."""
    exit_message: str
    """What the shell prints after the application has ended."""

    @property
    def preferences(self) -> Preferences:
        """What is remembered between visits."""
        ...

    def open_session(self, session: Path, initial_action: str = "") -> None:
        """Show a session and run an action there. Raises SessionError when it cannot be read."""
        ...

    def copy_text(self, text: str, what: str) -> None:
        """Put `text` on the clipboard."""
        ...

    def find_side_job(self, token: str) -> SideJob | None:
        """The side job of the open session that has this token."""
        ...

    def send_notifications(self, snapshot: Snapshot) -> None:
        """Notify a person who looks elsewhere."""
        ...

    def tune_garbage_collection(self) -> None:
        """Keep full collections away from key presses; called once a session is loaded."""
        ...


def get_services(widget: Widget) -> AppServices:
    """The application that shows `widget`."""
    return cast(AppServices, widget.app)
