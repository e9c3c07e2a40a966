"""The judge process: it runs a task's trusted code, calls the artifact through a player, and computes the score.

Started by the pool as `python -m genopt_tui.evaluate.judge FD`; frames on FD are all it says. What it prints, or a C library
in it prints, goes to the pool's log and never to a terminal.
"""

import asyncio
import inspect
import os
import random
import sys
import traceback
from hashlib import sha256
from pathlib import Path
from typing import Any

from genopt_tui.config import Sandbox
from genopt_tui.errors import EvaluationError, GenoptError
from genopt_tui.evaluate import core, lockdown, messages
from genopt_tui.evaluate.command import CommandTask, opened, room_for
from genopt_tui.evaluate.context import PlayerContext, RolloutEnded
from genopt_tui.evaluate.denied import advice
from genopt_tui.evaluate.players import Players, ZygoteDied
from genopt_tui.evaluate.sandbox import Isolation, in_force
from genopt_tui.evaluate.tracer import Tracer
from genopt_tui.evaluate.verdict import Outcome, constrained, decide
from genopt_tui.evaluate.watch import Watch
from genopt_tui.evaluate.wire import Channel, Closed
from genopt_tui.task import loader
from genopt_tui.task.rollout import Example, Limits, Rollout, RolloutResult

TRIES = 10  # forks of one rollout: a player that was killed from outside, or a dead zygote, is nobody's score
RUNNER_FRAME = 1 << 30


def main(fd: int) -> None:
    lockdown.die_with_parent()
    runner = Channel(fd, fd, RUNNER_FRAME)
    try:
        judge = Judge(runner, runner.receive())
        judge.serve()
    except Closed:
        return


