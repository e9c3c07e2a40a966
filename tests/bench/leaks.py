"""What STEPS steps with visits to every screen leave behind: `python tests/bench/leaks.py`; about
three minutes.

The steps are made by the loop's own machine in a process of its own; the application watches, and
after every EVERY steps all of its
screens and panes are visited. Widgets, file descriptors and resident memory after the first rounds
and after the last:
no more of either, and at most 5 MB. With GENOPT_SLOW=10 the handlers that take longer than 10 ms
are told as well.
"""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "ui")]
from history import Bench  # type: ignore[import-not-found]  # noqa: E402
from rounds import files, resident, visits, widgets  # type: ignore[import-not-found]  # noqa: E402

from genopt_tui.ui.app import GenoptApp  # noqa: E402
from genopt_tui.ui.platform import responsiveness  # noqa: E402
from genopt_tui.ui.state import poller  # noqa: E402

STEPS, EVERY, WARM = 1_000, 50, 4


def make(folder: Path) -> None:
    """Make as many steps as each line of standard input says, and answer when they are done."""
    bench = Bench(folder, True)
    print(bench.path, flush=True)

    async def walk() -> None:
        for line in sys.stdin:
            for _ in range(int(line)):
                await bench.step(counted=False)
            print("done", flush=True)

    asyncio.run(walk())


async def watch(folder: Path) -> None:
    maker = subprocess.Popen(
        [sys.executable, __file__, "--make", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert maker.stdin and maker.stdout
    app = GenoptApp(Path(maker.stdout.readline().strip()))
    slowest: dict[str, float] = {}
    ended = responsiveness.report_slow_handlers(
        float(os.environ.get("GENOPT_SLOW", "1e9")),
        lambda what, ms: slowest.update({what: max(ms, slowest.get(what, 0))}),
    )
    async with app.run_test(size=(160, 45)) as pilot:
        held = []
        for number in range(1, STEPS // EVERY + 1):
            print(EVERY, file=maker.stdin, flush=True)
            await asyncio.to_thread(maker.stdout.readline)
            while (
                app.main is None
                or app.main.snapshot.progress.step < number * EVERY
                or not app.main.snapshot.loaded
            ):
                await pilot.pause(0.05)
            await visits(pilot)
            app.clear_notifications()
            await pilot.pause()
            held.append((widgets(app), files(), resident()))
            print(
                f"  {number * EVERY:>5} steps: {held[-1][0]} widgets, {held[-1][1]} files, {held[-1][2]:.0f} MB",
                flush=True,
            )
        first, last = held[WARM - 1], held[-1]
        print(
            f"leaks   widgets {last[0] - first[0]:+d}, files {last[1] - first[1]:+d}  (at most 0), memory {last[2] - first[2]:+.1f} MB  (at most 5)"
        )
        for what, ms in sorted(slowest.items(), key=lambda pair: -pair[1]):
            print(f"slow    {what} {ms:.0f} ms")
    ended()
    maker.stdin.close()
    maker.wait()


if __name__ == "__main__":
    if "--make" in sys.argv:
        make(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["GENOPT_HOME"] = scratch
            os.environ["TEXTUAL_ANIMATIONS"] = "none"
            poller.ensure_runner = lambda session: None
            gc.set_threshold(1_000, 10, 10)
            asyncio.run(watch(Path(scratch)))
