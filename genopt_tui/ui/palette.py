"""The palette: every action of the table by name; one that is not possible now says why."""

from collections.abc import Iterable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from genopt_tui.ui.actions import ACTIONS
from genopt_tui.ui.footers import sentence
from genopt_tui.ui.screens.main import MainScreen


class ActionPalette(Provider):
    """Finds actions of the main screen."""

    def _lines(self) -> Iterable[tuple[str, str, str]]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
            return
        context = screen.context()
        for action in ACTIONS:
            reason = action.why_not(context)
            yield (
                action.id,
                f"{sentence(action, context)} ({action.key})",
                f"not now: {reason}" if reason else action.group,
            )

    async def discover(self) -> Hits:
        for name, text, note in self._lines():
            yield DiscoveryHit(text, lambda name=name: self._run(name), help=note)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, text, note in self._lines():
            if (score := matcher.match(text)) > 0:
                yield Hit(score, matcher.highlight(text), lambda name=name: self._run(name), help=note)

    async def _run(self, name: str) -> None:
        screen = self.screen
        if isinstance(screen, MainScreen):
            await screen.action_act(name)
