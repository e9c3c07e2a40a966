"""Running rollouts: as many at once as there are workers, each in a judge process of its own."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from genopt_tui import config
from genopt_tui.errors import EvaluationError, UsageError
from genopt_tui.evaluate import messages, sandbox
from genopt_tui.evaluate.command import room_for
from genopt_tui.evaluate.messages import LlmQuestion
from genopt_tui.evaluate.sandbox import Isolation
from genopt_tui.evaluate.turns import Turns
from genopt_tui.evaluate.worker import JudgeDied, Worker
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Limits, Rollout, RolloutResult

FEWEST, AHEAD = 8, 4  # judges that may be there while questions wait for their answers: at least, and for each worker
TRIES = 5  # judges that may die of themselves over one rollout before it counts as `infra`
KILLS = 50  # that may be killed from outside

__all__ = ["LlmQuestion", "Pool"]


async def no_model(question: LlmQuestion) -> str:
    raise UsageError("no agent model is set", advice="Set one with --set agent_model=MODEL")


def scratch_folder() -> str:
    """A new folder for the scratch folders of a pool; those that killed runners left behind are removed."""
    for left in Path(tempfile.gettempdir()).glob("genopt-*-*"):
        pid = left.name.split("-")[1]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and left.stat().st_uid == os.geteuid():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"genopt-{os.getpid()}-")


class Pool:
    """Workers start when a rollout waits for one, and end with `close` or with the runner.

    `answer` answers the questions of artifacts and tasks (`llm(...)`); a worker is free meanwhile. The UsageError of a wrong
    question is told to who asked; any other error is nobody's score: it ends the rollout, and `submit` raises it.
    """

    def __init__(
        self,
        task: TaskFolder,
        *,
        workers: int,
        limits: Limits,
        sandbox: config.Sandbox,
        answer: Callable[[LlmQuestion], Awaitable[str]] | None = None,
    ) -> None:
        self.task, self.limits, self.settings = task, limits, sandbox
        self._answer = answer or no_model
        self._turns = Turns(workers)
        self._most = max(FEWEST, AHEAD * workers)
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._isolation: Isolation | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._examples: dict[str, list[Example]] = {}
        self._closed = False
        self._name = self._scratch = ""

    async def start(self) -> str:
        """Choose the sandbox; its name. Raises EvaluationError when this machine has none above the floor."""
        if self._isolation is None:
            processes = room_for(self.task.task, self.limits).processes > 0
            self._isolation = await asyncio.to_thread(sandbox.choose, self.settings, processes=processes)
            self._name = sandbox.in_force(self._isolation, self.settings, shared=bool(self.task.task.command))
            self._scratch = "" if self._isolation.bwrap else await asyncio.to_thread(scratch_folder)
        return self._name

    async def submit(self, rollout: Rollout) -> RolloutResult:
        """Run one rollout. Never raises for what an artifact did, only what `answer` raises; cancelling stops its player at once."""
        await self.start()
        why, tries, kills = "", TRIES, KILLS
        while tries and kills:
            await self._turns.acquire(rollout.tree)
            try:
                message = await self._on_worker(rollout)
            except JudgeDied as died:
                why = str(died)
                if await died.killed():
                    kills -= 1
                else:
                    tries -= 1
                continue
            finally:
                self._turns.release()
            if message["op"] == "result":
                return messages.result(message["result"])
            why = message["error"]
            break
        return self._failed(rollout, why)

    async def examples(self, split: str, settings: Mapping[str, Any]) -> list[Example]:
        """The task's examples of a split under its resolved settings, asked of a judge. Raises EvaluationError."""
        key = f"{split} {sorted(settings.items())}"
        if key not in self._examples:
            await self.start()
            message = await self._asked_for(split, settings)
            if message["op"] != "examples":
                raise EvaluationError("the task's examples cannot be had", message["error"])
            self._examples[key] = [Example(**e) for e in message["examples"]]
        return self._examples[key]

    async def _asked_for(self, split: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        await self._turns.acquire("")
        worker = None
        try:
            worker = await self._worker()
            message = await worker.examples(split, settings)
        except JudgeDied as died:
            if worker:
                await self._drop(worker)
            raise EvaluationError("the task's examples cannot be had", str(died)) from died
        finally:
            self._turns.release()
        self._idle.append(worker)
        return message

    async def close(self) -> None:
        """End all judges, zygotes and players."""
        self._closed = True
        await asyncio.gather(*(self._drop(worker) for worker in list(self._all)))
        await asyncio.gather(*self._cleaning)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def _on_worker(self, rollout: Rollout) -> dict[str, Any]:
        worker = await self._worker()
        try:
            message = await worker.run(rollout, lambda question: self._ask(question, rollout.tree))
        except JudgeDied:
            await self._drop(worker)
            raise
        except BaseException:  # cancelled, or its question cannot be answered
            self._stopping.add(stop := self._in_background(self._stop(worker)))
            stop.add_done_callback(self._stopping.discard)
            raise
        self._idle.append(worker)
        return message

    async def _worker(self) -> Worker:
        """An idle worker, one that is being stopped and soon idle, or a new one. Raises JudgeDied when it does not start."""
        if not self._idle and self._stopping:
            await asyncio.wait(self._stopping, return_when=asyncio.FIRST_COMPLETED)
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await self._drop(worker)
        assert self._isolation is not None
        worker = Worker(self.task, self.limits, self._isolation, self.settings, self._scratch)
        self._all.add(worker)
        try:
            await worker.start()
        except BaseException:
            self._in_background(self._drop(worker))
            raise
        return worker

    async def _ask(self, question: LlmQuestion, group: str) -> str:
        """Have a question answered while another rollout takes the slot, as long as there are not too many judges."""
        if len(self._all) >= self._most:
            return await self._answer(question)
        self._turns.release()
        try:
            return await self._answer(question)
        finally:
            await self._turns.acquire(group)

    async def _stop(self, worker: Worker) -> None:
        if await worker.cancel() and not self._closed:
            self._idle.append(worker)
        else:
            await self._drop(worker)

    async def _drop(self, worker: Worker) -> None:
        self._all.discard(worker)
        await worker.close()

    def _in_background(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)
        return task

    def _failed(self, rollout: Rollout, why: str) -> RolloutResult:
        return RolloutResult(
            rollout.example.id,
            rollout.repeat,
            rollout.split,
            "infra",
            None,
            0.0,
            error=why,
            sandbox=self._name,
        )
