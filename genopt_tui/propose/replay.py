"""Replaying recorded replies, and recording them.

A recording is JSON lines, one complete reply each: base (tree id of the base artifact, empty for
answers to artifacts), model, messages, reply, usage, finish_reason, seconds, cost.
"""

import asyncio
import fcntl
import json
import os
from collections import Counter as Multiset
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Any

from genopt_tui.errors import ProposerPause, UsageError
from genopt_tui.propose.base import (
    Delta,
    FailedTry,
    Finish,
    Notice,
    Proposer,
    ReplyRequest,
    StreamEvent,
    TokenCounter,
)

PIECE_INTERVAL = 0.03  # seconds between two pieces of a reply that is told at a pace


class ReplayProposer(Proposer):
    """Replies of a recording: the k-th request for one base gets the k-th reply recorded for it.

    `pace` is characters a second; 0 tells a reply at once. The replies cost nothing now. Raises
    UsageError when the file
    is no recording.
    """

    def __init__(self, file: Path, pace: float = 0.0) -> None:
        self._file, self._pace = file, pace
        self._served_counts: Multiset[str] = Multiset()
        self._replies: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for line in read_recording(file):
            self._replies[line["base"] or hash_messages(line["messages"])].append(line)
        models = sorted({str(line["model"]) for lines in self._replies.values() for line in lines})
        self.name = f"{', '.join(models) or file.stem} (recorded)"

    async def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        line = self._next_reply(request)
        if request.base_tree and list(line["messages"]) != [dict(m) for m in request.messages]:
            yield Notice("the recorded reply was given to another prompt for this version")
        async for piece in self._stream_text(line["reply"]):
            yield Delta(piece)
        yield Finish(line.get("finish_reason") or "stop", line.get("usage"), 0.0)

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        return 0.0

    def _next_reply(self, request: ReplyRequest) -> Mapping[str, Any]:
        key = request.base_tree or hash_messages(request.messages)
        number = max(self._served_counts[key], request.replies_so_far)
        self._served_counts[key] = number + 1
        replies = self._replies.get(key, [])
        if number < len(replies):
            return replies[number]
        self._served_counts[key] = number
        had = f"only {len(replies)} for it" if replies else "none for it"
        raise ProposerPause(
            "the recording no longer fits",
            f"this version needs a reply, and {self._file.name} holds {had}",
            "Go on with `genopt set model=search` (no key needed), or with a model: `genopt set model=NAME`",
        )

    async def _stream_text(self, text: str) -> AsyncIterator[str]:
        if not self._pace:
            yield text
            return
        size = max(1, round(self._pace * PIECE_INTERVAL))
        for start in range(0, len(text), size):
            yield text[start : start + size]
            await asyncio.sleep(PIECE_INTERVAL)


class RecordingProposer(Proposer):
    """Another proposer whose complete replies are appended to a file."""

    def __init__(self, proposer: Proposer, file: Path) -> None:
        self._proposer, self._file, self.name = proposer, file, proposer.name

    async def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        text = ""
        async with aclosing(self._proposer.stream(request)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Delta):
                    text += event.text
                elif isinstance(event, FailedTry):
                    text = ""
                elif isinstance(event, Finish):
                    await asyncio.to_thread(
                        append_line, self._file, self._make_line(request, text, event)
                    )
                yield event

    def _make_line(self, request: ReplyRequest, text: str, finish: Finish) -> dict[str, Any]:
        return {
            "base": request.base_tree,
            "model": self.name,
            "messages": [dict(m) for m in request.messages],
            "reply": text,
            "usage": finish.usage and dict(finish.usage),
            "finish_reason": finish.finish_reason,
            "seconds": round(finish.seconds, 3),
            "cost": finish.cost,
        }

    async def warm_up(self) -> None:
        await self._proposer.warm_up()

    async def get_counter(self) -> TokenCounter:
        return await self._proposer.get_counter()

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        return await self._proposer.estimate_price(input_tokens, output_tokens)

    async def close(self) -> None:
        await self._proposer.close()

    def supply(self, text: str, candidate: int | None = None) -> None:
        self._proposer.supply(text, candidate)


def hash_messages(messages: Any) -> str:
    """Identity of a prompt."""
    return sha256(json.dumps([dict(m) for m in messages], sort_keys=True).encode()).hexdigest()


def read_recording(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a recording; one that was cut off while it was written is left out. Raises
    UsageError."""
    try:
        data = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the recording {file.name}", str(error)) from error
    for number, line in enumerate(data.split("\n")[:-1], 1):
        try:
            entry = json.loads(line)
            if not all(
                isinstance(entry[k], kind)
                for k, kind in (("base", str), ("reply", str), ("messages", list))
            ):
                raise TypeError("base, reply or messages is of another kind")
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{file.name} line {number} is no recorded reply", str(error)
            ) from error
        yield {"model": file.stem, **entry}


def append_line(file: Path, line: Mapping[str, Any]) -> None:
    """Append one line, whole or not at all; it is on the disk when this returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        _truncate_partial_line(out)
        out.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        out.flush()
        os.fsync(out.fileno())


def _truncate_partial_line(file: Any) -> None:
    """Cut off what a writer that was killed left behind the last whole line."""
    end = file.seek(0, os.SEEK_END)
    place = end
    while place:
        start = max(0, place - 65536)
        file.seek(start)
        if (found := file.read(place - start).rfind(b"\n")) >= 0:
            place = start + found + 1
            break
        place = start
    if place < end:
        file.truncate(place)
