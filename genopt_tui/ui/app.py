"""The terminal application."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.theme import Theme
from textual.timer import Timer
from textual.worker import WorkerFailed

from genopt_tui.errors import GenoptError, UsageError
from genopt_tui.session.summary import head_summary
from genopt_tui.ui import faults, terminal
from genopt_tui.ui.glance import Glance

if TYPE_CHECKING:
    from textual.command import CommandPalette, Provider

    from genopt_tui.ui.kept import Kept
    from genopt_tui.ui.screens.main import MainScreen
    from genopt_tui.ui.snapshot import Snapshot
    from genopt_tui.ui.tell import Own, Teller


LOOK_AT_THEMES = 2.0
"""Seconds between two looks at the files of themes."""
TURN = 0.0005
"""Seconds that a thread may compute while another waits: what a key draws is written by a thread of its own."""


@dataclass
class OwnRead(Message):
    """The user's settings."""

    settings: "Own"


@dataclass
class ThemesRead(Message):
    """Themes from files; an error in place of each that cannot be used."""

    themes: tuple[Theme | UsageError, ...]


def _palette() -> "type[Provider]":
    from genopt_tui.ui.palette import ActionPalette

    return ActionPalette


class GenoptApp(App[int]):
    """One session, or the start screen when there is none."""

    TITLE = "genopt"
    ENABLE_COMMAND_PALETTE = (
        False  # its key would open an empty one over every other screen: the table's action opens it
    )
    COMMANDS: ClassVar = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "leave", show=False),
        Binding("ctrl+z", "suspend_process", show=False),
    ]
    CSS = """
    ToastRack { margin-bottom: 2; }
    Toast { max-width: 90%; padding: 0 1; }
    """

    def __init__(self, session: Path | None = None) -> None:
        """Raises SessionError when `session` cannot be read."""
        super().__init__()
        self._session = session
        self._head = head_summary(session) if session else None
        self.key_time = 0.0
        """When the newest key was pressed (monotonic seconds), however late it is handled."""
        self.farewell = ""
        self.fault: BaseException | None = None
        """What ended the application unforeseen."""
        self.own: Own | None = None
        self._teller: Teller | None = None
        self._kept: Kept | None = None
        self._dressed = False
        self._worn = ""
        """The theme before others were looked at."""
        self._tidier: Timer | None = None

    def compose(self) -> ComposeResult:
        if self._session and self._head:
            yield Glance(self._session.name, self._head)

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)
        if not self.is_headless:
            terminal.on_ending(self._told_to_end)
            terminal.on_stopping(self)
            terminal.on_loss(self._told_to_end)
            faults.watch_threads(lambda error: self.call_later(self.note, error))

    def _begin(self) -> None:
        """After the first content: all that is slow to load."""
        if self._session:
            from genopt_tui.ui.reader import first_snapshot
            from genopt_tui.ui.screens.main import MainScreen

            self.push_screen(MainScreen(first_snapshot(self._session, self._head)))
        else:
            from genopt_tui.ui.screens.start import StartScreen

            self.push_screen(StartScreen())
        Thread(target=self._read_own, daemon=True).start()

    @property
    def main(self) -> "MainScreen | None":
        """The screen of the session that is open; None on the start screen."""
        from genopt_tui.ui.screens.main import MainScreen

        return next((screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None)

    def _read_own(self) -> None:
        """The user's settings once, and themes whenever a file of theirs changes. Runs in a thread of its own."""
        from genopt_tui.ui.tell import Own, own_settings
        from genopt_tui.ui.themes import all_themes, state_of_files

        try:
            self.post_message(OwnRead(own_settings()))
        except GenoptError as error:
            self.post_message(OwnRead(Own(why=str(error))))
        seen = None
        while self._running:
            if (state := state_of_files()) != seen:
                seen = state
                self.post_message(ThemesRead(tuple(all_themes())))
            sleep(LOOK_AT_THEMES)

    def on_own_read(self, message: "OwnRead") -> None:
        from genopt_tui.ui.actions import REBOUND, rebind

        self.own = message.settings
        for problem in [self.own.why, *rebind(self.own.keys)]:
            if problem:
                self.notify(problem, severity="warning", markup=False, timeout=10)
        self.set_keymap(dict(REBOUND))

    def on_themes_read(self, message: "ThemesRead") -> None:
        worn = self.theme
        for theme in message.themes:
            if isinstance(theme, UsageError):
                self.notify(str(theme), severity="warning", markup=False)
            else:
                self.register_theme(theme)
        wanted = (self.own.theme if self.own else "") or self.kept.theme
        if not self._dressed and wanted in self.available_themes:
            self.theme = wanted
        elif any(not isinstance(t, UsageError) and t.name == worn for t in message.themes) and self._dressed:
            self._watch_theme(worn)
        self._dressed = True

    def watch_theme(self, theme: str) -> None:
        if self._dressed:
            self.kept.theme = theme

    def search_themes(self) -> None:
        """Choose a theme by looking at it."""
        from genopt_tui.ui.palette import ThemePalette

        self._worn = self.theme
        self.push_screen(ThemePalette())

    def on_command_palette_closed(self, event: "CommandPalette.Closed") -> None:
        """Put on again what was worn, where no theme was chosen."""
        if self._worn and not event.option_selected:
            self.theme = self._worn
        self._worn = ""

    def open_session(self, session: Path, first: str = "") -> None:
        """Show a session, and do the action `first` there. Raises SessionError when it cannot be read."""
        from genopt_tui.ui.reader import first_snapshot
        from genopt_tui.ui.screens.main import MainScreen

        self._session = session.resolve()
        self.switch_screen(MainScreen(first_snapshot(session), first))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown) and not event.is_forwarded:
            self.key_time = event.time
        await super().on_event(event)

    def settle(self) -> None:
        """All of a session is loaded."""
        from genopt_tui.ui import tidy

        if self.is_headless:
            return  # many applications, one after the other, share a process: its memory is not theirs to arrange
        tidy.settle()
        if self._tidier is None:
            self._tidier = self.set_interval(tidy.EVERY, tidy.when_quiet(lambda: self.key_time))

    def tell(self, snapshot: "Snapshot") -> None:
        """Say outside of the screen what is wanted, or what goes on."""
        from genopt_tui.ui.tell import Own, Teller

        if self._teller is None:
            self._teller = Teller(self.write_terminal)
        self._teller.tell(snapshot, self.own or Own())

    def write_terminal(self, sequence: str) -> None:
        """Pass a control sequence of ours to the terminal; none where there is no terminal."""
        driver = self._driver
        if driver is not None and not self.is_headless:
            driver.write(sequence)
            driver.flush()

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard, by every way there is, and say by which."""
        from genopt_tui.ui import clipboard
        from genopt_tui.ui.background import apart

        self._clipboard = text
        self.write_terminal(clipboard.sequence(text))

        async def hand_over() -> None:
            by = await apart(lambda: clipboard.handed_over(text))
            self.notify(f"{what} copied: {by}", markup=False)

        self.run_worker(hand_over())

    @property
    def remembers(self) -> bool:
        """Whether there is something to remember from this visit."""
        return self._kept is not None

    @property
    def kept(self) -> "Kept":
        """What was remembered from earlier visits."""
        if self._kept is None:
            from genopt_tui.ui import kept

            self._kept = kept.load()
        return self._kept

    def on_app_focus(self, event: events.AppFocus) -> None:
        self._tell_focus(True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._tell_focus(False)

    def _tell_focus(self, focused: bool) -> None:
        if self.main is not None:
            self.main.store.focused(focused)

    async def action_leave(self) -> None:
        """The one question before the application is left."""
        if self.main is not None and self.screen is self.main:
            await self.main.action_act("leave")
        elif len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit(0)

    async def action_quit(self) -> None:
        await self.action_leave()

    def _told_to_end(self, number: int) -> None:
        """A closed window pauses the run after the present phase; being ended otherwise leaves it alone."""
        if number == signal.SIGHUP and self.main is not None and self.main.snapshot.alive:
            self.main.store.command("pause").wait(0.2)
        self.exit(128 + number, return_code=128 + number)

    def _handle_exception(self, error: Exception) -> None:
        """Go on where a worker failed: what it was to show is missing, the rest is there. End after any other fault."""
        if isinstance(error, WorkerFailed) and not self.is_headless:
            self.note(error.error)
            return
        self.fault = self.fault or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End after an unhandled fault, without Textual's report: it shows variables' values."""
        self._close_messages_no_wait()

    def note(self, error: BaseException) -> None:
        """Keep a report of a fault that the application survives, and say where it is."""
        where = faults.keep(faults.told(error), report_folder(self._session))
        told = f"A fault of genopt's own ({type(error).__name__}); what it was to do is not done. Report: {where}"
        self.notify(told, severity="error", markup=False, timeout=15)


def report_folder(session: Path | None) -> Path:
    """Where reports of faults are kept: beside the session's other logs, else in the user's own folder."""
    from genopt_tui.folders import user_dir

    return session / ".genopt" if session else user_dir()


def run_app(session: Path | None = None) -> int:
    """Run the application in this terminal; the exit code. Raises UsageError when this is no terminal, SessionError for a bad session."""
    terminal.require_terminal()
    terminal.take_own_size()
    log = session / ".genopt" / "ui.log" if session else None
    if log:
        log.parent.mkdir(mode=0o700, exist_ok=True)
    app = GenoptApp(session.resolve() if session else None)
    if limit := os.environ.get("GENOPT_SLOW"):
        from genopt_tui.ui import slow

        slow.watch(float(limit))
    sys.setswitchinterval(TURN)
    with terminal.guarded(log):
        app.run()
    if app.fault:
        where = faults.keep(faults.told(app.fault), report_folder(session))
        print(f"genopt ended by a fault of its own ({type(app.fault).__name__}). Report: {where}", file=sys.stderr)
        return 1
    if app.remembers:
        from genopt_tui.ui.kept import save

        save(app.kept)
    if app.farewell:
        print(app.farewell)
    return app.return_code or 0
