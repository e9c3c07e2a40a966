"""The palette: every action of the table by name; one that is not possible now says why. And that
of the themes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual import on
from textual.command import Command, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.theme import ThemeProvider
from textual.widgets import OptionList

from genopt_tui.ui.actions.footer import describe_action
from genopt_tui.ui.actions.table import ACTIONS
from genopt_tui.ui.screens.main import MainScreen

if TYPE_CHECKING:
    from genopt_tui.ui.app import GenoptApp


class ActionPalette(Provider):
    """Finds actions of the main screen."""

    def _list_actions(self) -> Iterable[tuple[str, str, str]]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
            return
        context = screen.context()
        for action in ACTIONS:
            reason = action.why_not(context)
            yield (
                action.id,
                f"{describe_action(action, context)} ({action.display_key})",
                f"not now: {reason}" if reason else action.group,
            )

    async def discover(self) -> Hits:
        for name, text, note in self._list_actions():
            yield DiscoveryHit(text, lambda name=name: self._run(name), help=note)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, text, note in self._list_actions():
            if (score := matcher.match(text)) > 0:
                yield Hit(
                    score, matcher.highlight(text), lambda name=name: self._run(name), help=note
                )

    async def _run(self, name: str) -> None:
        screen = self.screen
        if isinstance(screen, MainScreen):
            await screen.action_act(name)


class ThemePalette(CommandPalette):
    """Themes by name. The one under the cursor is worn at once; the application goes back where
    none is chosen."""

    def __init__(self) -> None:
        super().__init__(providers=[ThemeProvider], placeholder="Theme")

    def on_mount(self) -> None:
        self._opened_at = self._last_key_time

    @property
    def _last_key_time(self) -> float:
        return cast("GenoptApp", self.app).key_time

    @on(OptionList.OptionHighlighted)
    def preview_theme(self, event: OptionList.OptionHighlighted) -> None:
        """Not before a key was pressed: the cursor begins on the first one."""
        name = event.option.hit.text if isinstance(event.option, Command) else None
        if name in self.app.available_themes and self._last_key_time > self._opened_at:
            self.app.theme = str(name)
