"""The process that runs artifact code and answers the judge's calls. Nothing it sends is trusted.

Frames from the judge: [seed, traced, artifact] first, then [function, arguments] for each call.
Answers: [RESULT, value, calls], [FAILED, status, text, calls], or [ASK, messages, parameters],
which the judge answers with [text, error].
"""

import builtins
import contextlib
import linecache
import os
import random
import sys
from typing import Any, NoReturn

from msgpack import packb

from genopt_tui.evaluate import lockdown
from genopt_tui.evaluate.artifact_importer import ArtifactImporter, format_traceback
from genopt_tui.evaluate.call_recorder import CallRecorder
from genopt_tui.evaluate.wire import (
    MAX_FRAME,
    Channel,
    ChannelClosed,
    WireError,
    describe_excess,
    pack,
    unpack,
)

# Builtins of our own: an artifact that changes the shared ones does not change these functions.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
RESULT, FAILED, ASK = 0, 1, 2
ANSWER_FD, REQUEST_FD = 3, 4  # descriptors
WARMUP_SOURCE = (
    "import math\nclass A:\n    def __call__(self, x):\n        return x\n"
    "def act(x):\n    return A()(x)\n"
)
NO_RECORD = b"\xc0"  # msgpack's None: no calls recorded
MAX_JUDGE_FRAME = 1 << 30  # bytes; the judge is trusted


class LlmError(RuntimeError):
    """What `llm(...)` raises in an artifact when no answer came."""

    __module__ = "builtins"  # as tracebacks show it


def run_player() -> NoReturn:
    """Serve the judge until it closes the channel; the process ends here."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    channel = Channel(REQUEST_FD, ANSWER_FD, MAX_JUDGE_FRAME)
    with contextlib.suppress(ChannelClosed):
        number, traced, files = channel.receive()
        channel.send(None)  # before any code of the artifact runs
        seed_random(number)
        Player(channel, files, traced=traced).serve()
    os._exit(0)


def warm_up() -> None:
    """Run once what every rollout runs: the first write to a page of memory is slow."""
    finders = list(sys.meta_path)
    try:
        ArtifactImporter({"rehearsal.py": WARMUP_SOURCE}, {"llm": None}, None).get_function(
            "rehearsal.act"
        )({"x": [1.0, "a"]})
        unpack(pack([RESULT, {"x": 1}, None]))
        seed_random(0)
    finally:
        sys.modules.pop("rehearsal", None)
        sys.meta_path[:] = finders
        linecache.cache.pop("rehearsal.py", None)


def seed_random(number: int) -> None:
    """Seed every source of randomness that is loaded."""
    random.seed(number)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(number % 2**32)


class Player:
    def __init__(self, channel: Channel, files: dict[str, str], *, traced: bool) -> None:
        self.channel, self.files = channel, files
        self.recorder = CallRecorder() if traced else None
        self.importer = ArtifactImporter(files, {"llm": self.llm}, self.recorder)
        self._flush = sys.stdout.flush

    def serve(self) -> None:
        while True:
            function, arguments = self.channel.receive()
            answer = self._answer_call(function, arguments)
            with contextlib.suppress(
                ValueError, OSError
            ):  # the artifact closed it, or nobody reads
                self._flush()
            self.channel.send_packed(answer)

    def _answer_call(self, function: str, arguments: list[Any]) -> bytes:
        try:
            result = self.importer.get_function(function)(*arguments)
        except MemoryError as error:
            lockdown.use_spare_memory()
            return self._pack_error("memory", error)
        except BaseException as error:
            if isinstance(error, ChannelClosed):
                raise
            return self._pack_error(
                "error", error
            )  # whatever the artifact raised is the rollout's outcome
        try:
            packed = pack(result)
            if len(packed) > MAX_FRAME:
                raise WireError(describe_excess(len(packed), MAX_FRAME))
            return b"\x93\x00" + packed + self._take_calls()
        except WireError as error:
            return self._pack_failure(
                "error", f"{function} returned a value that cannot be passed to the task: {error}"
            )
        except MemoryError as error:
            lockdown.use_spare_memory()
            return self._pack_error("memory", error)
        except BaseException as error:  # noqa: BLE001  a hostile result can raise anything while it is packed
            return self._pack_error("error", error)

    def _pack_error(self, status: str, error: BaseException) -> bytes:
        return self._pack_failure(status, format_traceback(error, self.files))

    def _pack_failure(self, status: str, text: str) -> bytes:
        body: bytes = packb(status) + packb(text, unicode_errors="replace")
        return b"\x94\x01" + body + self._take_calls()

    def _take_calls(self) -> bytes:
        return self.recorder.take() if self.recorder else NO_RECORD

    def llm(self, prompt: str | list[dict[str, str]], **parameters: Any) -> str:
        """Ask the agent model; answered outside the sandbox. Raises RuntimeError when no answer
        came."""
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        self.channel.send([ASK, messages, parameters])
        text, error = self.channel.receive()
        if error:
            raise LlmError(error)
        return str(text)
