"""Judge and player on one core while they talk all the time (Linux): a call there and back then
costs 10 µs instead of 30 µs.

Between two looks both are let go for a moment, so that the kernel moves them to another core when
that one is free.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Set
from pathlib import Path

UPDATE_INTERVAL, MAX_INTERVAL = (
    0.1,
    1.6,
)  # seconds between two looks: while they talk, and at most while they do not
BUSY_CALLS = 20  # between two looks from which on they talk all the time
RELEASE_SECONDS = 0.002  # seconds


class AffinityController:
    """Watches over one rollout. `calls` tells how often the player was called, `pidfd` is the
    player's."""

    def __init__(self, calls: Callable[[], int], pidfd: int) -> None:
        self._get_calls, self._pidfd, self._judge = (
            calls,
            pidfd,
            threading.main_thread().native_id or 0,
        )
        self._player = 0  # its process id as seen here, once it is needed
        self._cores: Set[int] = set()
        self._seen_calls, self._wait, self._due = (
            0,
            UPDATE_INTERVAL,
            time.monotonic() + UPDATE_INTERVAL,
        )
        self._shared = False

    def get_seconds_until_update(self) -> float:
        """Seconds until the next look."""
        return max(self._due - time.monotonic(), 0)

    def update(self) -> None:
        """Bring both together, or let them go, when it is time for it."""
        if time.monotonic() < self._due:
            return
        calls = self._get_calls()
        talking, self._seen_calls = calls - self._seen_calls >= BUSY_CALLS, calls
        self._wait = UPDATE_INTERVAL if talking else min(self._wait * 2, MAX_INTERVAL)
        self.release()
        if talking:
            time.sleep(RELEASE_SECONDS)
            self._player = self._player or find_host_pid(self._pidfd)
            self._cores = self._cores or os.sched_getaffinity(0)
            self._shared = self._set_affinity({get_last_core(self._judge)})
        self._due = time.monotonic() + self._wait

    def release(self) -> None:
        """Let both run wherever the kernel likes."""
        if self._shared:
            self._shared = not self._set_affinity(self._cores)

    def _set_affinity(self, cores: Set[int]) -> bool:
        if not self._player:
            return False
        os.sched_setaffinity(self._judge, cores)
        with contextlib.suppress(OSError):  # the player may be gone
            os.sched_setaffinity(self._player, cores)
        return True


def has_multiple_cores() -> bool:
    """Whether there is a choice of cores."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1


def find_host_pid(pidfd: int) -> int:
    """The process id of a player as this process sees it (in its namespace it has another); 0 when
    it cannot be known."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text("ascii").splitlines():
            if line.startswith("Pid:"):
                return int(line[4:])
    return 0


def get_last_core(thread: int) -> int:
    """The core on which a thread of this process ran last."""
    return int(
        Path(f"/proc/self/task/{thread}/stat").read_text("ascii").rpartition(")")[2].split()[36]
    )
