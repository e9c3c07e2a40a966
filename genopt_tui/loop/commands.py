"""What clients may ask of a runner: one method for each kind of command row.

A command is marked as done only after its effect is durable, and every effect may be repeated: a runner that died in
between takes the command up again.
"""

from collections.abc import Awaitable, Callable

from genopt_tui.errors import GenoptError, SessionError, UsageError
from genopt_tui.loop.acting import Acting
from genopt_tui.loop.deciding import Deciding
from genopt_tui.loop.machine import Phase
from genopt_tui.loop.measuring import Measuring
from genopt_tui.loop.orders import Data, Running
from genopt_tui.loop.steering import Steering
from genopt_tui.session.journal import Command

Do = Callable[[Data], Awaitable[str]]


class Commands:
    """Carries out commands."""

    def __init__(self, runner: Running) -> None:
        self.desk = runner.desk
        self._errands: list[Phase] = []
        self._groups = [kind(runner, self._errands) for kind in (Steering, Deciding, Acting, Measuring)]

    async def take(self, command: Command) -> None:
        """Carry out one command and say how it went."""
        step = self.desk.book.step
        try:
            do = self._named(command.kind)
            self._same_head(command.data)
            why = await do(command.data)
        except GenoptError as error:
            self.desk.book.journal.command_done(command, False, str(error), step=step)
        else:
            self.desk.book.journal.command_done(command, True, why or "", step=step)
        self.desk.book.flush()
        self.desk.book.sync()

    def errand(self) -> Phase | None:
        """Something asked for that is done between phases."""
        return self._errands.pop(0) if self._errands else None

    def _named(self, kind: str) -> Do:
        name = "do_" + kind.replace("-", "_")
        for group in self._groups:
            if found := getattr(group, name, None):
                do: Do = found
                return do
        raise UsageError(f"no command '{kind}'", advice="Update genopt")

    def _same_head(self, data: Data) -> None:
        expected = data.get("head")
        if expected and expected != self.desk.repository.head():
            raise SessionError("the head has moved since", f"it was {str(expected)[:7]}", "Look again, then decide")
