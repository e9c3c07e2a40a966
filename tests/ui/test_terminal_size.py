"""The application takes the size of its terminal, whatever the environment says of one."""

import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from struct import pack

import pytest

PATIENCE = 60.0  # seconds without a word from what says one every moment


class Window:
    """The application in a pty."""

    def __init__(self, session: Path, width: int, height: int) -> None:
        self._outer, self._inner = inner = os.openpty()
        self._size(width, height)
        called = [sys.executable, "-m", "genopt_tui", "open", str(session)]
        own = {**os.environ, "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            called,
            stdin=inner[1],
            stdout=inner[1],
            stderr=inner[1],
            env=own,
            start_new_session=True,
        )
        self._seen = b""

    def _size(self, width: int, height: int) -> None:
        ioctl(self._inner, termios.TIOCSWINSZ, pack("HHHH", height, width, 0, 0))

    def resize(self, width: int, height: int) -> None:
        self._size(width, height)
        self._process.send_signal(signal.SIGWINCH)

    def shows(self, wanted: str) -> None:
        """Wait until this is written."""
        while wanted.encode() not in self._seen:
            assert select.select([self._outer], [], [], PATIENCE)[0], (
                f"{wanted} never came: {self._seen[-2000:]!r}"
            )
            self._seen += os.read(self._outer, 65536)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._outer)
        os.close(self._inner)


@pytest.fixture
def window(session: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """A small terminal whose shell says that it is a large one."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "35")
    opened = Window(session, 50, 14)
    yield opened
    opened.close()


def test_a_size_that_a_shell_exported_does_not_stand_in_for_the_terminals_own(
    window: Window,
) -> None:
    window.shows("50x14.")
    window.resize(48, 12)
    window.shows("48x12.")
