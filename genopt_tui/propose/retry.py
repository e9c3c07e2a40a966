"""The one place where a failed try is tried again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

from genopt_tui.config import Retry
from genopt_tui.errors import ProposerPause
from genopt_tui.propose.base import Broken, Delta, Finish, Said, Spent
from genopt_tui.propose.secrets import Scrubber, scrub


class Fault(Exception):
    """One try failed. `again`: whether another may help; `after`: seconds the provider asks to wait."""

    def __init__(
        self, error: str, spent: Spent, *, again: bool = True, after: float | None = None, advice: str = ""
    ) -> None:
        super().__init__(error)
        self.error, self.spent, self.again, self.after, self.advice = error, spent, again, after, advice


Once = Callable[[], AsyncIterator[Said]]


async def retried(once: Once, retry: Retry, name: str) -> AsyncIterator[Said]:
    """The events of `once()`, started again after a `Fault` as `retry` says; keys of the environment are taken out.

    Raises ProposerPause when no try is left, or none would help.
    """
    for number in range(1, retry.tries + 1):
        began, scrubber, text = time.monotonic(), Scrubber(), ""
        try:
            async with aclosing(_scrubbed(once(), scrubber)) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Delta):
                        text += event.text
                    elif isinstance(event, Finish):
                        event = replace(event, seconds=time.monotonic() - began)
                    yield event
            return
        except Fault as caught:
            fault = caught
        if rest := scrubber.rest():
            text += rest
            yield Delta(rest)
        error, spent, wait = scrub(fault.error), fault.spent, wait_after(fault, number, retry)
        yield Broken(text, error, spent.usage, spent.cost, spent.estimated, time.monotonic() - began, wait)
        if wait is None:
            raise ProposerPause(f"{name} gave no reply", _why(error, number), fault.advice)
        await asyncio.sleep(wait)


async def _scrubbed(said: AsyncIterator[Said], scrubber: Scrubber) -> AsyncIterator[Said]:
    async with aclosing(said) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, Delta):
                if piece := scrubber.feed(event.text):
                    yield Delta(piece)
                continue
            if isinstance(event, Finish) and (rest := scrubber.rest()):
                yield Delta(rest)
            yield event


def wait_after(fault: Fault, number: int, retry: Retry) -> float | None:
    """Seconds to wait after try `number` failed; None when no further try is made.

    Doubles from `retry.base` to `retry.cap` with jitter, and never less than what the provider asks for; a provider that
    asks for more than a whole request may take is not waited for.
    """
    if not fault.again or number >= retry.tries or (fault.after or 0.0) > retry.timeout:
        return None
    backoff = min(retry.cap, retry.base * 2.0 ** (number - 1)) * random.uniform(0.5, 1.0)
    return max(backoff, fault.after or 0.0)


def _why(error: str, tries: int) -> str:
    return error if tries == 1 else f"{error} (try {tries})"
