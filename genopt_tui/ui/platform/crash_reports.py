"""Reports of our own errors: where they happened, without values of variables, so that a report can
be passed on."""

import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

MAX_BYTES = 200_000
"""Bytes after which a file of reports begins anew."""


def format_report(error: BaseException) -> str:
    """Files, lines and types of the error and its causes. Messages may hold values and are left
    out."""
    parts = []
    at: BaseException | None = error
    while at is not None:
        frames = "".join(traceback.format_list(traceback.extract_tb(at.__traceback__)))
        parts.append(f"{frames}{type(at).__module__}.{type(at).__qualname__}\n")
        at = at.__cause__ or at.__context__
    return "raised from\n".join(reversed(parts)) if len(parts) > 1 else parts[0]


def save_report(report: str, folder: Path) -> Path:
    """Append a report to the folder's `crash.txt` and return its path. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "crash.txt"
    begun = "a" if file.exists() and file.stat().st_size < MAX_BYTES else "w"
    with file.open(begun, encoding="utf-8") as out:
        out.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')}\n{report}\n")
    file.chmod(0o600)
    return file


def install_thread_hook(report: Callable[[BaseException], object]) -> None:
    """Call `report` with the exception that ends a thread; the rest of the application goes on."""

    def ended(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            report(arguments.exc_value)

    threading.excepthook = ended
