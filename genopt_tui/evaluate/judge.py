"""The judge process: it runs a task's trusted code, calls the artifact through a player, and
computes the score.

The pool starts it as `python -m genopt_tui.evaluate.judge FD` and exchanges frames on FD. What it
or a C library in it prints goes to the pool's log, never to a terminal.
"""

import asyncio
import inspect
import os
import random
import sys
import traceback
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from genopt_tui.config import Sandbox
from genopt_tui.errors import EvaluationError, GenoptError
from genopt_tui.evaluate import cpu_affinity, judge_messages, lockdown
from genopt_tui.evaluate.command_adapter import CommandTask, add_task_files, adjust_limits
from genopt_tui.evaluate.outcome import Outcome, apply_constraints, decide_outcome
from genopt_tui.evaluate.player_context import PlayerContext, RolloutEnded
from genopt_tui.evaluate.sandbox import Isolation, describe_isolation
from genopt_tui.evaluate.sandbox_hints import find_hint
from genopt_tui.evaluate.tracer import Tracer
from genopt_tui.evaluate.watchdog import Watchdog
from genopt_tui.evaluate.wire import Channel, ChannelClosed
from genopt_tui.evaluate.zygote_client import ZygoteClient, ZygoteDied
from genopt_tui.task import loader
from genopt_tui.task.contract import ArtifactError
from genopt_tui.task.rollout import Example, Limits, Rollout, RolloutResult

# tries of one rollout: a player killed before it ran, or a dead zygote, is not the artifact's fault
MAX_TRIES = 10
MAX_RUNNER_FRAME = 1 << 30


def main(fd: int) -> None:
    lockdown.die_with_parent()
    runner = Channel(fd, fd, MAX_RUNNER_FRAME)
    try:
        judge = Judge(runner, runner.receive())
        judge.serve()
    except ChannelClosed:
        return


