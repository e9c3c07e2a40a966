"""The start screen: the sessions there are, with their curve and last decision, the live and waiting ones marked; `n` makes a new one."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from genopt_tui.errors import GenoptError
from genopt_tui.ui import words
from genopt_tui.ui.widgets.keys import Keys
from genopt_tui.ui.widgets.lines import Line, TextLines
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.view import LineView

if TYPE_CHECKING:
    from genopt_tui.session.places import Listed
    from genopt_tui.ui.app import GenoptApp

MARKS = {"waiting": ("!", "warn"), "running": (">", "good"), "paused": ("=", "changed"), "failed": ("x", "bad")}
CURVE = 12
"""Cells of a session's learning curve."""
AGAIN = 2.0
"""Seconds between two looks at the sessions."""
NOTHING = "No sessions yet.\n\n  n        a new one: a task or your files, a model, and go\n  genopt demo   Pong, without a key or a network"


@dataclass
class Found(Message):
    """The sessions were read; `why` says what went wrong."""

    lines: "tuple[Listed, ...]"
    why: str = ""


@dataclass
class Curves(Message):
    """Learning curves by session, as bars."""

    curves: dict[Path, str]


def line_of(listed: "Listed", curve: str, width: int) -> Line:
    """State, name, branch and step, best score, curve, last decision, when it was last worked on."""
    if listed.problem:
        return (("? ", "bad"), (f"{listed.name:<24.24} ", ""), (listed.problem, "bad"))
    mark, look = MARKS.get(listed.state, (" ", ""))
    best = f"best {words.score(listed.best['score'])} n{listed.best['n']}" if listed.best else ""
    at = datetime.fromtimestamp(listed.at).strftime("%m-%d %H:%M") if listed.at else ""
    pieces = [(f"{mark} ", look), (f"{listed.name:<24.24} ", "strong"), (f"{listed.state:<9} ", look)]
    pieces += [(f"{f'{listed.branch}@{listed.step}':<12.12} ", ""), (f"{best:<16} ", "number")]
    if width >= 100:
        pieces.append((f"{curve:<{CURVE}} ", "title"))
    return (*pieces, (f"{listed.decision:<10.10} ", ""), (at, "dim"))


def curve_of(path: Path) -> str:
    """The gate scores of a session's accepted versions, as bars. Raises GenoptError, OSError."""
    from genopt_tui.session.repository import Repository

    with Repository.open(path) as repository:
        scores = [v.score for v in reversed(repository.log()) if v.score is not None]
    return words.sparkline(scores, CURVE, words.marks().bars) if len(scores) > 1 else ""


class StartScreen(Screen[None]):
    """Choose a session, or make one."""

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
        Binding("q,escape", "app.leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.sessions: tuple[Listed, ...] = ()
        self._curves: dict[Path, str] = {}
        self.view = LineView(id="list")

    def compose(self) -> ComposeResult:
        yield Plain("genopt  watch and steer iterative optimization", classes="title")
        yield Plain("looking for sessions ...", id="nothing")
        yield self.view
        yield Keys("Enter open  n new  / search  f2 theme  q leave     ! decide  > running  = paused", classes="keys")

    def on_mount(self) -> None:
        self.view.focus()
        self.call_after_refresh(self.look)
        self.set_interval(AGAIN, self.look)

    def look(self) -> None:
        """Read the list of sessions again, while this screen is the one that is seen."""
        if self.is_current:
            Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        from genopt_tui.session import places

        try:
            found = tuple(places.listing())
        except (GenoptError, OSError) as error:
            self.post_message(Found((), str(error)))
            return
        self.post_message(Found(found))
        curves = dict(self._curves)
        for listed in found:
            if listed.path not in curves and not listed.problem:
                try:
                    curves[listed.path] = curve_of(listed.path)
                except (GenoptError, OSError):  # its line stands without a curve
                    curves[listed.path] = ""
        self.post_message(Curves(curves))

    def on_found(self, message: Found) -> None:
        if message.lines == self.sessions and self.sessions:
            return
        moved = {s.path for s in message.lines if s not in self.sessions}
        self._curves = {path: curve for path, curve in self._curves.items() if path not in moved}
        self.sessions = message.lines
        told = self.query_one("#nothing", Plain)
        told.show(message.why or NOTHING)
        told.display = not self.sessions
        self._draw()

    def on_curves(self, message: Curves) -> None:
        if message.curves != self._curves:
            self._curves = message.curves
            self._draw()

    def _draw(self) -> None:
        lines = [line_of(s, self._curves.get(s.path, ""), self.size.width) for s in self.sessions]
        self.view.set_source(TextLines(lines), keep=True)

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def action_move(self, way: str) -> None:
        getattr(self.view, f"act_{way}")()

    def action_search(self) -> None:
        from genopt_tui.ui.screens.dialogs import AskText

        self.app.push_screen(AskText("Search"), lambda text: self.view.search(text) if text else None)

    def action_open(self) -> None:
        if not self.sessions:
            return
        try:
            cast("GenoptApp", self.app).open_session(self.sessions[self.view.cursor].path)
        except GenoptError as error:
            self.app.notify(str(error), severity="error", markup=False)

    def action_new(self) -> None:
        from genopt_tui.ui.screens.new import NewScreen

        self.app.push_screen(NewScreen())

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and event.widget is self.view:
            self.action_open()
