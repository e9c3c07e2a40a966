"""Telling a person who looks elsewhere: the bell, the terminal's title, the desktop, and commands of the user's own."""

import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from genopt_tui.session.progress import FAILED, FINISHED, RUNNING, WAITING
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.terminal import wrapped

if TYPE_CHECKING:
    from genopt_tui.config import Interface


def title_of(snapshot: Snapshot) -> str:
    """`genopt pong: DECIDE 13`."""
    wanted = {"decide": "DECIDE", "propose": "SEND"}.get(snapshot.pending, snapshot.state)
    wanted = wanted if snapshot.loaded else "loading"
    step = f" {snapshot.progress.step}" if snapshot.pending else ""
    return "".join(c for c in f"genopt {snapshot.session.name}: {wanted}{step}" if c.isprintable())


class Teller:
    """Says each thing once: the title whenever it changes, the rest when a decision is wanted or a run is over."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._title, self._before = "", ""

    def tell(self, snapshot: Snapshot, settings: "Interface") -> None:
        title = title_of(snapshot)
        if title == self._title:
            return
        self._title, before, self._before = title, self._before, snapshot.state
        if settings.title:
            self._write(f"\x1b]2;{title}\x07")
        if not snapshot.loaded:
            return
        if snapshot.pending:
            self._news(snapshot, settings, settings.on_decision, {"GENOPT_STEP": str(snapshot.progress.step)})
        elif snapshot.state in {FINISHED, FAILED} and before in {RUNNING, WAITING}:
            reason = str((snapshot.progress.finished or {}).get("reason", ""))
            self._news(snapshot, settings, settings.on_finish, {"GENOPT_REASON": reason})

    def _news(self, snapshot: Snapshot, settings: "Interface", command: str, said: dict[str, str]) -> None:
        if settings.bell:
            self._write("\x07")
        if settings.notify:
            text = self._title.removeprefix("genopt ").replace(";", ",")
            self._write(wrapped(f"\x1b]9;{text}\x07") + wrapped(f"\x1b]777;notify;genopt;{text}\x07"))
        if command:
            environment = {**os.environ, "GENOPT_SESSION": snapshot.session.name, **said}
            subprocess.Popen(
                command,
                shell=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
