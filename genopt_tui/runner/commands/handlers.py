"""What all commands work with: the desk, the machine, and the few things that a runner does for
them."""

from collections.abc import Mapping
from typing import Any, Protocol

from genopt_tui.errors import SessionError
from genopt_tui.runner.context import RunContext
from genopt_tui.runner.machine import Machine, Phase

CommandData = Mapping[str, Any]


class RunnerControl(Protocol):
    """A runner as commands see it."""

    context: RunContext
    machine: Machine

    @property
    def active(self) -> bool:
        """Whether a run is wanted and not over."""

    def start_run(self, data: dict[str, Any]) -> None:
        """Begin a run, or go on with the one that was cut off."""

    def suspend(self) -> None:
        """Begin nothing new."""

    def resume(self) -> None:
        """Begin phases again after a pause or a stop."""

    def stop(self, reason: str) -> None:
        """End the run after the present phase, and the runner with it."""

    async def interrupt(self) -> None:
        """End the present phase at once."""


class CommandHandlers:
    """A group of commands: a method `do_KIND` for each kind.

    Each returns what is to be said of it, and raises GenoptError where it cannot be done. `errands`
    are phases asked for
    that are done between others.
    """

    def __init__(self, runner: RunnerControl, queued_phases: list[Phase]) -> None:
        self.runner, self.context, self.machine, self.queued_phases = (
            runner,
            runner.context,
            runner.machine,
            queued_phases,
        )
        self.step, self.starter, self.finisher = (
            runner.machine.step,
            runner.machine.starter,
            runner.machine.finisher,
        )

    async def end_step(self, act: str) -> None:
        await self.runner.interrupt()
        p = self.context.event_log.p
        if p.batch and not p.ended:
            await self.finisher.supersede(act)

    def require_same_step(self, data: CommandData) -> None:
        p = self.context.event_log.p
        if data.get("step") not in (None, p.step):
            raise SessionError(
                "already decided", f"step {data['step']} is not the one in flight ({p.step})"
            )

    def require_pending(self, kind: str, data: CommandData) -> Mapping[str, Any]:
        p = self.context.event_log.p
        self.require_same_step(data)
        if not p.pending or p.ended:
            raise SessionError(
                "already decided", "nothing waits for a decision", "`genopt status` shows what does"
            )
        if p.pending["pending"] != kind:
            word = (
                "the prompt waits to be sent"
                if kind == "decide"
                else "a proposal waits for a decision"
            )
            raise SessionError("not what is waited for", word)
        return p.pending
