"""`?`: every key that works here and now; where one does not, why."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from genopt_tui.ui.actions import DISPLAY, Context, groups, label
from genopt_tui.ui.widgets.text import Plain


def help_text(context: Context) -> str:
    """The table of actions in words."""
    lines = []
    for group, actions in groups().items():
        lines.append(group)
        for action in actions:
            keys = " ".join(DISPLAY.get(key, key) for key in action.bound.split(","))
            reason = action.why_not(context)
            word = label(action, context.snapshot) if action.id in {"run", "step"} else ""
            said = f"{word}: {action.help}" if word else action.help
            lines.append(f"  {keys:<16} {said}")
            if reason:
                lines.append(f"  {'':<16} not now: {reason}")
        lines.append("")
    return "\n".join(lines).rstrip()


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
