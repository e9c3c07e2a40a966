"""A real terminal for visits: a tmux server of its own, and waiting for what the application says
of itself."""

import contextlib
import fcntl
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tests import tiny

PATIENCE = 60.0  # seconds that a visit waits for something that takes one or two
MODEL = '''
"""A model: reads LEVEL in the prompt and proposes LEVEL + 1."""
import re, sys
prompt = sys.stdin.read()
level = float(re.search(r"LEVEL = ([0-9.]+)", prompt).group(1))
print(f"Raise the level to {level + 1}.\\n\\nanswer.py\\n<<<<<<< SEARCH\\nLEVEL = {level}\\n=======\\nLEVEL = {level + 1}\\n>>>>>>> REPLACE")
for word in [w for w in sys.argv[1:] if re.search(rf"^def value\\({w}\\):", prompt, re.M)]:
    print(f"answer.py\\n<<<<<<< SEARCH\\ndef value({word}):\\n=======\\ndef value({word}: float):\\n>>>>>>> REPLACE")
'''


def make_task(folder: Path) -> tuple[Path, str]:
    """A small task and a model for it: the task's folder and the model's name."""
    task = tiny.write(folder)
    model = folder / "model.py"
    model.write_text(MODEL)
    return task, f"command:{sys.executable} {model}"


def genopt(*arguments: str) -> str:
    """What a `genopt` command prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "genopt_tui", *arguments], capture_output=True, text=True, check=True
    )
    return ended.stdout


class Client:
    """A pty in which a tmux client runs; what it was shown is in `text`."""

    def __init__(self, command: list[str], width: int, height: int) -> None:
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
        )
        os.close(side)
        os.set_blocking(self._main, False)
        self._seen = b""

    @property
    def text(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            while piece := os.read(self._main, 65536):
                self._seen += piece
        return self._seen.decode("utf-8", "replace")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._main)


class Terminal:
    """One window of a tmux server that nobody else uses."""

    def __init__(self, folder: Path, width: int, height: int, name: str = "tmux") -> None:
        self._socket = str(folder / name)
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "PS1": "$ ",
            "LC_ALL": "C.UTF-8",
            "TMUX": "",
        }
        command = ["new-session", "-d", "-s", "visit", "-x", str(width), "-y", str(height), "sh"]
        subprocess.run(
            ["tmux", "-S", self._socket, "-f", os.devnull, *command], env=environment, check=True
        )

    def _tmux(self, *arguments: str) -> str:
        ended = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=True
        )
        return ended.stdout

    def close(self) -> None:
        self._tmux("kill-server")

    def run(self, *arguments: str) -> None:
        """Type a `genopt` command at the shell's prompt."""
        self.command(sys.executable, "-m", "genopt_tui", *arguments)

    def command(self, *words: str) -> None:
        """Type a command at the shell's prompt."""
        self.say(shlex.join(words))

    def say(self, line: str) -> None:
        """Type a line and send it."""
        self.type(line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "visit", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "visit", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "visit", "-x", str(width), "-y", str(height))

    def attached(self, width: int, height: int) -> "Client":
        """A further client of this window, as a person who comes back from elsewhere."""
        return Client(["tmux", "-S", self._socket, "attach", "-t", "visit"], width, height)

    def _ask(self, format_: str) -> str:
        return self._tmux("display-message", "-p", "-t", "visit", format_).strip()

    @property
    def given_back(self) -> bool:
        """Whether the terminal is as a shell wants it: its own screen, a cursor, no mouse, lines
        and echo."""
        flags = self._ask(
            "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_all_flag} #{bracket_paste_flag}"
        )
        side = os.open(self._ask("#{pane_tty}"), os.O_RDWR | os.O_NOCTTY)
        modes = termios.tcgetattr(side)
        os.close(side)
        return flags.split()[:3] == ["0", "1", "0"] and bool(modes[3] & termios.ECHO) == bool(
            modes[3] & termios.ICANON
        )

    @property
    def size(self) -> tuple[int, int]:
        width, height = self._ask("#{window_width} #{window_height}").split()
        return int(width), int(height)

    @property
    def application(self) -> int | None:
        """Process id of the program that the shell runs; None when it runs none."""
        shell = int(self._ask("#{pane_pid}"))
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()
        return int(children[0]) if children else None

    @property
    def state(self) -> str:
        """What the kernel says of the program that the shell runs: S sleeping, R running, T
        stopped."""
        return (
            Path(f"/proc/{self.application}/stat")
            .read_text(encoding="utf-8")
            .rpartition(")")[2]
            .split()[0]
        )

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "visit")

    @property
    def title(self) -> str:
        return self._tmux("display-message", "-p", "-t", "visit", "#{pane_title}").strip()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (
                f"never came: {what}; title {self.title!r}\n{self.text}"
            )
            time.sleep(0.02)

    def shows(self, text: str) -> None:
        self.until(lambda: text in self.text, text)

    def called(self, title: str) -> None:
        """Wait until the application says so in the window's title."""
        self.until(lambda: self.title == title, title)

    def until_pressed(self, key: str, condition: Callable[[], object], what: str) -> None:
        """Press a decision's key until it counts: within half a second of a proposal it decides
        nothing."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"never came: {what}\n{self.text}"
            self.press(key)
            calm = time.monotonic() + 0.3
            while time.monotonic() < calm and not condition():
                time.sleep(0.02)