class Judge:
    """Runs rollouts for the runner; `config` holds the fields that `Worker` sends at the start."""

    def __init__(self, runner: Channel, config: dict[str, Any]) -> None:
        self.runner = runner
        self.folder = loader.load_task(Path(config["task"]), config["name"])
        task = self.folder.task
        self.limits = adjust_limits(task, Limits(**config["limits"]))
        self.isolation, self.settings = (
            Isolation(**config["isolation"]),
            Sandbox(**config["sandbox"]),
        )
        self.sandbox_name = describe_isolation(
            self.isolation, self.settings, shared=bool(task.command)
        )
        command = {"files": str(self.folder.path / "files")} if task.command else None
        self.zygote = ZygoteClient(
            self.isolation,
            add_task_files(self.folder, self.settings),
            self.limits,
            task.preload,
            config["scratch"],
            command,
            task.hidden,
        )
        self.module: Any = None
        self.loaded = ""  # digest of the task's files as they were loaded

    def serve(self) -> None:
        """Answer the runner until it closes."""
        try:
            while True:
                self.zygote.kill_released()
                self.zygote.prepare_player()
                message = self.runner.receive()
                if message["op"] in ("run", "examples"):
                    self._answer(message)
        finally:
            self.zygote.close()

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            if self.module is None:
                self.loaded = self.folder.compute_file_digest()
                self.module = self._load_module()
            if message["op"] == "examples":
                self.runner.send(
                    {
                        "op": "examples",
                        "loaded": self.loaded,
                        "examples": self._list_examples(message["split"], message["settings"]),
                    }
                )
            else:
                result = self._run_rollout(judge_messages.decode_rollout(message["rollout"]))
                encoded = judge_messages.encode_result(result)
                self.runner.send({"op": "result", "loaded": self.loaded, "result": encoded})
        except GenoptError as error:
            self.runner.send({"op": "failed", "error": str(error)})
        except Exception as error:  # noqa: BLE001  task code may raise anything
            self.runner.send({"op": "failed", "error": format_task_error(error)})

    def _load_module(self) -> Any:
        return CommandTask(self.folder) if self.folder.task.command else self.folder.load_module()

    def _list_examples(self, split: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = (split, settings)[: len(inspect.signature(self.module.examples).parameters)]
        found = resolve_awaitable(self.module.examples(*wanted))
        wrong = [e for e in found if not isinstance(e, Example)]
        if wrong:
            raise EvaluationError(
                "examples() of the task", f"it returned {type(wrong[0]).__name__}, not Example"
            )
        return [judge_messages.to_shallow_dict(example) for example in found]

    def _run_rollout(self, rollout: Rollout) -> RolloutResult:
        spent = 0.0
        for reruns in range(MAX_TRIES):
            try:
                outcome, result = self._try_rollout(rollout)
            except ZygoteDied:
                self.zygote.restart()
                continue
            spent += result.seconds
            last = reruns == MAX_TRIES - 1 or spent > self.limits.seconds
            if last or not outcome.should_retry:
                return replace(result, reruns=reruns)
        raise EvaluationError(f"the process that players are forked from died {MAX_TRIES} times")

    def _try_rollout(self, rollout: Rollout) -> tuple[Outcome, RolloutResult]:
        seed = derive_seed(rollout)
        player = self.zygote.take_player()
        watch = Watchdog(
            player, self.limits, self.runner, self.zygote.prepare_player, self.zygote.host_scratch
        )
        tracer = Tracer() if rollout.traced else None
        context = PlayerContext(player, watch, self.limits, rollout.settings, seed, tracer)
        context.set_ask_handler(
            lambda n, asked, params: self._send_question(rollout, n, asked, params)
        )
        context.set_begin_handler(lambda: self.runner.send({"op": "began"}))
        if not self.limits.processes and cpu_affinity.has_multiple_cores():
            watch.affinity = cpu_affinity.AffinityController(lambda: context.calls, player.pidfd)
        watch.start()
        try:
            returned, raised = self._run_task(rollout, context)
            seconds = watch.get_elapsed_seconds()
            # Its children, where it may have any, are gone before the result goes out.
            must_wait = context.player_lost or watch.limit_hit or self.limits.processes
            ending = self.zygote.kill_and_wait(player) if must_wait else None
        except ZygoteDied:
            if not context.has_begun or not self._can_reach_zygote:
                raise
            returned = ending = None
            raised = ArtifactError("the artifact's processes ended the sandbox that they ran in")
            context.player_lost = False
            seconds = watch.get_elapsed_seconds()
            self.zygote.restart()
        finally:
            watch.stop()
            self.zygote.release(player)
        watch.drain_output()
        outcome = decide_outcome(context, watch.limit_hit, ending, returned, raised, self.limits)
        outcome = apply_constraints(outcome, self.folder.task.constraints)
        return outcome, self._make_result(rollout, context, watch, outcome, seconds, tracer)

    def _run_task(
        self, rollout: Rollout, context: PlayerContext
    ) -> tuple[Any, BaseException | None]:
        """What the task's `run` returned, or what it raised."""
        random.seed(context.seed)
        try:
            context.send_artifact(rollout.artifact)
            returned = resolve_awaitable(
                self.module.run(dict(rollout.artifact), rollout.example, context)
            )
            context.check_recorded_calls()
            return returned, None
        except RolloutEnded:
            return None, None
        except Exception as error:  # noqa: BLE001  the task's own code may raise anything
            return None, error

    def _send_question(
        self, rollout: Rollout, n: int, asked: list[dict[str, str]], params: dict[str, Any]
    ) -> None:
        question = judge_messages.LlmQuestion(rollout.example.id, rollout.repeat, n, asked, params)
        self.runner.send({"op": "ask", "question": judge_messages.to_shallow_dict(question)})

    def _make_result(
        self,
        rollout: Rollout,
        context: PlayerContext,
        watch: Watchdog,
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
            error=outcome.error,
            output=watch.get_output(),
            hint=self._find_hint(outcome, watch),
            sandbox=self.sandbox_name,
            signature=context.compute_signature(),
            steps=context.steps,
            trace=tracer.finish() if tracer else (),
            pictures=tuple(tracer.picture_encoder.pictures) if tracer else (),
            llm_calls=context.llm_calls,
        )

    def _find_hint(self, outcome: Outcome, watch: Watchdog) -> str:
        """The sandbox setting that a failed rollout needs, for the person to decide about."""
        has_failed = isinstance(self.module, CommandTask) and self.module.has_failed
        if not outcome.error and not has_failed:
            return ""
        return find_hint(
            f"{outcome.error}\n{watch.get_output()}",
            self.settings,
            self.limits.processes,
            self.zygote.player_scratch,
            self.zygote.hidden,
        )

    @property
    def _can_reach_zygote(self) -> bool:
        """Whether an artifact could end the zygote: with processes of its own, or without the walls
        that keep it from signals and from the zygote's memory."""
        isolation = self.isolation
        return bool(self.limits.processes) or not (isolation.landlock and isolation.seccomp)


def derive_seed(rollout: Rollout) -> int:
    """The rollout's own seed, from session seed, example and repeat."""
    text = f"{rollout.seed}\0{rollout.example.id}\0{rollout.repeat}"
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")


def resolve_awaitable(value: Any) -> Any:
    """`value`, awaited where task code is async."""
    if inspect.isawaitable(value):

        async def wait() -> Any:
            return await value

        return asyncio.run(wait())
    return value


def format_task_error(error: BaseException) -> str:
    """An error of task code: its last frames, bounded."""
    return "".join(traceback.format_exception(error, limit=-8))[-4000:]


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)
