"""Running rollouts: as many at once as there are workers, each in its own judge process.

Waiting rollouts take turns by the version that they run.
"""

import asyncio
import os
import shutil
import tempfile
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genopt_tui import config
from genopt_tui.errors import EvaluationError, TaskChanged, UsageError
from genopt_tui.evaluate import judge_messages, sandbox
from genopt_tui.evaluate.command_adapter import adjust_limits
from genopt_tui.evaluate.judge_messages import LlmQuestion
from genopt_tui.evaluate.sandbox import Isolation
from genopt_tui.evaluate.worker import JudgeDied, Worker
from genopt_tui.task.extras import ensure_installed
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Limits, Rollout, RolloutResult, Status

# judges that may exist while questions wait for their answers: at least, and per worker
MIN_JUDGES, JUDGES_PER_WORKER = 8, 4
MAX_TRIES = 5  # judges that may die over one rollout before it counts as `infra`
MAX_KILLS = 50  # judges that may be killed from outside over one rollout

__all__ = ["LlmQuestion", "Pool"]


async def refuse_question(question: LlmQuestion) -> str:
    raise UsageError("no agent model is set", advice="Set one with --set agent_model=MODEL")


def make_scratch_folder() -> str:
    """Create the folder for a pool's scratch folders; remove those of runners that were killed."""
    for left in Path(tempfile.gettempdir()).glob("genopt-*-*"):
        pid = left.name.split("-")[1]
        if (
            pid.isdecimal()
            and not Path(f"/proc/{pid}").exists()
            and left.stat().st_uid == os.geteuid()
        ):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"genopt-{os.getpid()}-")


