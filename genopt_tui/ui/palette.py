"""Two palettes: actions by name, and themes with a preview."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, cast

from textual import on
from textual.command import Command, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.theme import ThemeProvider
from textual.widgets import OptionList

from genopt_tui.ui.actions.table import ACTIONS, Action
from genopt_tui.ui.actions.titles import choose_title, list_terms
from genopt_tui.ui.services import get_services

if TYPE_CHECKING:
    from genopt_tui.ui.actions.host import ActionHost

TITLE_WIDTH = 56
"""Cells from the left of a line to its key."""


class ActionPalette(Provider):
    """Finds actions of the main screen by title, id, footer label or synonym."""

    @property
    def _host(self) -> "ActionHost":
        return cast("ActionHost", self.screen)

    def _list_actions(self) -> Iterable[tuple[Action, str, str]]:
        """Every action, its title, and its group or the reason why it is not possible now."""
        context = self._host.context()
        for action in ACTIONS:
            reason = action.why_not(context)
            note = f"not now: {reason}" if reason else action.group
            yield action, choose_title(action, context), note

    async def discover(self) -> Hits:
        for action, title, note in self._list_actions():
            yield DiscoveryHit(
                add_key(Content(title), action), self._make_command(action), text=title, help=note
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, title, note in self._list_actions():
            if score := rank_action(query, action, matcher.match(title)):
                shown = add_key(matcher.highlight(title), action)
                yield Hit(score, shown, self._make_command(action), text=title, help=note)

    def _make_command(self, action: Action) -> Callable[[], Awaitable[None]]:
        return lambda: self._host.action_act(action.id)


def rank_action(query: str, action: Action, title_score: float) -> float:
    """How well `query` fits: a whole term before a word's beginning, both before a likeness of
    the title (`title_score`); 0 where it does not fit."""
    wanted = " ".join(query.lower().split())
    terms = list_terms(action)
    if wanted in terms:
        return 300.0
    if any(word.startswith(wanted) for term in terms for word in (term, *term.split())):
        return 200.0 + title_score
    if any(wanted in term for term in terms):
        return 100.0 + title_score
    return min(title_score, 99.0)


def add_key(title: Content, action: Action) -> Content:
    """The title with the action's key at the right."""
    gap = " " * max(2, TITLE_WIDTH - title.cell_length)
    return Content.assemble(title, gap, (action.display_key, "bold"))


class ThemePalette(CommandPalette):
    """Themes by name. The highlighted theme is applied at once; closing without a choice restores
    the one before."""

    def __init__(self) -> None:
        super().__init__(providers=[ThemeProvider], placeholder="Theme")

    def on_mount(self) -> None:
        self._opened_at = self._last_key_time

    @property
    def _last_key_time(self) -> float:
        return get_services(self).key_time

    @on(OptionList.OptionHighlighted)
    def preview_theme(self, event: OptionList.OptionHighlighted) -> None:
        """Only after a key was pressed: the first theme is highlighted by itself."""
        name = event.option.hit.text if isinstance(event.option, Command) else None
        if name in self.app.available_themes and self._last_key_time > self._opened_at:
            self.app.theme = str(name)
