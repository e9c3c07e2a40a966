"""The user's own commands when a decision is wanted or a run is over: they run here, whether or not
anybody looks on."""

import os
import subprocess
import sys
from pathlib import Path

from genopt_tui.config import Interface, UserSettings
from genopt_tui.errors import UsageError
from genopt_tui.session.journal import Event


class EventHooks:
    """Hears every event of a session as it is said, and runs each command once per event."""

    def __init__(self, session: Path) -> None:
        self._session = session
        self._running: list[subprocess.Popen[bytes]] = []

    def run_hook(self, event: Event) -> None:
        """Run the command for this event, if there is one. The settings are read anew, so that a
        change counts at once."""
        if event.kind == "decision_wanted":
            said = {
                "GENOPT_STEP": str(event.step),
                "GENOPT_PENDING": str(event.data.get("pending", "")),
            }
            self._start_process(load_interface().on_decision, said)
        elif event.kind == "run_finished":
            self._start_process(
                load_interface().on_finish, {"GENOPT_REASON": str(event.data.get("reason", ""))}
            )

    def _start_process(self, command: str, variables: dict[str, str]) -> None:
        if not command:
            return
        whole = {
            "GENOPT_SESSION": self._session.name,
            "GENOPT_SESSION_PATH": str(self._session),
            **variables,
        }
        self._running = [process for process in self._running if process.poll() is None]
        self._running.append(
            subprocess.Popen(
                command,
                shell=True,
                env={
                    **os.environ,
                    **{name: to_printable_line(value) for name, value in whole.items()},
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        )


def load_interface() -> Interface:
    """The user's settings; their defaults where the file is wrong, which is said in the runner's
    log."""
    try:
        return UserSettings.load().interface
    except UsageError as error:
        print(error, file=sys.stderr, flush=True)
        return Interface()


def to_printable_line(text: str) -> str:
    """`text` on one line, without what acts on a terminal: a reason may hold what a model or a
    program wrote."""
    return "".join(c if c.isprintable() else " " for c in text)