class Pool:
    """Workers that run rollouts: they start when a rollout needs one, and end with `close` or with
    the runner.

    `answer` answers the questions of artifacts and tasks (`llm(...)`); the worker's slot is free
    meanwhile. A UsageError goes back to the artifact that asked; any other error ends the
    rollout without a score, and `submit` raises it.
    """

    def __init__(
        self,
        task: TaskFolder,
        *,
        workers: int,
        limits: Limits,
        sandbox: config.Sandbox,
        answer: Callable[[LlmQuestion], Awaitable[str]] | None = None,
        file_digest: str = "",
    ) -> None:
        """`file_digest` is that of the task's files which judges must have loaded; "": any."""
        self.task, self.limits, self.settings = task, limits, sandbox
        self._file_digest = file_digest
        self._answer = answer or refuse_question
        self._scheduler = FairScheduler(workers)
        self._max_judges = max(MIN_JUDGES, JUDGES_PER_WORKER * workers)
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._isolation: Isolation | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._examples: dict[str, list[Example]] = {}
        self._closed = False
        self._sandbox_name = self._scratch = ""

    async def start(self) -> str:
        """Choose the sandbox and return its name.

        Raises EvaluationError when this machine has none above the floor, TaskError when a package
        that the task needs is not installed.
        """
        if self._isolation is None:
            ensure_installed(self.task.task.name, self.task.task.preload)
            processes = adjust_limits(self.task.task, self.limits).processes > 0
            self._isolation = await asyncio.to_thread(
                sandbox.choose_isolation, self.settings, processes=processes
            )
            self._sandbox_name = sandbox.describe_isolation(
                self._isolation, self.settings, shared=bool(self.task.task.command)
            )
            self._scratch = (
                "" if self._isolation.bwrap else await asyncio.to_thread(make_scratch_folder)
            )
        return self._sandbox_name

    async def submit(self, rollout: Rollout) -> RolloutResult:
        """Run one rollout. Raises only what `answer` raises, never for what an artifact did.
        Cancelling stops its player at once."""
        await self.start()
        why, tries, kills, reruns = "", MAX_TRIES, MAX_KILLS, 0
        status: Status = "infra"
        while tries and kills:
            await self._scheduler.acquire(rollout.tree)
            try:
                message = await self._run_on_worker(rollout)
            except JudgeDied as died:
                why, reruns = str(died), reruns + 1
                status = _blame_for_death(died)
                if status == "timeout":  # the same would hang again
                    break
                if await died.was_killed():
                    kills -= 1
                else:
                    tries -= 1
                continue
            finally:
                self._scheduler.release()
            if message["op"] == "result":
                self._require_same_files(message)
                result = judge_messages.decode_result(message["result"])
                return replace(result, reruns=result.reruns + reruns) if reruns else result
            why, status = message["error"], "infra"
            break
        return self._make_failed_result(rollout, status, why)

    async def list_examples(self, split: str, settings: Mapping[str, Any]) -> list[Example]:
        """The task's examples of a split under its resolved settings. Raises EvaluationError."""
        key = f"{split} {sorted(settings.items())}"
        if key not in self._examples:
            await self.start()
            message = await self._request_examples(split, settings)
            if message["op"] != "examples":
                raise EvaluationError("the task's examples cannot be loaded", message["error"])
            self._require_same_files(message)
            self._examples[key] = [Example(**e) for e in message["examples"]]
        return self._examples[key]

    def _require_same_files(self, message: Mapping[str, Any]) -> None:
        """Raises TaskChanged where a judge loaded other files of the task than it should score
        with: it was started after an edit."""
        if self._file_digest and message["loaded"] != self._file_digest:
            raise TaskChanged("the task's files changed while rollouts ran", str(self.task.path))

    async def _request_examples(self, split: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        await self._scheduler.acquire("")
        worker = None
        try:
            worker = await self._acquire_worker()
            message = await worker.request_examples(split, settings)
        except JudgeDied as died:
            if worker:
                await self._close_worker(worker)
            raise EvaluationError("the task's examples cannot be loaded", str(died)) from died
        finally:
            self._scheduler.release()
        self._idle.append(worker)
        return message

    async def close(self) -> None:
        """End all judges, zygotes and players."""
        self._closed = True
        await asyncio.gather(*(self._close_worker(worker) for worker in list(self._workers)))
        await asyncio.gather(*self._cleaning)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def _run_on_worker(self, rollout: Rollout) -> dict[str, Any]:
        worker = await self._acquire_worker()
        try:
            message = await worker.run(
                rollout, lambda question: self._answer_question(question, rollout.tree)
            )
        except JudgeDied:
            await self._close_worker(worker)
            raise
        except BaseException:  # cancelled, or its question cannot be answered
            self._stopping.add(stop := self._start_cleanup(self._stop_worker(worker)))
            stop.add_done_callback(self._stopping.discard)
            raise
        self._idle.append(worker)
        return message

    async def _acquire_worker(self) -> Worker:
        """An idle worker, one that is about to be idle, or a new one. Raises JudgeDied when a new
        one does not start."""
        if not self._idle and self._stopping:
            await asyncio.wait(self._stopping, return_when=asyncio.FIRST_COMPLETED)
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await self._close_worker(worker)
        assert self._isolation is not None
        worker = Worker(self.task, self.limits, self._isolation, self.settings, self._scratch)
        self._workers.add(worker)
        try:
            await worker.start()
        except BaseException:
            self._start_cleanup(self._close_worker(worker))
            raise
        return worker

    async def _answer_question(self, question: LlmQuestion, group: str) -> str:
        """Answer a question; another rollout takes the slot meanwhile, up to a number of judges."""
        if len(self._workers) >= self._max_judges:
            return await self._answer(question)
        self._scheduler.release()
        try:
            return await self._answer(question)
        finally:
            await self._scheduler.acquire(group)

    async def _stop_worker(self, worker: Worker) -> None:
        if await worker.cancel() and not self._closed:
            self._idle.append(worker)
        else:
            await self._close_worker(worker)

    async def _close_worker(self, worker: Worker) -> None:
        self._workers.discard(worker)
        await worker.close()

    def _start_cleanup(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)
        return task

    def _make_failed_result(self, rollout: Rollout, status: Status, why: str) -> RolloutResult:
        return RolloutResult(
            rollout.example.id,
            rollout.repeat,
            rollout.split,
            status,
            None,
            0.0,
            error=why,
            sandbox=self._sandbox_name,
        )


def _blame_for_death(died: JudgeDied) -> Status:
    """How a rollout ends whose judge dies or hangs: by the artifact's fault once the task's code
    works on what the artifact returned, or an artifact could choose the rollouts that count."""
    if not died.artifact_began:
        return "infra"
    return "timeout" if died.hung else "invalid"


class FairScheduler:
    """Slots for groups that take turns; first come, first served within a group. For one event loop
    only."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def acquire(self, group: str) -> None:
        """Wait for a slot on behalf of `group`. Cancelling gives up the place in the queue."""
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            else:
                self._remove_waiter(group, turn)
            raise

    def release(self) -> None:
        """Give a slot back: to the group whose turn it is."""
        while self._waiting:
            group, queue = next(iter(self._waiting.items()))
            turn = queue.popleft()
            self._waiting.move_to_end(group)
            if not queue:
                del self._waiting[group]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _remove_waiter(self, group: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(group)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[group]
