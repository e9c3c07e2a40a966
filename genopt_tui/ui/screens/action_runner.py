"""Runs actions of the table on the main screen, or shows why they are not possible."""

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Protocol, cast

from genopt_tui.errors import GenoptError
from genopt_tui.ui.actions.host import ActionHost
from genopt_tui.ui.actions.table import ACTIONS_BY_ID, Action
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.screens.pending_decision import PendingDecision

if TYPE_CHECKING:
    from genopt_tui.ui.actions.host import Handler

FOLLOWED_ACTIONS = {"run", "step", "approve", "reject", "again", "mode"}
"""Actions whose outcome the user waits for: the pane of the next decision then comes to the
front."""
DECIDING_ACTIONS = {"approve", "reject", "again"}


class RunnerHost(ActionHost, Protocol):
    """The main screen as the action runner sees it."""

    def resize_pane(self, number: int, by: int) -> None: ...

    def schedule_draw_lines(self) -> None: ...


class ActionRunner:
    """Checks an action, then hands it to the focused pane or to its handler."""

    def __init__(self, host: RunnerHost, pending: PendingDecision) -> None:
        self.is_user_navigating = False
        """Whether the last key was for looking around: a new decision then moves no focus."""
        self._host = host
        self._pending = pending
        self._handlers: Mapping[str, Handler] = {}
        """Handlers by action id, imported with the first key."""

    async def run(self, name: str) -> None:
        self.is_user_navigating = name not in FOLLOWED_ACTIONS
        action = ACTIONS_BY_ID[name]
        if warning := self._find_obstacle(action):
            # Escape with nothing to leave is a habit, not a mistake.
            if name != "back":
                self._host.show_notice(warning, "warning")
        elif action.pane_act and name != "search":
            self._run_in_pane(action)
        else:
            await self._run_handler(name)

    def _find_obstacle(self, action: Action) -> str:
        """Why the action cannot run now; empty if it can."""
        if reason := action.why_not(self._host.context()):
            return f"{action.display_key} {action.label or action.help}: {reason}"
        deciding = action.id in DECIDING_ACTIONS
        if deciding and self._pending.is_too_early(self._host.services.key_time):
            return (
                f"{action.display_key} ignored: the proposal had just appeared. "
                "Look, then press again"
            )
        return ""

    def _run_in_pane(self, action: Action) -> None:
        pane = cast(Pane, self._host.context().pane)
        if act := action.resolve_act(pane):
            pane.act(act)
        else:
            self._host.resize_pane(pane.NUMBER, 1 if action.id == "more" else -1)
        self._host.schedule_draw_lines()

    async def _run_handler(self, name: str) -> None:
        if not self._handlers:
            from genopt_tui.ui.actions.dispatch import build_handlers

            self._handlers = build_handlers(self._host)
        try:
            result = self._handlers[name]()
            if isinstance(result, Awaitable):
                await result
        except GenoptError as error:
            self._host.show_notice(str(error), "error")
