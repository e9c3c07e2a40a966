"""Reading and scoring that may take seconds, away from the interface's loop and without holding up its end."""

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


async def apart(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread of its own; the process does not wait for it when it ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def deliver(value: Result | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, fault = None, None
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - handed on to the waiting coroutine
            fault = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, value, fault)

    Thread(target=run, daemon=True, name="genopt-apart").start()
    return await done
