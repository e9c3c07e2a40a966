"""The start screen: the sessions there are, the live and waiting ones marked."""

from dataclasses import dataclass
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from genopt_tui.errors import GenoptError
from genopt_tui.ui import words
from genopt_tui.ui.widgets.text import Plain

if TYPE_CHECKING:
    from genopt_tui.session.places import Listed
    from genopt_tui.ui.app import GenoptApp


@dataclass
class Found(Message):
    """The sessions were read; `why` says what went wrong."""

    lines: "tuple[Listed, ...]"
    why: str = ""


def text_of(line: "Listed") -> str:
    """A session in one line: state, name, branch and step, best score, last decision, when it was last worked on."""
    if line.problem:
        return f"? {line.name:<24.24} {line.problem}"
    mark = {"waiting": "!", "running": ">", "paused": "="}.get(line.state, " ")
    best = f"best {words.score(line.best['score'])} n{line.best['n']}" if line.best else ""
    at = datetime.fromtimestamp(line.at).strftime("%m-%d %H:%M") if line.at else ""
    return f"{mark} {line.name:<24.24} {line.state:<9} {f'{line.branch}@{line.step}':<12.12} {best:<14} {line.decision:<10.10} {at}"


class StartScreen(Screen[None]):
    """Choose a session. `new` is made on the command line for now."""

    DEFAULT_CSS = """
    StartScreen { padding: 1 2; }
    StartScreen .title { text-style: bold; color: $primary; }
    StartScreen #list { height: 1fr; margin: 1 0; }
    StartScreen .keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down"),
        Binding("k,up", "move(-1)", "up"),
        Binding("enter,l,right", "open", "open"),
        Binding("q,escape", "app.leave", "leave"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[Listed, ...] = ()
        self._at = 0

    def compose(self) -> ComposeResult:
        yield Plain("genopt  watch and steer iterative optimization", classes="title")
        yield Plain("looking for sessions ...", id="list")
        yield Plain("Enter open  j k move  q leave   ! wants a decision  > running  = paused", classes="keys")

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: Thread(target=self._read, daemon=True).start())

    def _read(self) -> None:
        from genopt_tui.session import places

        try:
            self.post_message(Found(tuple(places.listing())))
        except (GenoptError, OSError) as error:
            self.post_message(Found((), str(error)))

    def on_found(self, message: Found) -> None:
        self._lines, self._why = message.lines, message.why
        self._show(message.why)

    def _show(self, why: str = "") -> None:
        lines = [f"{'>' if i == self._at else ' '} {text_of(line)}" for i, line in enumerate(self._lines)]
        nothing = "No sessions yet.\n\n  genopt demo            Pong, without a key or a network\n  genopt new TASK        see genopt tasks"
        height = max(1, self.size.height - 8)
        first = max(0, self._at - height + 1)
        self.query_one("#list", Plain).show(why or "\n".join(lines[first : first + height]) or nothing)

    def on_resize(self) -> None:
        if self._lines:
            self._show()

    def action_move(self, by: int) -> None:
        if self._lines:
            self._at = max(0, min(self._at + by, len(self._lines) - 1))
            self._show()

    def action_open(self) -> None:
        if not self._lines:
            return
        try:
            cast("GenoptApp", self.app).open_session(self._lines[self._at].path)
        except GenoptError as error:
            self.app.notify(str(error), severity="error", markup=False)
