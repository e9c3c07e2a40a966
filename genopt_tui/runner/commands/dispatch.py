"""What clients may ask of a runner: one method for each kind of command row.

A command is marked as done only after its effect is durable, and every effect may be repeated: a
runner that died in
between takes the command up again.
"""

from collections.abc import Awaitable, Callable

from genopt_tui.errors import GenoptError, SessionError, UsageError
from genopt_tui.runner.commands.decisions import DecisionHandlers
from genopt_tui.runner.commands.handlers import CommandData, RunnerControl
from genopt_tui.runner.commands.history import HistoryHandlers
from genopt_tui.runner.commands.run import RunHandlers
from genopt_tui.runner.machine import Phase
from genopt_tui.runner.side_jobs import SideJobHandlers
from genopt_tui.session.journal import Command

Handler = Callable[[CommandData], Awaitable[str]]


class CommandDispatcher:
    """Carries out commands."""

    def __init__(self, runner: RunnerControl) -> None:
        self.context = runner.context
        self._queued_phases: list[Phase] = []
        self._handler_groups = [
            kind(runner, self._queued_phases)
            for kind in (RunHandlers, DecisionHandlers, HistoryHandlers, SideJobHandlers)
        ]

    async def execute(self, command: Command) -> None:
        """Carry out one command and say how it went."""
        step = self.context.event_log.step
        try:
            do = self._find_handler(command.kind)
            self._require_same_head(command.data)
            why = await do(command.data)
        except GenoptError as error:
            self.context.event_log.journal.finish_command(command, False, str(error), step=step)
        else:
            self.context.event_log.journal.finish_command(command, True, why or "", step=step)
        self.context.event_log.flush()
        self.context.event_log.sync()

    def take_phase(self) -> Phase | None:
        """Something asked for that is done between phases."""
        return self._queued_phases.pop(0) if self._queued_phases else None

    def _find_handler(self, kind: str) -> Handler:
        name = "do_" + kind.replace("-", "_")
        for group in self._handler_groups:
            if found := getattr(group, name, None):
                do: Handler = found
                return do
        raise UsageError(f"no command '{kind}'", advice="Update genopt")

    def _require_same_head(self, data: CommandData) -> None:
        expected = data.get("head")
        if expected and expected != self.context.repository.head():
            raise SessionError(
                "the head has moved since", f"it was {str(expected)[:7]}", "Look again, then decide"
            )
