"""Proposals by a person: the prompt lies in a file, the reply is given by a command."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from genopt_tui.errors import UsageError
from genopt_tui.propose.base import (
    Delta,
    Finish,
    Notice,
    Proposer,
    ReplyRequest,
    StreamEvent,
    format_messages,
)


class ManualProposer(Proposer):
    """You are the model. `folder` is the session's `.genopt`; waits without limit for `supply`."""

    name = "manual"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[int, asyncio.Future[str]] = {}

    async def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        path = self._folder / f"prompt-{request.step}.{request.candidate}.{request.attempt}.md"
        path.write_text(format_messages(request.messages) + "\n", encoding="utf-8")
        reply = self._waiting[request.candidate] = asyncio.get_running_loop().create_future()
        try:
            yield Notice("the prompt is written: give the reply", path)
            text = await reply
        finally:
            self._waiting.pop(request.candidate, None)
        yield Delta(text)
        yield Finish()

    def supply(self, text: str, candidate: int | None = None) -> None:
        """Give the reply that is waited for. Raises UsageError when none is, or several are and
        none is named."""
        if candidate is None and len(self._waiting) == 1:
            candidate = next(iter(self._waiting))
        if candidate not in self._waiting:
            waiting = ", ".join(map(str, sorted(self._waiting))) or "none"
            raise UsageError("no such reply is waited for", f"candidates that wait: {waiting}")
        self._waiting.pop(candidate).set_result(text)
