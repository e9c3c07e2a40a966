"""The one place where a failed try is tried again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from genopt_tui.config import Retry
from genopt_tui.errors import ProposerPause
from genopt_tui.propose.base import Broken, Delta, Finish, Said
from genopt_tui.propose.secrets import scrub


class Fault(Exception):
    """One try failed. `again`: whether another try may help; `after`: seconds the provider asks to wait."""

    def __init__(
        self,
        error: str,
        *,
        again: bool = True,
        after: float | None = None,
        usage: Mapping[str, int] | None = None,
        cost: float | None = None,
        estimated: bool = False,
        advice: str = "",
    ) -> None:
        super().__init__(error)
        self.error, self.again, self.after, self.advice = error, again, after, advice
        self.usage, self.cost, self.estimated = usage, cost, estimated


Once = Callable[[], AsyncIterator[Said]]


async def retried(once: Once, retry: Retry, name: str) -> AsyncIterator[Said]:
    """The events of `once()`, started again after a `Fault` as `retry` says. Raises ProposerPause when tries are spent."""
    for number in range(1, retry.tries + 1):
        began, text, fault = time.monotonic(), "", None
        try:
            async with aclosing(once()) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Delta):
                        text += event.text
                    elif isinstance(event, Finish):
                        event = replace(event, seconds=time.monotonic() - began)
                    yield event
            return
        except Fault as caught:
            fault = caught
        error, wait = scrub(fault.error), pause_after(fault, number, retry)
        yield Broken(text, error, fault.usage, fault.cost, fault.estimated, time.monotonic() - began, wait)
        if wait is None:
            raise ProposerPause(f"{name} gave no reply", _why(error, number), fault.advice)
        await asyncio.sleep(wait)


def pause_after(fault: Fault, number: int, retry: Retry) -> float | None:
    """Seconds to wait after try `number` failed; None when no further try is made.

    Doubles from `retry.base` to `retry.cap` with jitter, and never less than what the provider asks for; a provider that
    asks for more than a whole request may take is not waited for.
    """
    if not fault.again or number >= retry.tries or (fault.after or 0.0) > retry.timeout:
        return None
    backoff = min(retry.cap, retry.base * 2.0 ** (number - 1)) * random.uniform(0.5, 1.0)
    return max(backoff, fault.after or 0.0)


def _why(error: str, tries: int) -> str:
    return error if tries == 1 else f"{error} ({tries} tries)"
