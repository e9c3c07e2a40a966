"""The start screen: all sessions with state, curve and last decision; `n` makes a new one."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from genopt_tui.errors import GenoptError
from genopt_tui.ui import formatters
from genopt_tui.ui.services import get_services
from genopt_tui.ui.widgets.bars import KeyHints
from genopt_tui.ui.widgets.line_source import Line, TextLines
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import PlainText

if TYPE_CHECKING:
    from genopt_tui.session.places import SessionEntry

STATE_SYMBOLS = {
    "waiting": ("!", "warn"),
    "running": (">", "good"),
    "paused": ("=", "changed"),
    "failed": ("x", "bad"),
}
CURVE_WIDTH = 12
"""Cells of a session's learning curve."""
POLL_INTERVAL = 2.0
"""Seconds between two reads of the sessions."""
EMPTY_TEXT = (
    "No sessions yet.\n\n"
    "  n        a new one: a task or your files, a model, and go\n"
    "  genopt demo   Pong, without a key or a network"
)


@dataclass
class SessionsRead(Message):
    """The sessions were read; `why` is the error, if there was one."""

    lines: "tuple[SessionEntry, ...]"
    why: str = ""


@dataclass
class CurvesRead(Message):
    """Learning curves by session, as bars."""

    curves: dict[Path, str]


def format_session(session: "SessionEntry", curve: str, width: int) -> Line:
    """State, name, branch and version, best score, curve, last decision, last change."""
    if session.problem:
        return (("? ", "bad"), (f"{session.name:<24.24} ", ""), (session.problem, "bad"))
    mark, style = STATE_SYMBOLS.get(session.state, (" ", ""))
    best = (
        f"best {formatters.format_score(session.best['score'])} n{session.best['n']}"
        if session.best
        else ""
    )
    changed = datetime.fromtimestamp(session.at).strftime("%m-%d %H:%M") if session.at else ""
    pieces = [
        (f"{mark} ", style),
        (f"{session.name:<24.24} ", "strong"),
        (f"{session.state:<9} ", style),
    ]
    pieces += [(f"{f'{session.branch}@{session.head}':<12.12} ", ""), (f"{best:<16} ", "number")]
    if width >= 100:
        pieces.append((f"{curve:<{CURVE_WIDTH}} ", "title"))
    return (*pieces, (f"{session.decision:<10.10} ", ""), (changed, "dim"))


def read_curve(path: Path) -> str:
    """Gate scores of a session's accepted versions as bars.

    Raises GenoptError and OSError.
    """
    from genopt_tui.session.history.repository import Repository

    with Repository.open(path) as repository:
        scores = [v.score for v in reversed(repository.read_log()) if v.score is not None]
    return (
        formatters.draw_sparkline(scores, CURVE_WIDTH, formatters.choose_symbols().bars)
        if len(scores) > 1
        else ""
    )


class StartScreen(Screen[None]):
    """Opens a session, or makes a new one."""

    DEFAULT_CSS = """
    StartScreen { padding: 1 2; }
    StartScreen .title { text-style: bold; color: $primary; }
    StartScreen #nothing { display: none; margin: 1 0; }
    StartScreen #list { height: 1fr; margin: 1 0; }
    StartScreen .keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move('down')", show=False),
        Binding("k,up", "move('up')", show=False),
        Binding("g,home", "move('top')", show=False),
        Binding("G,end", "move('bottom')", show=False),
        Binding("enter,l,right", "open", show=False),
        Binding("n", "new", show=False),
        Binding("slash", "search", show=False),
        Binding("f2", "app.change_theme", show=False),
        Binding("q", "app.leave", show=False),
        Binding("escape", "ask_leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.sessions: tuple[SessionEntry, ...] = ()
        self._curves: dict[Path, str] = {}
        self.view = LineView(id="list")

    def compose(self) -> ComposeResult:
        yield PlainText("genopt  watch and steer iterative optimization", classes="title")
        yield PlainText("looking for sessions ...", id="nothing")
        yield self.view
        yield KeyHints(
            "Enter open  n new  / search  f2 theme  q leave     ! decide  > running  = paused",
            classes="keys",
        )

    def on_mount(self) -> None:
        self.view.focus()
        self.call_after_refresh(self.refresh_sessions)
        self.set_interval(POLL_INTERVAL, self.refresh_sessions)

    def refresh_sessions(self) -> None:
        """Read the sessions again while this screen is on top."""
        if self.is_current:
            Thread(target=self._read_sessions, daemon=True).start()

    def _read_sessions(self) -> None:
        from genopt_tui.session import places

        try:
            sessions = tuple(places.list_sessions())
        except (GenoptError, OSError) as error:
            self.post_message(SessionsRead((), str(error)))
            return
        self.post_message(SessionsRead(sessions))
        curves = dict(self._curves)
        for session in sessions:
            if session.path not in curves and not session.problem:
                try:
                    curves[session.path] = read_curve(session.path)
                except (GenoptError, OSError):  # show its line without a curve
                    curves[session.path] = ""
        self.post_message(CurvesRead(curves))

    def on_sessions_read(self, message: SessionsRead) -> None:
        if message.lines == self.sessions and self.sessions:
            return
        moved = {s.path for s in message.lines if s not in self.sessions}
        self._curves = {path: curve for path, curve in self._curves.items() if path not in moved}
        self.sessions = message.lines
        notice = self.query_one("#nothing", PlainText)
        notice.show(message.why or EMPTY_TEXT)
        notice.display = not self.sessions
        self._draw()

    def on_curves_read(self, message: CurvesRead) -> None:
        if message.curves != self._curves:
            self._curves = message.curves
            self._draw()

    def _draw(self) -> None:
        lines = [
            format_session(s, self._curves.get(s.path, ""), self.size.width) for s in self.sessions
        ]
        self.view.set_source(TextLines(lines), keep=True)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def action_move(self, direction: str) -> None:
        self.view.acts[direction]()

    def action_search(self) -> None:
        from genopt_tui.ui.screens.dialogs import TextDialog

        self.app.push_screen(
            TextDialog("Search"), lambda text: self.view.search(text) if text else None
        )

    def action_open(self) -> None:
        if not self.sessions:
            return
        try:
            get_services(self).open_session(self.sessions[self.view.cursor].path)
        except GenoptError as error:
            self.app.notify(str(error), severity="error", markup=False)

    def action_ask_leave(self) -> None:
        """Ask first: Esc goes back everywhere else, and may be pressed once too often."""
        from genopt_tui.ui.screens.dialogs import confirm

        def answer(value: str | None) -> None:
            if value:
                self.app.exit(0)

        self.app.push_screen(confirm("Leave genopt?", "Runs in progress go on.", "leave"), answer)

    def action_new(self) -> None:
        from genopt_tui.ui.screens.new_session import NewSessionScreen

        self.app.push_screen(NewSessionScreen())

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and event.widget is self.view:
            self.action_open()
