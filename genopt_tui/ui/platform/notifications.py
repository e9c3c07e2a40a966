"""Notifies a person who looks elsewhere: bell, terminal title, desktop. (The user's own commands:
runner/hooks.py.)"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from genopt_tui.folders import user_file
from genopt_tui.session import queries
from genopt_tui.session.progress import FAILED, FINISHED, RUNNING, WAITING
from genopt_tui.ui.platform.terminal import wrap_for_tmux
from genopt_tui.ui.state.snapshot import Snapshot


class NotificationSettings(Protocol):
    """Which notifications are switched on."""

    bell: bool
    notify: bool
    title: bool


@dataclass(slots=True)
class AppSettings:
    """The user's settings of the interface; `error` says what is wrong with the file."""

    theme: str = ""
    bell: bool = True
    notify: bool = True
    title: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def read_app_settings() -> AppSettings:
    """Read the user's own file, where there is one. Raises GenoptError."""
    if not user_file("settings.toml").exists():
        return AppSettings()
    result = queries.run_query("own")
    interface = {name: result["interface"][name] for name in ("theme", "bell", "notify", "title")}
    return AppSettings(**interface, keys=result["keys"], error=result.get("why", ""))


def format_title(snapshot: Snapshot) -> str:
    """`genopt pong: DECIDE 13`."""
    wanted = {"decide": "DECIDE", "propose": "SEND"}.get(snapshot.pending, snapshot.state)
    wanted = wanted if snapshot.loaded else "loading"
    step = f" {snapshot.progress.step}" if snapshot.pending else ""
    return "".join(c for c in f"genopt {snapshot.session.name}: {wanted}{step}" if c.isprintable())


class Notifier:
    """Sets the title whenever it changes; rings and notifies when a decision is wanted or a run has
    ended."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._title, self._state_before = "", ""

    def update(self, snapshot: Snapshot, settings: NotificationSettings) -> None:
        title = format_title(snapshot)
        if title == self._title:
            return
        self._title, before, self._state_before = title, self._state_before, snapshot.state
        if settings.title:
            self._write(f"\x1b]2;{title}\x07")
        if not snapshot.loaded:
            return
        over = snapshot.state in {FINISHED, FAILED} and before in {RUNNING, WAITING}
        if snapshot.pending or over:
            self._alert(settings)

    def _alert(self, settings: NotificationSettings) -> None:
        if settings.bell:
            self._write("\x07")
        if settings.notify:
            text = self._title.removeprefix("genopt ").replace(";", ",")
            self._write(
                wrap_for_tmux(f"\x1b]9;{text}\x07")
                + wrap_for_tmux(f"\x1b]777;notify;genopt;{text}\x07")
            )
