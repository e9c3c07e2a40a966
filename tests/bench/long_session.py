"""A very long session on the screen: `python tests/bench/long_session.py [--steps 10000]
[--branches 50] [--keep FOLDER]`.

Makes the session as tests/bench/history.py does (some minutes; FOLDER is made once and used again)
and measures

open     process start to first content in a pty, against the same of a session with a start alone,
         alternating: medians and ratio;
         goal 2
load     how long the interface takes to read the whole history, and its loop's longest turn
         meanwhile
scroll   the whole history by pages, from end to end and back, then by lines, with folding,
         filtering and jumping: the loop's
         longest turn, by the clock and in processor time of its thread; goal 50 ms
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from asyncio.events import Handle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import history
from test_first_content import seconds_until

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session import places
from genopt_tui.session.history.record import DecisionRecord, Record
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import utc_timestamp
from genopt_tui.session.summary import head_summary

ROUNDS = 10
OURS = "import sys; from pathlib import Path; from genopt_tui.ui.app import run_app; sys.exit(run_app(Path(sys.argv[1])))"
OPEN_GOAL, TURN_GOAL = 2.0, 50.0


class Turns:
    """How long each callback of the loop took, in milliseconds by the clock and of its thread's
    processor time."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    @contextmanager
    def counted(self) -> Iterator[None]:
        plain = Handle._run

        def run(handle: Handle) -> None:
            began, used = perf_counter(), thread_time()
            plain(handle)
            self.cpu.append((thread_time() - used) * 1000)
            self.wall.append((perf_counter() - began) * 1000)

        Handle._run = run  # type: ignore[method-assign]
        try:
            yield
        finally:
            Handle._run = plain  # type: ignore[method-assign]

    def told(self) -> str:
        over = sum(1 for ms in self.wall if ms > TURN_GOAL)
        return (
            f"longest turn {max(self.wall):6.1f} ms, {max(self.cpu):6.1f} ms of processor time; "
            f"{over} of {len(self.wall)} turns over {TURN_GOAL:.0f} ms"
        )


def make_long(folder: Path, steps: int, branches: int) -> Path:
    """The long session in `folder`, made unless it is there."""
    if not (folder / "long").exists():
        bench = history.Bench(folder, tiny=True)
        asyncio.run(bench.grow(steps, branches))
        bench.repository.pack()
        bench.repository.close()
        bench.event_log.close()
    return folder / "long"


def make_empty(folder: Path) -> Path:
    """A session of the same task that holds its start alone."""
    path = folder / "empty"
    shutil.rmtree(path, ignore_errors=True)
    choices = DesignChoices.model_validate({"task": {"name": str(folder / "tiny")}})
    record = Record(at=utc_timestamp(), task="tiny", decision=DecisionRecord(decision="start"))
    Repository.create(path, {"answer.py": history.START}, to_toml(choices), record).close()
    return path


def measure_open(long: Path, empty: Path) -> None:
    def opened(session: Path) -> tuple[float, float]:
        subject = head_summary(session).subject.encode()[:12]
        return seconds_until(
            [sys.executable, "-c", OURS, str(session)], [subject, b"a line between"]
        )

    opened(long), opened(empty)
    rounds = [(opened(long), opened(empty)) for _ in range(ROUNDS)]
    for name, i in (("by the clock", 0), ("processor time", 1)):
        mine, floor = median(a[i] for a, _ in rounds), median(b[i] for _, b in rounds)
        print(
            f"open, {name:15} {mine * 1000:6.0f} ms, empty {floor * 1000:.0f} ms, ratio {mine / floor:.2f} (goal {OPEN_GOAL:g})"
        )


async def measure_screen(session: Path) -> None:
    from genopt_tui.ui.app import GenoptApp

    app = GenoptApp(session)
    began = perf_counter()
    loading = Turns()
    async with app.run_test(size=(160, 45)) as pilot:
        with loading.counted():
            while (
                app.main is None
                or not app.main.snapshot.loaded
                or app.main.snapshot.unread_versions
            ):
                await asyncio.sleep(0.005)
            whole = perf_counter() - began
            await pilot.pause(0.5)
        main = app.main
        rows = len(main.snapshot.rows)
        print(f"load    {rows} rows in {whole:.2f} s; {loading.told()}")
        await pilot.press("1", "g")
        view = main.history_pane.row_list
        for name, keys in (
            ("down by pages", ["pagedown"] * (rows // max(1, view.size.height - 1) + 2)),
            ("up by pages", ["pageup"] * (rows // max(1, view.size.height - 1) + 2)),
            ("by lines", ["j"] * 200),
            ("end and top", ["G", "g"] * 10),
            ("fold and unfold", ["space"] * 6),
        ):
            await scrolled(pilot, name, keys)
        turns = Turns()
        with turns.counted():
            for _ in range(rows // 60):
                view.scroll_relative(y=60, animate=False, force=True)
                await pilot.pause()
        print(f"scroll  {'by the wheel':16} {turns.told()}")


async def scrolled(pilot: Any, name: str, keys: list[str]) -> None:
    """Press the keys one after the other, each drawn before the next."""
    turns = Turns()
    with turns.counted():
        for key in keys:
            await pilot.press(key)
        await pilot.pause(0.3)
    print(f"scroll  {name:16} {turns.told()}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--branches", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="Folder for the session, which stays.")
    parser.add_argument("--only", choices=["open", "screen"])
    wanted = parser.parse_args()
    folder = wanted.keep or Path(tempfile.mkdtemp())
    os.environ.setdefault("GENOPT_HOME", str(folder / "home"))
    long, empty = make_long(folder, wanted.steps, wanted.branches), make_empty(folder)
    places.register(long)
    if wanted.only != "screen":
        measure_open(long, empty)
    if wanted.only != "open":
        asyncio.run(measure_screen(long))
    if not wanted.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
