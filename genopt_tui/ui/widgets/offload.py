"""Work that is too long for the interface's loop."""

import asyncio
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from genopt_tui.errors import GenoptError

Result = TypeVar("Result")
EXPECTED = (GenoptError, OSError, sqlite3.Error, zlib.error, ValueError)
"""What reading a session may raise; a view says it in its own place. Anything else is a fault of ours and ends the application."""


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="genopt-view")


async def offload(work: Callable[..., Result], *arguments: object) -> Result:
    """Run `work(*arguments)` in one of the views' two threads.

    Work takes fractions of a second, or looks at a flag: the process waits for it when it ends.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool(), work, *arguments)
