"""The pool's side of one judge process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from genopt_tui.config import Sandbox
from genopt_tui.errors import UsageError
from genopt_tui.evaluate import forked_judge, judge_messages
from genopt_tui.evaluate.judge_messages import LlmQuestion
from genopt_tui.evaluate.sandbox import THREAD_VARIABLES, Isolation
from genopt_tui.evaluate.wire import WireError, pack, unpack
from genopt_tui.task.loader import PACKAGE, TaskFolder
from genopt_tui.task.rollout import Limits, Rollout

START_TIMEOUT = 60.0  # seconds beyond a rollout's limit for a judge to start the artifact
GRACE = 10.0  # seconds beyond a rollout's limit before its judge is taken for stuck
STOP_TIMEOUT = 1.0  # seconds for a judge to stop a cancelled rollout
OUTPUT_TIMEOUT = 0.5  # seconds to wait for what a dead judge printed
MAX_OUTPUT = 2000  # bytes kept of what a judge printed last
AnswerCallback = Callable[[LlmQuestion], Awaitable[str]]


class JudgeDied(Exception):
    """The judge process ended or hung; the message holds its last words.

    `artifact_began`: the task's code had already seen what the artifact returned.
    """

    def __init__(
        self,
        words: str,
        process: asyncio.subprocess.Process | forked_judge.ForkedJudge | None = None,
        *,
        hung: bool = False,
    ) -> None:
        super().__init__(words)
        self._process = process
        self.hung = hung
        self.artifact_began = False

    async def was_killed(self) -> bool:
        """Whether somebody killed it."""
        with contextlib.suppress(TimeoutError):
            if self._process is not None:
                return await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT) == -signal.SIGKILL
        return False


class Worker:
    """A judge process; one request at a time."""

    def __init__(
        self,
        folder: TaskFolder,
        limits: Limits,
        isolation: Isolation,
        settings: Sandbox,
        scratch: str,
    ) -> None:
        self.folder, self.limits, self.isolation, self.settings = (
            folder,
            limits,
            isolation,
            settings,
        )
        self.scratch = scratch
        self.process: asyncio.subprocess.Process | forked_judge.ForkedJudge | None = None
        self._starting: asyncio.Task[None] | None = None
        self._output_tail = b""

    async def start(self) -> None:
        """Start the judge; cancelling does not interrupt the start, so that `close` finds a whole
        judge. Raises JudgeDied."""
        self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        if spare := forked_judge.take():
            self.process, mine, output = spare, spare.channel, spare.output
        else:
            mine, output = await self._spawn()
        printed = asyncio.StreamReader()
        self._output, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(printed), os.fdopen(output, "rb", 0)
        )
        self._log = asyncio.create_task(self._collect_output(printed))
        self._reader, self._writer = await asyncio.open_connection(sock=mine)
        await self._send(
            {
                "task": str(self.folder.path),
                "name": self.folder.task.name,
                "limits": asdict(self.limits),
                "isolation": asdict(self.isolation),
                "sandbox": self.settings.model_dump(),
                "scratch": self.scratch,
            }
        )

    async def _spawn(self) -> tuple[socket.socket, int]:
        """Start a judge; returns our ends of its channel and of the pipe that it prints to."""
        mine, its = socket.socketpair()
        output, writing = os.pipe()
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "genopt_tui.evaluate.judge", str(its.fileno()),
                pass_fds=[its.fileno()], cwd=self.folder.path, env=build_judge_environment(),
                stdin=asyncio.subprocess.DEVNULL, stdout=writing, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        finally:
            its.close()
            os.close(writing)
        return mine, output

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def run(self, rollout: Rollout, answer: AnswerCallback) -> dict[str, Any]:
        """The judge's answer to a rollout. Raises JudgeDied, and what `answer` raises beside
        UsageError."""
        await self._send({"op": "run", "rollout": judge_messages.encode_rollout(rollout)})
        began = False
        deadline = time.monotonic() + self.limits.seconds + START_TIMEOUT
        try:
            while True:
                message = await self._receive(deadline - time.monotonic())
                if message["op"] == "began":
                    began = True
                    deadline = time.monotonic() + self.limits.seconds + GRACE
                elif message["op"] == "ask":
                    asked = time.monotonic()
                    await self._send(await _make_answer(answer, LlmQuestion(**message["question"])))
                    deadline += time.monotonic() - asked
                else:
                    return message
        except JudgeDied as died:
            died.artifact_began = began
            raise

    async def request_examples(self, split: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The judge's answer to a question for examples. Raises JudgeDied."""
        await self._send({"op": "examples", "split": split, "settings": dict(settings)})
        return await self._receive(None)

    async def cancel(self) -> bool:
        """Stop the rollout under way; whether the judge can be used further."""
        try:
            await self._send({"op": "cancel"})
            end = time.monotonic() + STOP_TIMEOUT
            while (await self._receive(end - time.monotonic()))["op"] in ("ask", "began"):
                pass
        except JudgeDied:
            return False
        return self.is_alive

    async def close(self) -> None:
        """End the judge with all below it."""
        if self._starting:
            await asyncio.gather(self._starting, return_exceptions=True)
        if self.process is None:
            return
        self._writer.close()
        self._send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            self._send_signal(signal.SIGKILL)
            await self.process.wait()
        await asyncio.wait(
            {self._log}, timeout=STOP_TIMEOUT
        )  # its pipe ends with the last of its children
        self._log.cancel()
        self._output.close()

    def _send_signal(self, number: int) -> None:
        """Signal the judge by its pid: its process object would take the exit code away from the
        coroutine that waits for it."""
        assert self.process is not None
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    async def _send(self, value: Any) -> None:
        body = pack(value)
        try:
            self._writer.write(len(body).to_bytes(4, "big") + body)
            await self._writer.drain()
        except OSError as error:
            raise JudgeDied(await self.describe_death(), self.process) from error

    async def _receive(self, seconds: float | None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                message: dict[str, Any] = unpack(await self._reader.readexactly(size))
                return message
        except TimeoutError as error:
            raise JudgeDied("the task's own code did not end", hung=True) from error
        except (asyncio.IncompleteReadError, OSError, WireError) as error:
            raise JudgeDied(await self.describe_death(), self.process) from error

    async def describe_death(self) -> str:
        """The last output of a judge that died, which may arrive a moment after its end."""
        await asyncio.wait([self._log], timeout=OUTPUT_TIMEOUT)
        text = self._output_tail.decode("utf-8", "replace").strip()
        return "the judge process died" + (f": {text}" if text else "")

    async def _collect_output(self, printed: asyncio.StreamReader) -> None:
        """Keep the end of what the judge prints; it never reaches a terminal."""
        while data := await printed.read(65536):
            self._output_tail = (self._output_tail + data)[-MAX_OUTPUT:]


async def _make_answer(answer: AnswerCallback, question: LlmQuestion) -> dict[str, str]:
    """The answer, or the artifact's mistake in asking. Other errors are not its fault, and are
    raised."""
    try:
        return {"op": "answer", "text": await answer(question), "error": ""}
    except UsageError as error:
        return {"op": "answer", "text": "", "error": f"no answer from the model: {error}"[:500]}


def build_judge_environment() -> dict[str, str]:
    """The judge's environment: the runner's, one thread per worker, our package importable."""
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
    return dict(os.environ) | dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONPATH": path}
