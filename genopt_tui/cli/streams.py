"""The standard streams of a command. Standard library only: `main` calls this first."""

import contextlib
import os
import sys
from typing import TextIO


def prepare_standard_streams() -> None:
    """Make the streams usable wherever the command runs: closed, or in another encoding than UTF-8.

    A closed stream becomes the null device, so that no other file gets its number. What a stream
    cannot encode is written as an escape, such as `\\u6f22`.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: fd
    # Python leaves a stream None if its descriptor was closed at the start.
    sys.stdin = sys.stdin or os.fdopen(0, "r", encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        # tests replace the streams by others, which have no such method
        if getattr(stream, "errors", "") == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Drop what is still buffered for standard output, and everything printed from now on."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: the stream has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def can_encode_any_text(stream: TextIO) -> bool:
    """Whether a stream takes all of Unicode. A stream without an encoding is in memory."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return encoding.lower().replace("_", "-") in {"utf-8", "utf8"}


def write_bytes(data: bytes) -> None:
    """Write to standard output as it is, whatever its encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
