"""When memory is looked through for garbage: not while a person pages or types, where a full look
is felt as a stutter.

A switch for developers: which handlers keep the interface's loop longer than they may.

`GENOPT_SLOW=10 genopt open ...` writes every handler of a message or timer that takes more than 10
ms of processor time to
the session's ui.log, by the widget and the message. Of handlers that wait in between, what comes
after the last wait is measured.
"""

import asyncio
import gc
import os
from collections.abc import Callable
from time import monotonic, thread_time
from typing import Any

from textual.message import Message
from textual.message_pump import MessagePump

GC_THRESHOLDS = (1_000, 10, 1_000)
"""Allocations between two looks at young objects, and how many of those go before a look at older
ones."""
COLLECT_INTERVAL, IDLE_SECONDS = 5.0, 2.0
"""Seconds between two thoughts about a full look, and without a key before one is taken."""


def freeze_loaded_objects() -> None:
    """Once all is loaded: what is there now stays, and need not be looked at again. Full looks are
    taken by `when_quiet` from here on."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def make_idle_collector(key_time: Callable[[], float]) -> Callable[[], None]:
    """What is to be called every EVERY seconds: a full look after enough was allocated, while no
    key is pressed."""

    def look() -> None:
        if gc.get_count()[1] and monotonic() - key_time() > IDLE_SECONDS:
            gc.collect()

    return look


Report = Callable[[str, float], None]
"""Told of what took how many milliseconds."""
EXEMPT_MESSAGES = frozenset(
    {
        "Compose",
        "Mount",
        "Layout",
        "Resize",
        "Show",
        "UpdateScroll",
        "Load",
        "Ready",
        "ScreenResume",
    }
)
"""Messages whose handling mounts widgets or lays them out; a screen that comes up is styled and
laid out by Textual."""


def write_to_log(what: str, milliseconds: float) -> None:
    """File descriptor 2 is the session's log while the application runs (`sys.stderr` is Textual's
    then)."""
    os.write(2, f"slow: {what} {milliseconds:.0f} ms\n".encode("utf-8", "replace"))


def report_slow_handlers(limit: float, report: Report = write_to_log) -> Callable[[], None]:
    """Report handlers that take more than `limit` milliseconds from now on; the result ends it."""
    run: Any = asyncio.Handle._run
    dispatch: Any = MessagePump._dispatch_message
    left = [0.0]  # when the piece of work under way began to be somebody else's

    def counted(self: asyncio.Handle) -> None:
        left[0] = thread_time()
        run(self)

    async def dispatched(self: MessagePump, message: Message) -> None:
        start = thread_time()
        await dispatch(self, message)
        spent = 1e3 * (thread_time() - max(start, left[0]))
        if spent > limit and type(message).__name__ not in EXEMPT_MESSAGES:
            report(f"{type(self).__name__} {type(message).__name__}", spent)

    def put(handle_run: Any, pump_dispatch: Any) -> None:
        for owner, name, value in (
            (asyncio.Handle, "_run", handle_run),
            (MessagePump, "_dispatch_message", pump_dispatch),
        ):
            setattr(owner, name, value)

    put(counted, dispatched)
    return lambda: put(run, dispatch)
