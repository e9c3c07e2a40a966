"""`?`: all keys, first those that work now, then the others with the reason why not."""

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from textual.binding import Binding, BindingType

from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.footer import describe_action
from genopt_tui.ui.actions.table import KEY_NAMES, Action, group_actions
from genopt_tui.ui.screens.tabbed_screen import Page, TabbedScreen
from genopt_tui.ui.widgets.line_source import Line

INDENT = " " * 19
"""Indent of the second and further lines of a sentence."""


class HelpScreen(TabbedScreen):
    """Keys as they work in the focused pane."""

    KEYS = "j k move  / search  Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "close", show=False, priority=True)
    ]

    def __init__(self, context: ActionContext) -> None:
        where = f", in {context.pane.NAME}" if context.pane is not None else ""
        super().__init__(f"Works now{where}")
        self._action_context = context

    def read(self) -> tuple[str, Sequence[Page]]:
        return "", [Page("keys", build_help_lines(self._action_context, self.line_width))]

    def on_resize(self) -> None:
        """Wrap the lines again."""
        if self.ready:
            self.show(*self.read())


def build_help_lines(context: ActionContext, width: int) -> list[Line]:
    """The table of actions as text: first what is possible now, then the rest with reasons."""
    possible: list[Line] = []
    impossible: list[Line] = []
    for group, actions in group_actions().items():
        usable = [action for action in actions if not action.why_not(context)]
        if usable:
            possible += [
                ((group, "strong"),),
                *(line for a in usable for line in _format_action(a, context, "", width)),
                (),
            ]
        impossible += [
            line
            for a in actions
            if a not in usable
            for line in _format_action(a, context, a.why_not(context), width)
        ]
    return [*possible, (("Not now", "strong"),), *impossible]


def _format_action(action: Action, context: ActionContext, reason: str, width: int) -> list[Line]:
    """Keys, description, and the reason if the action is not possible."""
    keys = " ".join(KEY_NAMES.get(key, key) for key in action.active_keys.split(","))
    text = f"  {keys:<16} {describe_action(action, context)}" + (f"  ({reason})" if reason else "")
    return [
        ((row, "dim" if reason else ""),) for row in wrap(text, width, subsequent_indent=INDENT)
    ]
