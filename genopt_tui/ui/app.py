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
from genopt_tui.session.commands import Pause
from genopt_tui.session.summary import head_summary
from genopt_tui.ui.first_paint import FirstPaint
from genopt_tui.ui.platform import crash_reports, terminal

if TYPE_CHECKING:
    from textual.command import CommandPalette

    from genopt_tui.ui.messages import CopyRequested
    from genopt_tui.ui.platform.notifications import AppSettings, Notifier
    from genopt_tui.ui.preferences import Preferences
    from genopt_tui.ui.screens.main import MainScreen
    from genopt_tui.ui.state.snapshot import SideJob, Snapshot


THEME_POLL_INTERVAL = 2.0
"""Seconds between two checks of the theme files."""
SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may hold the interpreter while another waits: Textual writes to the terminal
from a thread of its own."""


@dataclass
class AppSettingsRead(Message):
    """The user's settings."""

    settings: "AppSettings"


@dataclass
class ThemesRead(Message):
    """Themes from files; an error in place of each that cannot be used."""

    themes: tuple[Theme | UsageError, ...]


class GenoptApp(App[int]):
    """One session, or the start screen when there is none."""

    TITLE = "genopt"
    # its key would open an empty one over every other screen: the table's action opens it
    ENABLE_COMMAND_PALETTE = False
    COMMANDS: ClassVar = set()
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
        self.exit_message = ""
        self.unhandled_error: BaseException | None = None
        """The exception that ended the application."""
        self.app_settings: AppSettings | None = None
        self._notifier: Notifier | None = None
        self._preferences: Preferences | None = None
        self._theme_applied = False
        self._theme_before_preview = ""
        """The theme before a preview; empty outside of one."""
        self._collect_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        if self._session and self._head:
            yield FirstPaint(self._session.name, self._head)

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)
        if not self.is_headless:
            terminal.handle_end_signals(self._handle_end_signal)
            terminal.handle_stop_signals(self)
            terminal.watch_for_loss(self._handle_end_signal)
            crash_reports.install_thread_hook(
                lambda error: self.call_later(self.report_error, error)
            )

    def _begin(self) -> None:
        """Load what is slow, once the first content stands."""
        if self._session:
            from genopt_tui.ui.screens.main import MainScreen
            from genopt_tui.ui.state.reader import read_first_snapshot

            self.push_screen(MainScreen(read_first_snapshot(self._session, self._head)))
        else:
            from genopt_tui.ui.screens.start import StartScreen

            self.push_screen(StartScreen())
        Thread(target=self._read_app_settings, daemon=True).start()

    @property
    def main(self) -> "MainScreen | None":
        """The screen of the session that is open; None on the start screen."""
        from genopt_tui.ui.screens.main import MainScreen

        return next(
            (screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None
        )

    def _read_app_settings(self) -> None:
        """Read the settings once, and the themes whenever one of their files changes. Runs in a
        thread of its own."""
        from genopt_tui.ui.platform.notifications import AppSettings, read_app_settings
        from genopt_tui.ui.themes import read_themes, stat_theme_files

        try:
            self.post_message(AppSettingsRead(read_app_settings()))
        except GenoptError as error:
            self.post_message(AppSettingsRead(AppSettings(error=str(error))))
        seen = None
        while self._running:
            if (state := stat_theme_files()) != seen:
                seen = state
                self.post_message(ThemesRead(tuple(read_themes())))
            sleep(THEME_POLL_INTERVAL)

    def on_app_settings_read(self, message: "AppSettingsRead") -> None:
        from genopt_tui.ui.actions.table import KEY_OVERRIDES, rebind_keys

        self.app_settings = message.settings
        for problem in [self.app_settings.error, *rebind_keys(self.app_settings.keys)]:
            if problem:
                self.notify(problem, severity="warning", markup=False, timeout=10)
        self.set_keymap(dict(KEY_OVERRIDES))

    def on_themes_read(self, message: "ThemesRead") -> None:
        shown = self.theme
        for theme in message.themes:
            if isinstance(theme, UsageError):
                self.notify(str(theme), severity="warning", markup=False)
            else:
                self.register_theme(theme)
        wanted = (self.app_settings.theme if self.app_settings else "") or self.preferences.theme
        if not self._theme_applied and wanted in self.available_themes:
            self.theme = wanted
        elif (
            any(not isinstance(t, UsageError) and t.name == shown for t in message.themes)
            and self._theme_applied
        ):
            self._watch_theme(shown)
        self._theme_applied = True

    def watch_theme(self, theme: str) -> None:
        if self._theme_applied:
            self.preferences.theme = theme

    def search_themes(self) -> None:
        """Choose a theme with a live preview."""
        from genopt_tui.ui.palette import ThemePalette

        self._theme_before_preview = self.theme
        self.push_screen(ThemePalette())

    def on_command_palette_closed(self, event: "CommandPalette.Closed") -> None:
        """Restore the theme after a cancelled preview."""
        if self._theme_before_preview and not event.option_selected:
            self.theme = self._theme_before_preview
        self._theme_before_preview = ""

    def open_session(self, session: Path, initial_action: str = "") -> None:
        """Show a session and run `initial_action` there. Raises SessionError when it cannot be
        read."""
        from genopt_tui.ui.screens.main import MainScreen
        from genopt_tui.ui.state.reader import read_first_snapshot

        self._session = session.resolve()
        self.switch_screen(MainScreen(read_first_snapshot(session), initial_action))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown) and not event.is_forwarded:
            self.key_time = event.time
        await super().on_event(event)

    def tune_garbage_collection(self) -> None:
        """Keep full collections away from key presses, once a session is loaded."""
        from genopt_tui.ui.platform import responsiveness

        if self.is_headless:
            # tests run many applications in one process, which is not theirs to tune
            return
        responsiveness.freeze_loaded_objects()
        if self._collect_timer is None:
            self._collect_timer = self.set_interval(
                responsiveness.COLLECT_INTERVAL,
                responsiveness.make_idle_collector(lambda: self.key_time),
            )

    def send_notifications(self, snapshot: "Snapshot") -> None:
        """Set the title, ring the bell and notify the desktop, as the settings allow."""
        from genopt_tui.ui.platform.notifications import AppSettings, Notifier

        if self._notifier is None:
            self._notifier = Notifier(self.write_control_sequence)
        self._notifier.update(snapshot, self.app_settings or AppSettings())

    def write_control_sequence(self, sequence: str) -> None:
        """Write a control sequence to the terminal, where one is there."""
        driver = self._driver
        if driver is not None and not self.is_headless:
            driver.write(sequence)
            driver.flush()

    def on_copy_requested(self, message: "CopyRequested") -> None:
        self.copy_text(message.text, message.what)

    def copy_text(self, text: str, what: str) -> None:
        """Put `text` on the clipboard in every way available here, and say which worked."""
        from genopt_tui.ui.background import run_in_thread
        from genopt_tui.ui.platform import clipboard

        self._clipboard = text
        self.write_control_sequence(clipboard.build_osc52(text))

        async def hand_over() -> None:
            result = await run_in_thread(lambda: clipboard.copy_by_program(text))
            self.notify(f"{what} copied: {result}", markup=False)

        self.run_worker(hand_over())

    def find_side_job(self, token: str) -> "SideJob | None":
        """The side job of the open session that has this token."""
        return self.main.snapshot.side_jobs.get(token) if self.main is not None else None

    @property
    def has_preferences(self) -> bool:
        """Whether preferences were read, so that they may have changed."""
        return self._preferences is not None

    @property
    def preferences(self) -> "Preferences":
        """What was remembered from earlier visits."""
        if self._preferences is None:
            from genopt_tui.ui import preferences

            self._preferences = preferences.load_preferences()
        return self._preferences

    def on_app_focus(self, event: events.AppFocus) -> None:
        self._update_polling(True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._update_polling(False)

    def _update_polling(self, focused: bool) -> None:
        if self.main is not None:
            self.main.store.set_focused(focused)

    async def action_leave(self) -> None:
        """Leave the page that is open, else ask about the run, else end."""
        if self.main is not None and self.screen is self.main:
            await self.main.action_act("leave")
        elif len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit(0)

    async def action_quit(self) -> None:
        await self.action_leave()

    def _handle_end_signal(self, number: int) -> None:
        """Pause the run when the terminal window was closed; other signals leave it alone."""
        if number == signal.SIGHUP and self.main is not None and self.main.snapshot.alive:
            self.main.store.send_command(Pause()).wait(0.2)
        self.exit(128 + number, return_code=128 + number)

    def _handle_exception(self, error: Exception) -> None:
        """Survive a failed worker, whose result is then missing on the screen; end after any other
        error."""
        if isinstance(error, WorkerFailed) and not self.is_headless:
            self.report_error(error.error)
            return
        self.unhandled_error = self.unhandled_error or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End without Textual's report, which shows the values of variables."""
        self._close_messages_no_wait()

    def report_error(self, error: BaseException) -> None:
        """Save a report of an error that the application survives, and say where it is."""
        where = crash_reports.save_report(
            crash_reports.format_report(error), find_report_folder(self._session)
        )
        message = f"Internal error: the action failed ({type(error).__name__}). Report: {where}"
        self.notify(message, severity="error", markup=False, timeout=15)


def find_report_folder(session: Path | None) -> Path:
    """The folder for crash reports: the session's `.genopt`, else the user's own."""
    from genopt_tui.folders import user_dir

    return session / ".genopt" if session else user_dir()


def run_app(session: Path | None = None) -> int:
    """Run the application in this terminal and return the exit code. Raises UsageError where this is
    not a terminal, SessionError for a bad session."""
    terminal.require_terminal()
    terminal.ignore_size_variables()
    log = session / ".genopt" / "ui.log" if session else None
    if log:
        log.parent.mkdir(mode=0o700, exist_ok=True)
    app = GenoptApp(session.resolve() if session else None)
    if limit := os.environ.get("GENOPT_SLOW"):
        from genopt_tui.ui.platform import responsiveness

        responsiveness.report_slow_handlers(float(limit))
    sys.setswitchinterval(SWITCH_INTERVAL)
    with terminal.guard_terminal(log):
        app.run()
    if app.unhandled_error:
        where = crash_reports.save_report(
            crash_reports.format_report(app.unhandled_error), find_report_folder(session)
        )
        print(
            f"genopt ended: internal error ({type(app.unhandled_error).__name__}). Report: {where}",
            file=sys.stderr,
        )
        return 1
    if app.has_preferences:
        from genopt_tui.ui.preferences import save_preferences

        save_preferences(app.preferences)
    if app.exit_message:
        print(app.exit_message)
    return app.return_code or 0