class Judge:
    """`config`: task (folder), name, isolation, sandbox, limits, scratch (folder)."""

    def __init__(self, runner: Channel, config: dict[str, Any]) -> None:
        self.runner = runner
        self.folder = loader.load(Path(config["task"]), config["name"])
        task = self.folder.task
        self.limits = room_for(task, Limits(**config["limits"]))
        self.isolation, self.settings = Isolation(**config["isolation"]), Sandbox(**config["sandbox"])
        self.sandbox = in_force(self.isolation, self.settings, shared=bool(task.command))
        command = {"files": str(self.folder.path / "files")} if task.command else None
        self.players = Players(
            self.isolation,
            opened(self.folder, self.settings),
            self.limits,
            task.preload,
            config["scratch"],
            command,
            task.hidden,
        )
        self.module: Any = None

    def serve(self) -> None:
        """Answer the runner until it closes."""
        try:
            while True:
                self.players.clear()
                self.players.prepare()
                message = self.runner.receive()
                if message["op"] in ("run", "examples"):
                    self._answer(message)
        finally:
            self.players.close()

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            self.module = self.module or self._module()
            if message["op"] == "examples":
                self.runner.send({"op": "examples", "examples": self._examples(message["split"], message["settings"])})
            else:
                result = self._rollout(messages.rollout(message["rollout"]))
                self.runner.send({"op": "result", "result": messages.plain_result(result)})
        except GenoptError as error:
            self.runner.send({"op": "failed", "error": str(error)})
        except Exception as error:  # noqa: BLE001  task code may raise anything; the pool says whose fault it is
            self.runner.send({"op": "failed", "error": short(error)})

    def _module(self) -> Any:
        return CommandTask(self.folder, self._advice) if self.folder.task.command else self.folder.module()

    def _examples(self, split: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = (split, settings)[: len(inspect.signature(self.module.examples).parameters)]
        found = finished(self.module.examples(*wanted))
        wrong = [e for e in found if not isinstance(e, Example)]
        if wrong:
            raise EvaluationError("examples() of the task", f"it returned {type(wrong[0]).__name__}, not Example")
        return [messages.shallow(example) for example in found]

    def _rollout(self, rollout: Rollout) -> RolloutResult:
        spent = 0.0
        for attempt in range(1, TRIES + 1):
            try:
                outcome, result = self._try(rollout)
            except ZygoteDied:
                self.players.restart()
                continue
            spent += result.seconds
            if not outcome.again or attempt == TRIES or spent > self.limits.seconds:
                return result
        raise EvaluationError("the process that players are forked from died again and again")

    def _try(self, rollout: Rollout) -> tuple[Outcome, RolloutResult]:
        seed = seed_of(rollout)
        player = self.players.take()
        watch = Watch(player, self.limits, self.runner, self.players.prepare, self.players.scratch)
        tracer = Tracer() if rollout.traced else None
        context = PlayerContext(player, watch, self.limits, rollout.settings, seed, tracer)
        context.asks_through(lambda n, asked, params: self._ask(rollout, n, asked, params))
        if not self.limits.processes and core.choice():
            watch.core = core.Core(lambda: context.calls, player.pidfd)
        watch.start()
        try:
            returned, raised = self._run(rollout, context)
            seconds = watch.seconds()
            # Its children, where it may have any, are gone before the result is told.
            ask = context.lost or watch.verdict or self.limits.processes
            ending = self.players.end(player) if ask else None
        finally:
            watch.stop()
            self.players.leave(player)
        watch.drain()
        outcome = decide(context, watch.verdict, ending, returned, raised, self.limits)
        outcome = constrained(outcome, self.folder.task.constraints)
        return outcome, self._result(rollout, context, watch, outcome, seconds, tracer)

    def _run(self, rollout: Rollout, context: PlayerContext) -> tuple[Any, BaseException | None]:
        """What the task's `run` returned, or what it raised."""
        random.seed(context.seed)
        try:
            context.begin(rollout.artifact)
            returned = finished(self.module.run(dict(rollout.artifact), rollout.example, context))
            context.settle()
            return returned, None
        except RolloutEnded:
            return None, None
        except Exception as error:  # noqa: BLE001  the task's own code may raise anything
            return None, error

    def _ask(self, rollout: Rollout, n: int, asked: list[dict[str, str]], params: dict[str, Any]) -> None:
        question = messages.LlmQuestion(rollout.example.id, rollout.repeat, n, asked, params)
        self.runner.send({"op": "ask", "question": messages.shallow(question)})

    def _result(
        self,
        rollout: Rollout,
        context: PlayerContext,
        watch: Watch,
        outcome: Outcome,
        seconds: float,
        tracer: Tracer | None,
    ) -> RolloutResult:
        return RolloutResult(
            example=rollout.example.id,
            repeat=rollout.repeat,
            split=rollout.split,
            status=outcome.status,
            score=outcome.score,
            seconds=seconds,
            feedback=outcome.feedback,
            metrics=outcome.metrics,
            error=self._explained(outcome, watch),
            output=watch.output(),
            sandbox=self.sandbox,
            signature=context.signature(),
            steps=context.steps,
            trace=tracer.finish() if tracer else (),
            pictures=tuple(tracer.album.pictures) if tracer else (),
            llm_calls=context.llm_calls,
        )

    def _advice(self, text: str) -> str:
        return advice(text, self.settings, self.limits.processes, self.players.inside, self.players.hidden)

    def _explained(self, outcome: Outcome, watch: Watch) -> str:
        """The error, and where a wall of the sandbox was in the way, the setting that opens it."""
        if not outcome.error:
            return ""
        said = self._advice(f"{outcome.error}\n{watch.output()}")
        return f"{outcome.error.rstrip()}\n{said}" if said else outcome.error


def seed_of(rollout: Rollout) -> int:
    """The rollout's own seed, from session seed, example and repeat."""
    text = f"{rollout.seed}\0{rollout.example.id}\0{rollout.repeat}"
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")


def finished(value: Any) -> Any:
    """`value`, awaited where task code is async."""
    if inspect.isawaitable(value):

        async def wait() -> Any:
            return await value

        return asyncio.run(wait())
    return value


def short(error: BaseException) -> str:
    """An error of task code: its last frames, bounded."""
    return "".join(traceback.format_exception(error, limit=-8))[-4000:]


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)
