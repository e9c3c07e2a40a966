"""Keeps the interface responsive: full garbage collections only while no key is pressed, and a log
of slow handlers for developers.

`GENOPT_SLOW=10 genopt open ...` writes to the session's ui.log every handler of a message or timer
that takes more than 10 ms of processor time, by widget and message. Of a handler that waits, the
time after its last wait counts.
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
"""Thresholds of the three generations for gc.set_threshold."""
COLLECT_INTERVAL, IDLE_SECONDS = 5.0, 2.0
"""Seconds between two tries, and without a key before a full collection."""


def freeze_loaded_objects() -> None:
    """Exempt what is loaded from collection: it stays. From now on the idle collector does full
    collections."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def make_idle_collector(key_time: Callable[[], float]) -> Callable[[], None]:
    """The function to call every COLLECT_INTERVAL seconds: a full collection after enough was
    allocated and while no key is pressed."""

    def collect() -> None:
        if gc.get_count()[1] and monotonic() - key_time() > IDLE_SECONDS:
            gc.collect()

    return collect


Report = Callable[[str, float], None]
"""Takes the name of a handler and its milliseconds."""
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
"""Messages whose handling mounts, styles or lays out widgets: that is Textual's time."""


def write_to_log(what: str, milliseconds: float) -> None:
    """File descriptor 2 is the session's log while the application runs (`sys.stderr` is Textual's
    then)."""
    os.write(2, f"slow: {what} {milliseconds:.0f} ms\n".encode("utf-8", "replace"))


def report_slow_handlers(limit: float, report: Report = write_to_log) -> Callable[[], None]:
    """Report handlers that take more than `limit` milliseconds from now on; call the result to stop."""
    run: Any = asyncio.Handle._run
    dispatch: Any = MessagePump._dispatch_message
    left = [0.0]  # thread time at which the present callback of the loop began

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
