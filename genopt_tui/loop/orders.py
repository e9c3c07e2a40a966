"""What all commands work with: the desk, the machine, and the few things that a runner does for them."""

from collections.abc import Mapping
from typing import Any, Protocol

from genopt_tui.errors import SessionError
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.machine import Machine, Phase

Data = Mapping[str, Any]


class Running(Protocol):
    """A runner as commands see it."""

    desk: Desk
    machine: Machine

    @property
    def active(self) -> bool:
        """Whether a run is wanted and not over."""

    def start_run(self, data: dict[str, Any]) -> None:
        """Begin a run, or go on with the one that was cut off."""

    def hold(self) -> None:
        """Begin nothing new."""

    def go_on(self) -> None:
        """Begin phases again after a pause or a stop."""

    def stop(self, reason: str) -> None:
        """End the run after the present phase, and the runner with it."""

    async def interrupt(self) -> None:
        """End the present phase at once."""


class Orders:
    """A group of commands: a method `do_KIND` for each kind.

    Each returns what is to be said of it, and raises GenoptError where it cannot be done. `errands` are phases asked for
    that are done between others.
    """

    def __init__(self, runner: Running, errands: list[Phase]) -> None:
        self.runner, self.desk, self.machine, self.errands = runner, runner.desk, runner.machine, errands
        self.step, self.beginning, self.ending = runner.machine.step, runner.machine.beginning, runner.machine.ending

    async def end_step(self, act: str) -> None:
        await self.runner.interrupt()
        p = self.desk.book.p
        if p.batch and not p.ended:
            await self.ending.supersede(act)

    def same_step(self, data: Data) -> None:
        p = self.desk.book.p
        if data.get("step") not in (None, p.step):
            raise SessionError("already decided", f"step {data['step']} is not the one in flight ({p.step})")

    def pending(self, kind: str, data: Data) -> Mapping[str, Any]:
        p = self.desk.book.p
        self.same_step(data)
        if not p.pending or p.ended:
            raise SessionError("already decided", "nothing waits for a decision", "`genopt status` shows what does")
        if p.pending["pending"] != kind:
            word = "the prompt waits to be sent" if kind == "decide" else "a proposal waits for a decision"
            raise SessionError("not what is waited for", word)
        return p.pending
