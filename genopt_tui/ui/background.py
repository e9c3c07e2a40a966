"""Work that is too long for the interface's loop: seconds go to `run_in_thread`, which never delays
the end of the application; fractions of a second go to `run_in_pool`."""

import asyncio
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Thread
from typing import TypeVar

from genopt_tui.errors import GenoptError

Result = TypeVar("Result")


async def run_in_thread(work: Callable[[], Result]) -> Result:
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

    Thread(target=run, daemon=True, name="genopt-work").start()
    return await done


EXPECTED_ERRORS = (GenoptError, OSError, sqlite3.Error, zlib.error, KeyError, ValueError)
"""What reading a session may raise; a view shows it in its own place. Anything else is an error of
ours."""


@lru_cache(maxsize=1)
def _get_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="genopt-view")


async def run_in_pool(work: Callable[..., Result], *arguments: object) -> Result:
    """Run `work(*arguments)` in one of two threads. The process waits for it when it ends."""
    return await asyncio.get_running_loop().run_in_executor(_get_pool(), work, *arguments)
