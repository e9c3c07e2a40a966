"""Process start to first content in a pty: the application on a session against a minimal Textual
application, same run."""

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path
from statistics import median
from time import perf_counter

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session.history.record import DecisionRecord, Record, Scores
from genopt_tui.session.history.repository import Repository

ROUNDS = 10
AT_MOST = 1.5
BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Static
class Bare(App):
    def compose(self):
        yield Header()
        yield Static("bare_content")
        yield Footer()
Bare().run()
"""
OURS = "import sys; from pathlib import Path; from genopt_tui.ui.app import run_app; sys.exit(run_app(Path(sys.argv[1])))"


def seconds_until(arguments: list[str], wanted: list[bytes]) -> tuple[float, float]:
    """Seconds, by the clock and of processor time, from the start of the process until `wanted` has
    reached its terminal."""
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # installed packages are compiled, and so should ours be
    start = perf_counter()
    process = subprocess.Popen(
        arguments, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
    )
    os.close(side)
    seen = b""
    try:
        while not all(part in seen for part in wanted):
            ready, _, _ = select.select([main], [], [], 20)
            assert ready, f"nothing more is written; so far {seen[-300:]!r}"
            seen += os.read(main, 65536)
        seconds = perf_counter() - start
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        _, process.returncode, used = os.wait4(process.pid, 0)
        os.close(main)
    return seconds, used.ru_utime + used.ru_stime


def make_session(path: Path) -> None:
    text = "".join(f"def function_{i}(first_content):\n    return {i}\n\n\n" for i in range(60))
    scores = Scores(mean=77.25, stderr=0.8, n=10)
    record = Record(task="atari/pong", decision=DecisionRecord(decision="start"), scores=scores)
    Repository.create(
        path, {"policy.py": text}, to_toml(DesignChoices(start="blank")), record
    ).close()


def test_first_content(tmp_path: Path) -> None:
    session = tmp_path / "bench"
    make_session(session)
    ours = [sys.executable, "-c", OURS, str(session)]
    bare = [sys.executable, "-c", BARE]
    wanted = [b"77.2", b"first_content"]
    seconds_until(ours, wanted), seconds_until(bare, [b"bare_content"])
    rounds = [
        (seconds_until(ours, wanted), seconds_until(bare, [b"bare_content"])) for _ in range(ROUNDS)
    ]
    for name, i in (("by the clock", 0), ("processor time", 1)):
        mine, floor = median(a[i] for a, _ in rounds), median(b[i] for _, b in rounds)
        print(
            f"first content, {name}: {mine * 1000:.0f} ms, bare {floor * 1000:.0f} ms, ratio {mine / floor:.2f}"
        )
    assert median(a[0] for a, _ in rounds) / median(b[0] for _, b in rounds) <= AT_MOST
