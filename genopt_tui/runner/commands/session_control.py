"""What all groups of commands share: the context, the machine, and control of the runner."""

from typing import Protocol

from genopt_tui.errors import SessionError
from genopt_tui.runner.context import RunContext
from genopt_tui.runner.machine import Machine, Phase
from genopt_tui.session.commands import Run
from genopt_tui.session.progress import Progress


class RunnerControl(Protocol):
    """A runner as commands see it."""

    context: RunContext
    machine: Machine

    @property
    def active(self) -> bool:
        """Whether a run is wanted and not over."""

    def start_run(self, command: Run) -> None:
        """Begin a run, or go on with the one that was cut off."""

    def suspend(self) -> None:
        """Begin nothing new."""

    def resume(self) -> None:
        """Begin phases again after a pause or a stop."""

    def stop(self, reason: str) -> None:
        """End the run after the present phase, and the runner with it."""

    async def interrupt(self) -> None:
        """End the present phase at once."""


class SessionControl:
    """Every group of command handlers has one of these. `queued_phases` are done between the phases
    of steps."""

    def __init__(self, runner: RunnerControl) -> None:
        self.runner = runner
        self.context = runner.context
        self.machine = runner.machine
        self.queued_phases: list[Phase] = []

    @property
    def progress(self) -> Progress:
        return self.context.event_log.progress

    async def end_step(self, act: str) -> None:
        """End the step in flight, superseded by `act`."""
        await self.runner.interrupt()
        if self.progress.batch and not self.progress.ended:
            await self.machine.finisher.supersede(act)

    def require_same_step(self, step: int | None) -> None:
        """Raises SessionError unless `step` is the one in flight (None: whichever it is)."""
        if step not in (None, self.progress.step):
            raise SessionError(
                "already decided",
                f"step {step} is not the one in flight ({self.progress.step})",
            )

    def require_pending(self, kind: str, step: int | None) -> None:
        """Raises SessionError unless `step` waits for a person, in the way `kind` (decide or
        propose)."""
        p = self.progress
        self.require_same_step(step)
        if not p.pending or p.ended:
            raise SessionError(
                "already decided", "nothing waits for a decision", "`genopt status` shows what does"
            )
        if p.pending["pending"] != kind:
            if kind == "decide":
                raise SessionError("no proposal is waiting", "the prompt waits to be sent")
            raise SessionError("no prompt is waiting", "a proposal waits for a decision")
