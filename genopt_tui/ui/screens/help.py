"""`?`: every key that works here and now; where one does not, why."""

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.ui.actions import DISPLAY, Action, Context, groups
from genopt_tui.ui.footers import sentence
from genopt_tui.ui.screens.sheet import Page, Sheet
from genopt_tui.ui.widgets.lines import Line

INDENT = " " * 19
"""What stands before a sentence that goes on in the next line."""


class HelpScreen(Sheet):
    """The keys, in the words of the pane that has the keyboard."""

    KEYS = "j k move  / search  Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "close", show=False, priority=True)]

    def __init__(self, context: Context) -> None:
        where = f", in {context.pane.NAME}" if context.pane is not None else ""
        super().__init__(f"Works now{where}")
        self._here = context

    def read(self) -> tuple[str, Sequence[Page]]:
        return "", [Page("keys", help_lines(self._here, self.room))]

    def on_resize(self) -> None:
        """Break the lines anew."""
        if self.ready:
            self.show(*self.read())


def help_lines(context: Context, width: int) -> list[Line]:
    """The table of actions in words: what works here and now, then what does not, with the reason."""
    possible: list[Line] = []
    rest: list[Line] = []
    for group, actions in groups().items():
        works = [action for action in actions if not action.why_not(context)]
        if works:
            possible += [((group, "strong"),), *(line for a in works for line in _lines(a, context, "", width)), ()]
        rest += [line for a in actions if a not in works for line in _lines(a, context, a.why_not(context), width)]
    return [*possible, (("Not now", "strong"),), *rest]


def _lines(action: Action, context: Context, reason: str, width: int) -> list[Line]:
    """Keys and sentence; the reason why not in place of nothing."""
    keys = " ".join(DISPLAY.get(key, key) for key in action.bound.split(","))
    told = f"  {keys:<16} {sentence(action, context)}" + (f"  ({reason})" if reason else "")
    return [((row, "dim" if reason else ""),) for row in wrap(told, width, subsequent_indent=INDENT)]
