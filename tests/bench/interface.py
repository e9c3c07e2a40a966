"""The application against a minimal Textual application, both in ptys, side by side: `python
tests/bench/interface.py [PART...]`.

memory   resident megabytes, settled: a session without steps, and one of 1,000 steps (at most 1.6
         and 2.5 times the bare application's)
idle     processor time while nothing happens, percent of one core (at most 0.5)
key      from a key to the first byte on the screen, medians of KEYS by turns, ratios within rounds
         (at most 1.5): with 100,000 log lines on the
         screen above a 2,000-line diff; in that diff; while four workers compute and a reply
         streams in
watch    from an event in the journal to the screen of a second application on the same session (at
         most 500 ms)
leave    from the last key to the end of the process, with a reply streaming in (at most 500 ms)

All parts take about two minutes; parts may be named.
"""

import asyncio
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from multiprocessing import Process
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "ui")]
from history import Bench  # type: ignore[import-not-found]  # noqa: E402
from sample import NEXT, Stage, make_session  # type: ignore[import-not-found]  # noqa: E402

from genopt_tui.session.journal import Journal  # noqa: E402

SETTLED = 0.2  # seconds in which all that a key changes is drawn
KEYS, ROUNDS, LOG_LINES, DIFF_LINES, STEPS, WORKERS = 12, 10, 100_000, 2_000, 1_000, 4
OURS = "import sys; from pathlib import Path; from genopt_tui.ui.app import run_app; sys.exit(run_app(Path(sys.argv[1])))"
BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Static
class Bare(App):
    BINDINGS = [("j", "count(1)", "on"), ("k", "count(-1)", "back")]
    number = 0
    def compose(self):
        yield Header()
        yield Static("bare content", id="text")
        yield Footer()
    def action_count(self, by):
        self.number += by
        self.query_one("#text", Static).update(f"number {self.number}")
Bare().run()
"""


class Window:
    """A program in a pty of its own."""

    def __init__(self, *arguments: str) -> None:
        self._main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TMUX": ""}
        command = [sys.executable, *arguments]
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
        )
        os.close(side)

    def read(self, seconds: float) -> bytes:
        """What is written within this time; empty when nothing is."""
        if not select.select([self._main], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self._main, 1 << 16)
        except OSError:
            return b""

    def calm(self, seconds: float = 0.3) -> None:
        """Wait until nothing is written for a while."""
        while self.read(seconds):
            pass

    def until(self, wanted: bytes, seconds: float = 60.0) -> float:
        """Seconds until these bytes are written."""
        start, seen = time.perf_counter(), b""
        while wanted not in seen:
            assert time.perf_counter() - start < seconds, f"{wanted!r} never came: {seen[-500:]!r}"
            seen = seen[-100:] + self.read(1.0)
        return time.perf_counter() - start

    def press(self, key: str) -> None:
        os.write(self._main, key.encode())

    def key(self, key: str) -> float:
        """Seconds from a key to what it writes first."""
        while self.read(0.02):
            pass
        start = time.perf_counter()
        self.press(key)
        assert self.read(10.0), f"{key} writes nothing"
        return time.perf_counter() - start

    @property
    def resident(self) -> float:
        """Megabytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def used(self) -> float:
        """Seconds of processor time so far."""
        fields = (
            Path(f"/proc/{self._process.pid}/stat")
            .read_text(encoding="ascii")
            .rpartition(")")[2]
            .split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ended(self) -> float:
        """Seconds until the program has ended; what it writes meanwhile is read."""
        start = time.perf_counter()
        while self._process.poll() is None:
            self.read(0.002)
            assert time.perf_counter() - start < 20, "it does not end"
        return time.perf_counter() - start

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._main)


@contextmanager
def ours(session: Path) -> Iterator[Window]:
    """The application on a session, all of it loaded."""
    window = Window("-c", OURS, str(session))
    try:
        window.until(b"genopt " + session.name.encode())
        window.calm(1.0)
        yield window
    finally:
        window.close()


@contextmanager
def bare() -> Iterator[Window]:
    window = Window("-c", BARE)
    try:
        window.until(b"bare content")
        window.calm(1.0)
        yield window
    finally:
        window.close()


def long_session(folder: Path) -> Path:
    """A session of STEPS steps, made by the loop's own machine."""
    bench = Bench(folder, True)

    async def walk() -> None:
        for _ in range(STEPS):
            await bench.step(counted=False)

    asyncio.run(walk())
    bench.event_log.close()
    bench.repository.close()
    return Path(bench.path)


def memory(folder: Path) -> None:
    empty, long = make_session(folder / "empty"), long_session(folder / "steps")
    for name, session, most in (("without steps", empty, 1.6), (f"of {STEPS} steps", long, 2.5)):
        with ours(session) as mine, bare() as floor:
            time.sleep(2.0)
            a, b = mine.resident, floor.resident
            print(
                f"memory  a session {name}: {a:.0f} MB, bare {b:.0f} MB, ratio {a / b:.2f}  (at most {most})"
            )


def idle(folder: Path) -> None:
    session = make_session(folder)
    for name, path in (("a session", session),):
        with ours(path) as mine:
            time.sleep(2.0)
            before = mine.used
            time.sleep(10.0)
            print(f"idle    {name}: {10 * (mine.used - before):.2f} % of a core  (at most 0.5)")


