"""Runs a program so that nothing of it outlives it or its starter: `python -I -S guard.py FD
PROGRAM ARGS...`.

FD is the reading end of a pipe whose other end the starter holds. When the program ends, or the
pipe does, everything
the program started is killed. A process of its own, because children of children find their way to
it (Linux).
"""

import contextlib
import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_FOUND, KILLED = 127, 128


def main(pipe: int, command: list[str]) -> int:
    """The exit code of `command`, or 128 + the signal that ended it."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    program = _start(command)
    for standard in (0, 1):
        os.close(standard)  # the end of the program is the end of its output
    status = None
    while status is None:
        ready, _, _ = select.select([pipe, reader], [], [])
        if pipe in ready:
            break
        os.read(reader, 4096)
        status = _reap(program)
    _kill_all(program)
    return (
        os.waitstatus_to_exitcode(status) % 256 if status is not None else KILLED + signal.SIGKILL
    )


def _start(command: list[str]) -> int:
    program = os.fork()
    if program:
        return program
    os.setsid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(NOT_FOUND)


def _reap(program: int) -> int | None:
    """The program's status once it has ended; strays that came to us are reaped on the way."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == program:
            return status
        if not pid:
            return None


def _kill_all(program: int) -> None:
    """Kill the program's group, and whatever is left of its children until none comes any more."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program, signal.SIGKILL)
    while True:
        for child in _list_children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _list_children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return []


def _prctl(option: int, value: int) -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
