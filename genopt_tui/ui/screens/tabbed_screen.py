"""Base of the pages over the main screen: tabs of lines with movement, search and copying."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from genopt_tui.ui.actions.table import ACTIONS_BY_ID
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.services import get_services
from genopt_tui.ui.state.activity import describe_side_job
from genopt_tui.ui.widgets.bars import KeyHints, Tabs
from genopt_tui.ui.widgets.line_source import Line, LineSource, TextLines
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.safe_text import PlainText

MOVE_ACTIONS = (
    *("up", "down", "left", "right", "top", "bottom", "page_up", "page_down"),
    *("search", "find_next", "find_prev", "copy", "open", "next", "prev"),
)

POLL_INTERVAL = 0.2
"""Seconds between two reads of awaited rollouts."""


@dataclass(frozen=True)
class Page:
    """A tab: its name, its lines, and the target of Enter on a line (by number)."""

    name: str
    lines: Sequence[Line] | LineSource
    targets: dict[int, object] = field(default_factory=dict)

    @property
    def source(self) -> LineSource:
        return TextLines(self.lines) if isinstance(self.lines, Sequence) else self.lines


class TabbedScreen(ModalScreen[None]):
    """A framed page with title and line of keys. Subclasses build their pages in `read`, in a
    thread, and open targets in `open_target`."""

    KEYS = "j k move  / search  y copy  Esc back"
    DEFAULT_CSS = """
    TabbedScreen { align: center middle; background: $background 60%; }
    TabbedScreen > Vertical {
        width: 98%; height: 96%; border: round $accent; background: $surface;
    }
    TabbedScreen #title { text-style: bold; padding: 0 1; height: auto; max-height: 3; }
    TabbedScreen #about { padding: 0 1; height: auto; max-height: 4; }
    TabbedScreen #keys { color: $text-muted; padding: 0 1; }
    TabbedScreen LineView { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(ACTIONS_BY_ID[name].keys, f"act('{name}')", show=False, id=name)
            for name in MOVE_ACTIONS
        ),
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
        self.about = PlainText(id="about")
        self.ready = False
        self.waiting_text = ""
        """The text above the pages while rollouts are awaited."""
        self.awaited_job = ""
        """Token of the side job after which the pages are read again."""

    @property
    def line_width(self) -> int:
        """Cells of a line: the screen without frames, gaps and scroll bar."""
        return max(20, self.app.size.width * 98 // 100 - 6)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield PlainText(self._title, id="title")
            yield self.about
            yield self.tabs
            yield self.view
            yield KeyHints(self.KEYS, id="keys")

    def on_mount(self) -> None:
        self.view.focus()
        self.about.show("reading ...")
        self.run_worker(self.load(), exclusive=True)

    async def load(self) -> None:
        """Read the pages and show them, or the error that prevents it."""
        try:
            about, pages = await run_in_thread(self.read)
        except EXPECTED_ERRORS as error:
            about, pages = str(error), []
        self.show(about, pages)

    def read(self) -> tuple[str, Sequence[Page]]:
        """The text above the pages, and the pages. Runs in a thread of its own."""
        raise NotImplementedError

    def show(self, about: str, pages: Sequence[Page]) -> None:
        self.pages = pages
        self.about.show(about)
        self.about.display = bool(about)
        self.ready = True
        self.turn_to(min(self.page, len(pages) - 1))

    def start_polling(self) -> None:
        """Show the progress of awaited rollouts from now on."""
        self.set_interval(POLL_INTERVAL, self._poll_job)

    def _poll_job(self) -> None:
        aside = get_services(self).find_side_job(self.awaited_job)
        if aside is None:
            return
        if aside.data is None:
            self.about.show(f"{self.waiting_text}\n{describe_side_job(aside)}")
            return
        self.awaited_job = ""
        if error := aside.data.get("error"):
            self.about.show(f"{self.waiting_text}\n{error}")
        else:
            self.run_worker(self.load(), exclusive=True)

    def turn_to(self, page: int) -> None:
        """Show another tab."""
        self.page = max(0, page)
        self.tabs.show([p.name for p in self.pages], self.page)
        if self.pages:
            self.view.set_source(self.pages[self.page].source)
            self.view.go_to_line(min(self.pages[self.page].targets, default=0))
        else:
            self.view.set_source(TextLines())

    def open_target(self, thing: object) -> None:
        """Open the target of the line under the cursor."""

    def action_act(self, name: str) -> None:
        if name == "open":
            if (
                self.pages
                and (thing := self.pages[self.page].targets.get(self.view.cursor)) is not None
            ):
                self.open_target(thing)
        elif name == "search":
            self._ask_search()
        elif name in {"next", "prev"}:
            self.action_turn(1 if name == "next" else -1)
        else:
            self.view.acts[name]()

    def _ask_search(self) -> None:
        from genopt_tui.ui.screens.dialogs import TextDialog

        def find(text: str | None) -> None:
            if text:
                self.view.search(text)

        self.app.push_screen(
            TextDialog("Search", "Enter search  n N next, previous  Esc cancel"), find
        )

    def action_turn(self, by: int) -> None:
        if self.pages:
            self.turn_to((self.page + by) % len(self.pages))

    def on_line_view_pressed(self, event: LineView.Pressed) -> None:
        if event.times == 2:
            self.action_act("open")

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self.turn_to(event.index)

    def on_line_view_no_match(self, event: LineView.NoMatch) -> None:
        self.app.notify(f"not found: {event.needle}", markup=False)

    def action_close(self) -> None:
        self.dismiss(None)
