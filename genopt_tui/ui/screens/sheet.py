"""A page over the session: tabs of lines that are read off the loop; movement, search and copying as in every pane."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from genopt_tui.ui.actions import BY_ID
from genopt_tui.ui.background import apart
from genopt_tui.ui.doing import aside_words
from genopt_tui.ui.messages import Copied
from genopt_tui.ui.widgets.keys import Keys
from genopt_tui.ui.widgets.lines import Line, Source, TextLines
from genopt_tui.ui.widgets.offload import EXPECTED
from genopt_tui.ui.widgets.tabs import Tabs
from genopt_tui.ui.widgets.text import Plain
from genopt_tui.ui.widgets.view import LineView

if TYPE_CHECKING:
    from genopt_tui.ui.app import GenoptApp

MOVES = (
    *("up", "down", "left", "right", "top", "bottom", "page_up", "page_down"),
    *("search", "find_next", "find_prev", "copy", "open", "next", "prev"),
)

LOOK_AGAIN = 0.2
"""Seconds between two looks at rollouts that are awaited."""


@dataclass(frozen=True)
class Page:
    """One tab: its name, its lines, and what Enter on a line (by number) opens."""

    name: str
    lines: Sequence[Line] | Source
    opens: dict[int, object] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return TextLines(self.lines) if isinstance(self.lines, Sequence) else self.lines


class Sheet(ModalScreen[None]):
    """A framed page with a line that says what it is and one that says which keys work.

    Subclasses read their pages in `read` (in a thread) and say in `opened` what Enter does.
    """

    KEYS = "j k move  / search  y copy  Esc back"
    DEFAULT_CSS = """
    Sheet { align: center middle; background: $background 60%; }
    Sheet > Vertical { width: 98%; height: 96%; border: round $accent; background: $surface; }
    Sheet #title { text-style: bold; padding: 0 1; height: auto; max-height: 3; }
    Sheet #about { padding: 0 1; height: auto; max-height: 4; }
    Sheet #keys { color: $text-muted; padding: 0 1; }
    Sheet LineView { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(BY_ID[name].keys, f"act('{name}')", show=False, id=name) for name in MOVES),
        Binding("escape,q,ctrl+q,ctrl+c", "close", show=False, priority=True),
        Binding("tab", "turn(1)", show=False, priority=True),
        Binding("shift+tab", "turn(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.pages: Sequence[Page] = ()
        self.page = 0
        self.tabs, self.view = Tabs(), LineView(id="lines")
        self.about = Plain(id="about")
        self.ready = False
        self.said = ""
        """What stands above the pages while rollouts are awaited."""
        self.awaited = ""
        """The token of rollouts that were asked for beside the steps; the pages are read again when they are done."""

    @property
    def room(self) -> int:
        """Cells of a line; frames, gaps and the scroll bar take the rest."""
        return max(20, self.app.size.width * 98 // 100 - 6)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(self._title, id="title")
            yield self.about
            yield self.tabs
            yield self.view
            yield Keys(self.KEYS, id="keys")

    def on_mount(self) -> None:
        self.view.focus()
        self.about.show("reading ...")
        self.run_worker(self.load(), exclusive=True)

    async def load(self) -> None:
        """Read the pages and show them; what cannot be read is said in their place."""
        try:
            about, pages = await apart(self.read)
        except EXPECTED as error:
            about, pages = str(error), []
        self.show(about, pages)

    def read(self) -> tuple[str, Sequence[Page]]:
        """What stands above the pages, and the pages. Runs in a thread of its own."""
        raise NotImplementedError

    def show(self, about: str, pages: Sequence[Page]) -> None:
        self.pages = pages
        self.about.show(about)
        self.about.display = bool(about)
        self.ready = True
        self.turn_to(min(self.page, len(pages) - 1))

    def await_rollouts(self) -> None:
        """From now on, tell how far rollouts have come that are awaited."""
        self.set_interval(LOOK_AGAIN, self._look)

    def _look(self) -> None:
        main = cast("GenoptApp", self.app).main
        aside = main.snapshot.asides.get(self.awaited) if main is not None and self.awaited else None
        if aside is None:
            return
        if aside.data is None:
            self.about.show(f"{self.said}\n{aside_words(aside)}")
            return
        self.awaited = ""
        if error := aside.data.get("error"):
            self.about.show(f"{self.said}\n{error}")
        else:
            self.run_worker(self.load(), exclusive=True)

    def turn_to(self, page: int) -> None:
        """Show another tab."""
        self.page = max(0, page)
        self.tabs.show([p.name for p in self.pages], self.page)
        if self.pages:
            self.view.set_source(self.pages[self.page].source)
            self.view.go(min(self.pages[self.page].opens, default=0))
        else:
            self.view.set_source(TextLines())

    def opened(self, thing: object) -> None:
        """Enter on a line that opens `thing`."""

    def action_act(self, name: str) -> None:
        if name == "open":
            if self.pages and (thing := self.pages[self.page].opens.get(self.view.cursor)) is not None:
                self.opened(thing)
        elif name == "search":
            self._ask_search()
        elif name in {"next", "prev"}:
            self.action_turn(1 if name == "next" else -1)
        else:
            getattr(self.view, f"act_{name}")()

    def _ask_search(self) -> None:
        from genopt_tui.ui.screens.dialogs import AskText

        def find(text: str | None) -> None:
            if text:
                self.view.search(text)

        self.app.push_screen(AskText("Search", "Enter searches  n N next, previous  Esc leaves"), find)

    def action_turn(self, by: int) -> None:
        if self.pages:
            self.turn_to((self.page + by) % len(self.pages))

    def on_line_view_pressed(self, event: LineView.Pressed) -> None:
        if event.times == 2:
            self.action_act("open")

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.turn_to(event.index)

    def on_copied(self, message: Copied) -> None:
        cast("GenoptApp", self.app).copy(message.text, message.what)

    def on_line_view_searched(self, event: LineView.Searched) -> None:
        self.app.notify(f"not found: {event.needle}", markup=False)

    def action_close(self) -> None:
        self.dismiss(None)
