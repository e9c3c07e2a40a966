"""The one place where a failed try is tried again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

from genopt_tui.config import Retry
from genopt_tui.errors import ProposerPause
from genopt_tui.propose.base import Delta, FailedTry, Finish, RequestCost, StreamEvent
from genopt_tui.propose.redaction import StreamRedactor, redact


class TryError(Exception):
    """One try failed. `again`: whether another may help; `after`: seconds the provider asks to
    wait."""

    def __init__(
        self,
        error: str,
        cost: RequestCost,
        *,
        is_retryable: bool = True,
        retry_after: float | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(error)
        self.error, self.cost, self.is_retryable, self.retry_after, self.advice = (
            error,
            cost,
            is_retryable,
            retry_after,
            advice,
        )


StreamFactory = Callable[[], AsyncIterator[StreamEvent]]


async def stream_with_retry(
    open_stream: StreamFactory, retry: Retry, name: str
) -> AsyncIterator[StreamEvent]:
    """The events of `once()`, started again after a `TryError` as `retry` says; keys of the
    environment are taken out.

    Raises ProposerPause when no try is left, or none would help.
    """
    for number in range(1, retry.tries + 1):
        began, scrubber, text = time.monotonic(), StreamRedactor(), ""
        try:
            async with aclosing(_redact_stream(open_stream(), scrubber)) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Delta):
                        text += event.text
                    elif isinstance(event, Finish):
                        event = replace(event, seconds=time.monotonic() - began)
                    yield event
            return
        except TryError as caught:
            fault = caught
        if rest := scrubber.flush():
            text += rest
            yield Delta(rest)
        error, spent, wait = redact(fault.error), fault.cost, compute_backoff(fault, number, retry)
        yield FailedTry(
            text, error, spent.usage, spent.cost, spent.estimated, time.monotonic() - began, wait
        )
        if wait is None:
            raise ProposerPause(
                f"{name} gave no reply", _describe_failure(error, number), fault.advice
            )
        await asyncio.sleep(wait)


async def _redact_stream(
    said: AsyncIterator[StreamEvent], scrubber: StreamRedactor
) -> AsyncIterator[StreamEvent]:
    async with aclosing(said) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, Delta):
                if piece := scrubber.feed(event.text):
                    yield Delta(piece)
                continue
            if isinstance(event, Finish) and (rest := scrubber.flush()):
                yield Delta(rest)
            yield event


def compute_backoff(fault: TryError, number: int, retry: Retry) -> float | None:
    """Seconds to wait after try `number` failed; None when no further try is made.

    Doubles from `retry.base` to `retry.cap` with jitter, and never less than what the provider asks
    for; a provider that
    asks for more than a whole request may take is not waited for.
    """
    if (
        not fault.is_retryable
        or number >= retry.tries
        or (fault.retry_after or 0.0) > retry.timeout
    ):
        return None
    backoff = min(retry.cap, retry.base * 2.0 ** (number - 1)) * random.uniform(0.5, 1.0)
    return max(backoff, fault.retry_after or 0.0)


def _describe_failure(error: str, tries: int) -> str:
    return error if tries == 1 else f"{error} (try {tries})"
