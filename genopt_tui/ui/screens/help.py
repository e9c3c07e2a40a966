"""`?`: every key that works here and now; where one does not, why."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from genopt_tui.ui.actions import DISPLAY, Action, Context, groups
from genopt_tui.ui.footers import sentence
from genopt_tui.ui.widgets.text import Plain


def help_text(context: Context) -> str:
    """The table of actions in words: what works here and now, then what does not, with the reason."""
    possible, rest = [], []
    for group, actions in groups().items():
        works = [action for action in actions if not action.why_not(context)]
        possible += [group, *(_line(action, context) for action in works), ""] if works else []
        rest += [f"{_line(a, context)}  ({a.why_not(context)})" for a in actions if a not in works]
    where = f", in {context.pane.NAME}" if context.pane is not None else ""
    return "\n".join([f"Works now{where}", "", *possible, "Not now", *rest]).rstrip()


def _line(action: Action, context: Context) -> str:
    keys = " ".join(DISPLAY.get(key, key) for key in action.bound.split(","))
    return f"  {keys:<16} {sentence(action, context)}"


class HelpScreen(ModalScreen[None]):
    """The keys, scrollable."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 50%; }
    HelpScreen > Vertical { width: 100; max-width: 98%; height: 90%; border: round $accent; background: $surface; padding: 0 1; }
    HelpScreen .keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,ctrl+q,ctrl+c,f1", "close", show=False, priority=True),
        Binding("j,down", "scroll(1)", show=False, priority=True),
        Binding("k,up", "scroll(-1)", show=False, priority=True),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._here = context

    def compose(self) -> ComposeResult:
        with Vertical():
            with VerticalScroll():
                yield Plain(help_text(self._here), id="help")
            yield Plain("j k move  Esc closes", classes="keys")

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by * 2, animate=False)
