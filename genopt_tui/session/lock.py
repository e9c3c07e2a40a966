"""The lock of a session: who holds it may write, and a live runner holds it."""

import fcntl
import os
import time
from pathlib import Path

from genopt_tui.errors import SessionError

LOCK_TIMEOUT = 0.2  # seconds; `runner_pid` takes the lock for a moment to try it


def lock_path(session: Path) -> Path:
    return session / ".genopt" / "lock"


def runner_pid(session: Path) -> int | None:
    """Process id of the live runner, or None. The lock decides, not the file's content."""
    try:
        with lock_path(session).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().decode("ascii", "replace").split()
                return int(text[0]) if text and text[0].isdigit() else 0
            return None
    except FileNotFoundError:
        return None


class SessionLock:
    """The right to write refs, index and work tree of a session: one holder at a time.

    Raises SessionError when another process holds it. Released by `release`, or when the process
    ends.
    """

    def __init__(self, session: Path) -> None:
        lock_path(session).parent.mkdir(mode=0o700, exist_ok=True)
        self._file = lock_path(session).open("a+b")
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not self._try_acquire():
            if time.monotonic() > deadline:
                self._file.close()
                raise SessionError(
                    f"{session.name} is being run by another process",
                    advice="`genopt status` names it",
                )
            time.sleep(0.01)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n".encode())
        self._file.flush()

    def _try_acquire(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        self._file.close()

    def __enter__(self) -> "SessionLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
