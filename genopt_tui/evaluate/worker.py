"""One judge process, as the pool holds it."""

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
from genopt_tui.evaluate import forked, messages
from genopt_tui.evaluate.messages import LlmQuestion
from genopt_tui.evaluate.sandbox import THREADS, Isolation
from genopt_tui.evaluate.wire import WireError, pack, unpack
from genopt_tui.task.loader import PACKAGE, TaskFolder
from genopt_tui.task.rollout import Limits, Rollout

GRACE = 10.0  # seconds beyond a rollout's limit before its judge is taken for stuck
STOP = 1.0  # seconds a judge has to stop a cancelled rollout
WORDS = 0.5  # seconds to wait for what a dead judge printed
SAID = 2000  # bytes kept of what a judge printed last
Answer = Callable[[LlmQuestion], Awaitable[str]]


class JudgeDied(Exception):
    """The judge process ended or hung; the message holds its last words."""

    def __init__(self, words: str, process: asyncio.subprocess.Process | forked.Forked | None = None) -> None:
        super().__init__(words)
        self._process = process

    async def killed(self) -> bool:
        """Whether somebody killed it."""
        with contextlib.suppress(TimeoutError):
            if self._process is not None:
                return await asyncio.wait_for(self._process.wait(), STOP) == -signal.SIGKILL
        return False


class Worker:
    """A judge process; one request at a time."""

    def __init__(
        self, folder: TaskFolder, limits: Limits, isolation: Isolation, settings: Sandbox, scratch: str
    ) -> None:
        self.folder, self.limits, self.isolation, self.settings = folder, limits, isolation, settings
        self.scratch = scratch
        self.process: asyncio.subprocess.Process | forked.Forked | None = None
        self._starting: asyncio.Task[None] | None = None
        self._said = b""

    async def start(self) -> None:
        """Start the judge. Where this is cancelled it starts all the same, for `close` to find it whole. Raises JudgeDied."""
        self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        if spare := forked.take():
            self.process, mine, output = spare, spare.channel, spare.output
        else:
            mine, output = await self._launch()
        said = asyncio.StreamReader()
        self._output, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), os.fdopen(output, "rb", 0)
        )
        self._log = asyncio.create_task(self._listen(said))
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

    async def _launch(self) -> tuple[socket.socket, int]:
        """Start a judge; our end of the channel to it, and of the pipe that it prints to."""
        mine, its = socket.socketpair()
        output, writing = os.pipe()
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "genopt_tui.evaluate.judge", str(its.fileno()),
                pass_fds=[its.fileno()], cwd=self.folder.path, env=environment(),
                stdin=asyncio.subprocess.DEVNULL, stdout=writing, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        finally:
            its.close()
            os.close(writing)
        return mine, output

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def run(self, rollout: Rollout, answer: Answer) -> dict[str, Any]:
        """The judge's answer to a rollout. Raises JudgeDied, and what `answer` raises beside UsageError."""
        await self._send({"op": "run", "rollout": messages.plain_rollout(rollout)})
        deadline = time.monotonic() + self.limits.seconds + GRACE
        while True:
            message = await self._receive(deadline - time.monotonic())
            if message["op"] != "ask":
                return message
            asked = time.monotonic()
            await self._send(await _answered(answer, LlmQuestion(**message["question"])))
            deadline += time.monotonic() - asked

    async def examples(self, split: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The judge's answer to a question for examples. Raises JudgeDied."""
        await self._send({"op": "examples", "split": split, "settings": dict(settings)})
        return await self._receive(None)

    async def cancel(self) -> bool:
        """Stop the rollout under way; whether the judge can be used further."""
        try:
            await self._send({"op": "cancel"})
            end = time.monotonic() + STOP
            while (await self._receive(end - time.monotonic()))["op"] == "ask":
                pass
        except JudgeDied:
            return False
        return self.alive

    async def close(self) -> None:
        """End the judge with all below it."""
        if self._starting:
            await asyncio.gather(self._starting, return_exceptions=True)
        if self.process is None:
            return
        self._writer.close()
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()
        await asyncio.wait({self._log}, timeout=STOP)  # its pipe ends with the last of its children
        self._log.cancel()
        self._output.close()

    def _signal(self, number: int) -> None:
        """Signal the judge; not through its process object, which would take the exit code away from who waits for it."""
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
            raise JudgeDied(await self.last_words(), self.process) from error

    async def _receive(self, seconds: float | None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                message: dict[str, Any] = unpack(await self._reader.readexactly(size))
                return message
        except TimeoutError as error:
            raise JudgeDied("the task's own code did not end") from error
        except (asyncio.IncompleteReadError, OSError, WireError) as error:
            raise JudgeDied(await self.last_words(), self.process) from error

    async def last_words(self) -> str:
        """What a judge that died printed last; it may arrive a moment after its end."""
        await asyncio.wait([self._log], timeout=WORDS)
        text = self._said.decode("utf-8", "replace").strip()
        return "the judge process died" + (f": {text}" if text else "")

    async def _listen(self, said: asyncio.StreamReader) -> None:
        """Keep the end of what the judge prints; it never reaches a terminal."""
        while data := await said.read(65536):
            self._said = (self._said + data)[-SAID:]


async def _answered(answer: Answer, question: LlmQuestion) -> dict[str, str]:
    """The answer, or what the artifact asked wrongly. Whatever else keeps the answer away is not its fault, and is raised."""
    try:
        return {"op": "answer", "text": await answer(question), "error": ""}
    except UsageError as error:
        return {"op": "answer", "text": "", "error": f"no answer from the model: {error}"[:500]}


def environment() -> dict[str, str]:
    """The judge's environment: the runner's, one thread per worker, our package importable."""
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
    return dict(os.environ) | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": path}
