"""Proposals from any program: the prompt on its standard input, the reply on its standard
output."""

import asyncio
import codecs
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.config import Retry
from genopt_tui.errors import single_line
from genopt_tui.propose.base import (
    Delta,
    Finish,
    Proposer,
    ReplyRequest,
    RequestCost,
    StreamEvent,
    format_messages,
)
from genopt_tui.propose.retry import TryError, stream_with_retry

GUARD_SCRIPT = Path(__file__).with_name("guard.py")
MAX_STDERR = 4000  # bytes of standard error kept for the message
MAX_REPLY = 4 * 1024**2  # characters of a reply
MAX_NOTICE = 2000  # a quota notice is shorter, a reply that speaks of limits is longer
MAX_EQUAL_REFUSALS = 3  # the same refusal as often pauses
NOT_FOUND = 127
UNKNOWN_COST = RequestCost(estimated=False)
_QUOTA = re.compile(
    r"\bquota\b|(usage|rate|session|weekly|hourly|daily|monthly) limit|limit (reached|exceeded)|too many requests"
    r"|out of credits|insufficient (credit|balance|funds)|not logged in|please (log|sign) ?in",
    re.IGNORECASE,
)
_EDIT = re.compile(r"^\s*(<{5,}|```|~~~|--- |\+\+\+ |@@ )", re.MULTILINE)


class CommandProposer(Proposer):
    """A program with its arguments, run in an empty folder of its own, without a shell. What it
    costs is unknown.

    A notice about quota, or the same refusal three times, pauses with its text.
    """

    def __init__(self, command: Sequence[str], retry: Retry) -> None:
        self._command, self._retry = list(command), retry
        self.name = f"command:{Path(command[0]).name}"
        self._last_refusal, self._equal_refusals = "", 0

    def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        return stream_with_retry(lambda: self._stream_once(request), self._retry, self.name)

    async def _stream_once(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        text = ""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry.timeout
        async with _run_program(self._command, format_messages(request.messages)) as program:
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            while len(text) < MAX_REPLY:
                piece, ended = await _read_output(
                    program.process, decoder, deadline, self._retry.timeout
                )
                text += piece
                if piece:
                    yield Delta(piece)
                if ended:
                    break
            else:
                yield Finish("length")
                return
            code = await program.process.wait()
            errors = await program.errors
        self._check_reply(code, text, errors, proposal=bool(request.base_tree))
        yield Finish()

    def _check_reply(self, code: int, text: str, errors: str, *, proposal: bool) -> None:
        """Raise a TryError for what is no reply. A reply without an edit is one, until it comes the
        third time."""
        if code == NOT_FOUND:
            raise TryError(
                single_line(errors),
                UNKNOWN_COST,
                is_retryable=False,
                advice="Install it, or name its whole path",
            )
        if code == 0 and (not proposal or _EDIT.search(text)):
            self._last_refusal, self._equal_refusals = "", 0
            return
        said = single_line(errors if code and errors else text)
        why = f"exit code {code}: {said}" if code else said
        if len(text) < MAX_NOTICE and _QUOTA.search(f"{text}\n{errors}"):
            raise TryError(
                why,
                UNKNOWN_COST,
                is_retryable=False,
                advice="Resume when the program answers again, or set another model",
            )
        if self._is_repeated(why):
            raise TryError(
                f"{why} ({MAX_EQUAL_REFUSALS} times)",
                UNKNOWN_COST,
                is_retryable=False,
                advice="Try the program by hand, then resume",
            )
        if code:
            raise TryError(why, UNKNOWN_COST, advice="Try the program by hand, then resume")

    def _is_repeated(self, refusal: str) -> bool:
        """Whether this refusal came as often as `ALIKE` in a row, figures aside."""
        plain = re.sub(r"\d+", "", refusal)
        self._equal_refusals = self._equal_refusals + 1 if plain == self._last_refusal else 1
        self._last_refusal = plain
        if self._equal_refusals < MAX_EQUAL_REFUSALS:
            return False
        self._last_refusal, self._equal_refusals = "", 0
        return True


@dataclass(frozen=True)
class _Program:
    process: asyncio.subprocess.Process
    errors: "asyncio.Task[str]"


@contextlib.asynccontextmanager
async def _run_program(command: Sequence[str], prompt: str) -> AsyncIterator[_Program]:
    """The program under its guard, with the prompt as input. At the end nothing of it runs, and its
    folder is gone."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="genopt-", ignore_cleanup_errors=True) as folder:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(GUARD_SCRIPT), str(reading), *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[reading],
                cwd=folder,
                start_new_session=True,
            )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        feeding = asyncio.create_task(_write_prompt(process, prompt))
        errors = asyncio.create_task(_read_stderr(process))
        try:
            yield _Program(process, errors)
        finally:
            os.close(writing)  # the guard kills what still runs
            await asyncio.shield(asyncio.gather(process.wait(), feeding, errors))


async def _read_output(
    process: asyncio.subprocess.Process,
    decoder: codecs.IncrementalDecoder,
    deadline: float,
    limit: float,
) -> tuple[str, bool]:
    """The next piece of output, and whether it was the last."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout_at(deadline):
            data = await process.stdout.read(65536)
    except TimeoutError:
        raise TryError(
            f"no complete reply in {limit:g} s", UNKNOWN_COST, advice="Resume to try again"
        ) from None
    return decoder.decode(data, final=not data), not data


async def _write_prompt(process: asyncio.subprocess.Process, prompt: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(
        BrokenPipeError, ConnectionResetError
    ):  # a program may answer without reading
        process.stdin.write(prompt.encode("utf-8", "replace"))
        await process.stdin.drain()
    process.stdin.close()


async def _read_stderr(process: asyncio.subprocess.Process) -> str:
    """The last of what the program wrote on its standard error."""
    assert process.stderr is not None
    kept = b""
    while data := await process.stderr.read(65536):
        kept = (kept + data)[-MAX_STDERR:]
    return kept.decode("utf-8", "replace")