def big_session(folder: Path) -> tuple[Path, Stage]:
    """A decision that waits on a diff of DIFF_LINES lines, and LOG_LINES lines in the log."""
    text = "".join(f"    value_{i} = compute(alpha, beta, {i})\n" for i in range(DIFF_LINES // 2))
    NEXT["policy.py"] = text
    session = make_session(folder)
    journal = Journal(session)
    with journal.group_commit():
        for i in range(LOG_LINES):
            journal.append_event(0, "command_done", id=i, ok=True, command="hint", why=f"line {i}")
    journal.close()
    stage = Stage(session)
    stage.to_decision()
    return session, stage


def ratios(
    mine: Window,
    floor: Window,
    name: str,
    keys: str = "jk",
    answer: Callable[[Window, str], float] = Window.key,
) -> None:
    """Both are pressed by turns, so that whatever else the machine does meets them alike."""
    mine.key(keys[0]), floor.key("j")
    found, times = [], []
    for _ in range(ROUNDS):
        pairs = [(answer(mine, keys[i % 2]), floor.key("jk"[i % 2])) for i in range(KEYS)]
        a, b = (median(seconds) for seconds in zip(*pairs, strict=True))
        found.append(a / b)
        times.append((a, b))
    a, b = (median(seconds) for seconds in zip(*times, strict=True))
    print(
        f"key     {name}: {1e3 * a:.1f} ms, bare {1e3 * b:.1f} ms, ratio {median(found):.2f}  (at most 1.5)"
    )


def work(until: float) -> None:
    """A worker: computes, as niced as the pool's are."""
    os.nice(10)
    while time.time() < until:
        sum(range(10_000))


def say(session: Path, step: int, until: float) -> None:
    """A model whose reply comes in pieces, 20 a second."""
    journal = Journal(session)
    number = 0
    while time.time() < until:
        number += 1
        journal.add_chunk(
            step, 0, 0, f"The paddle **lags** in case {number}, because `predict` is late.\n\n"
        )
        time.sleep(0.05)
    journal.close()


@contextmanager
def together(*jobs: Process) -> Iterator[None]:
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        for job in jobs:
            job.kill()
            job.join()


def key(folder: Path) -> None:
    session, stage = big_session(folder / "big")
    with ours(session) as mine, bare() as floor:
        mine.press("5")
        mine.calm()
        ratios(mine, floor, f"in a {DIFF_LINES}-line diff")
        mine.press("@")
        mine.calm(1.5)
        mine.press("k")
        mine.calm()
        ratios(mine, floor, f"in {LOG_LINES} lines of log above that diff", "kj")
    stage.close()
    live = make_session(folder / "live")
    with Stage(live) as stage:
        stage.start()
        stage.roll_out()
        stage.ask()
        with ours(live) as mine, bare() as floor:
            mine.press("1")
            mine.calm()
            until = time.time() + 300
            jobs = [Process(target=work, args=(until,)) for _ in range(WORKERS)]
            with together(*jobs, Process(target=say, args=(live, stage.step, until))):
                time.sleep(1.0)
                mine.press("3")
                mine.press("1")
                ratios(
                    mine,
                    floor,
                    f"with {WORKERS} workers and a streaming reply",
                    answer=until_marked,
                )


def until_marked(mine: Window, key: str) -> float:
    """Seconds from a key in History to the first row that it draws.

    While a reply streams in, the screen is written to all the time: the row is known by the score
    in it, which the reply does not hold.
    """
    settled = time.perf_counter() + SETTLED
    while (left := settled - time.perf_counter()) > 0:
        mine.read(left)  # what the key before drew last, beneath the rows, holds a score too
    start = time.perf_counter()
    mine.press(key)
    mine.until(b"n10", 10.0)
    return time.perf_counter() - start


def watch(folder: Path) -> None:
    session = make_session(folder)
    with Stage(session) as stage, ours(session) as first, ours(session) as second:
        times = []
        for _ in range(ROUNDS):
            stage.start(), stage.roll_out(), stage.ask(), stage.reply(), stage.gate()
            first.calm(), second.calm()
            stage.want()
            times.append(
                second.until(b"approve")
            )  # stands in the last line once a decision is wanted
            stage.event("step_ended", outcome="rejected", counts={})
            stage.step += 1
        print(
            f"watch   seen by the second after {1e3 * median(times):.0f} ms, at most {1e3 * max(times):.0f}  (at most 500)"
        )


def leave(folder: Path) -> None:
    times = []
    session = make_session(folder)
    with Stage(session) as stage:
        stage.start()
        stage.roll_out()
        stage.ask()
        for _ in range(ROUNDS):
            with (
                together(Process(target=say, args=(session, stage.step, time.time() + 60))),
                ours_live(session) as mine,
            ):
                mine.press("q")
                mine.until(b"keep running")
                mine.press("r")
                times.append(mine.ended())
    print(f"leave   {1e3 * median(times):.0f} ms, at most {1e3 * max(times):.0f}  (at most 500)")


@contextmanager
def ours_live(session: Path) -> Iterator[Window]:
    """The application on a session whose screen does not rest."""
    window = Window("-c", OURS, str(session))
    try:
        window.until(b"genopt " + session.name.encode() + b": running")
        yield window
    finally:
        window.close()


PARTS: dict[str, Callable[[Path], None]] = {
    "memory": memory,
    "idle": idle,
    "key": key,
    "watch": watch,
    "leave": leave,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["GENOPT_HOME"] = scratch
            (Path(scratch) / part).mkdir()
            PARTS[part](Path(scratch) / part)
