"""The terminal around the application: who may write to it, and what ends it."""

import asyncio
import errno
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, TextIO

from genopt_tui.errors import UsageError

if TYPE_CHECKING:
    from textual.app import App

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
EXIT_GRACE = 2.0  # seconds in which the application may end by itself after its terminal is gone


def require_terminal() -> None:
    """Raises UsageError unless a person can see and type here: elsewhere the application would
    hang."""
    if not (
        sys.__stdin__ and sys.__stdin__.isatty() and sys.__stdout__ and sys.__stdout__.isatty()
    ):
        raise UsageError(
            "this is not a terminal", advice="Use --plain, or `genopt run` and `genopt status`"
        )
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError("this terminal cannot move its cursor (TERM=dumb)", advice="Use --plain")


def ignore_size_variables() -> None:
    """Let no COLUMNS or LINES of a shell or another tool stand in for the terminal's own size: they
    follow no resize."""
    size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    if size.columns and size.lines:  # a serial line knows neither
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)


def wrap_for_tmux(sequence: str) -> str:
    """A control sequence as it reaches the terminal outside of tmux, where there is one."""
    if not os.environ.get("TMUX"):
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


@contextmanager
def guard_terminal(log: Path | None) -> Iterator[None]:
    """Let nothing but the application write to the terminal: file descriptor 2 goes to `log` (None:
    nowhere) meanwhile.

    The application draws on a copy of standard output (it takes it from `sys.__stderr__`).
    """
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    kept, before, before_name = os.dup(2), sys.__stderr__, sys.stderr
    screen = open(os.dup(1), "w", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below, after the guard ends
    sys.stderr.flush()
    os.dup2(target, 2)
    os.close(target)
    sys.__stderr__ = screen  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__, sys.stderr = before, before_name  # type: ignore[misc]
        os.dup2(kept, 2)
        os.close(kept)
        _close_screen(screen)


def _close_screen(screen: TextIO) -> None:
    """Close the copy. A terminal that is gone takes nothing more, and nobody is there to be
    told."""
    try:
        screen.close()
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def handle_end_signals(end: Callable[[int], None]) -> None:
    """Call `end(signal)` on the running loop when the process is told to end, so that the screen is
    restored."""
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        loop.add_signal_handler(number, end, number)


def watch_for_loss(end: Callable[[int], None]) -> None:
    """Call `end(SIGHUP)` when the terminal is gone and no signal said so: reading what is left of
    it would never end."""
    Thread(target=_wait_for_loss, args=(asyncio.get_running_loop(), end), daemon=True).start()


def _wait_for_loss(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    poll = select.poll()
    poll.register(0, 0)
    if not any(event & select.POLLHUP for _, event in poll.poll()):
        return
    _detach_streams()
    loop.call_soon_threadsafe(end, signal.SIGHUP)
    sleep(EXIT_GRACE)
    os._exit(128 + signal.SIGHUP)  # the loop waits for the terminal to take what it wrote, for ever


def _detach_streams() -> None:
    """Point what reads and writes the terminal nowhere: each would fail in its own way, and the
    exit code with it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def handle_stop_signals(app: "App[int]") -> None:
    """Give the terminal back when the process is told to stop (ctrl+z, SIGTSTP), and take it again
    when it goes on.

    A process that was stopped outright (SIGSTOP) finds the terminal as a shell left it, and takes
    it again as well.
    """
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        with app.suspend():
            os.kill(os.getpid(), signal.SIGSTOP)

    def go_on() -> None:
        nonlocal stopped
        if not stopped:
            with app.suspend():
                pass
        stopped = False

    loop.add_signal_handler(signal.SIGTSTP, stop)
    loop.add_signal_handler(signal.SIGCONT, go_on)


@contextmanager
def lend_terminal() -> Iterator[None]:
    """While a program of the person has the terminal, ctrl+z stops this process with it."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
