"""Telling a person who looks elsewhere: the bell, the terminal's title, the desktop. (The user's own commands: loop/telling.py.)"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from genopt_tui.folders import user_file
from genopt_tui.session import facts
from genopt_tui.session.progress import FAILED, FINISHED, RUNNING, WAITING
from genopt_tui.ui.snapshot import Snapshot
from genopt_tui.ui.terminal import wrapped


class Ways(Protocol):
    """By which ways a person is told; the others are switched off."""

    bell: bool
    notify: bool
    title: bool


@dataclass(slots=True)
class Own:
    """The user's own settings, as far as the application follows them; `why` says what is wrong with the file."""

    theme: str = ""
    bell: bool = True
    notify: bool = True
    title: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


def own_settings() -> Own:
    """Read the user's own file, where there is one. Raises GenoptError."""
    if not user_file("settings.toml").exists():
        return Own()
    told = facts.ask("own")
    ways = {name: told["interface"][name] for name in ("theme", "bell", "notify", "title")}
    return Own(**ways, keys=told["keys"], why=told.get("why", ""))


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

    def tell(self, snapshot: Snapshot, settings: Ways) -> None:
        title = title_of(snapshot)
        if title == self._title:
            return
        self._title, before, self._before = title, self._before, snapshot.state
        if settings.title:
            self._write(f"\x1b]2;{title}\x07")
        if not snapshot.loaded:
            return
        over = snapshot.state in {FINISHED, FAILED} and before in {RUNNING, WAITING}
        if snapshot.pending or over:
            self._news(settings)

    def _news(self, settings: Ways) -> None:
        if settings.bell:
            self._write("\x07")
        if settings.notify:
            text = self._title.removeprefix("genopt ").replace(";", ",")
            self._write(wrapped(f"\x1b]9;{text}\x07") + wrapped(f"\x1b]777;notify;genopt;{text}\x07"))
