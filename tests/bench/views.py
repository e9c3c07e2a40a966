"""What the views of lines cost: `python tests/bench/views.py`. Milliseconds; medians of REPEATS
where not said otherwise.

page      one page of a trace of 1,000,000 steps, from the key to the rows (real chunks, read and
          decoded in a thread)
diff      a change of 5,000 lines: from `show` to its first screenful of finished rows, and to the
          first rows at all
key       processor time of a key in a view with a 5,000-line diff, drawn, over the same in a bare
          application
stream    a reply of 200,000 characters in pieces of 40: the longest piece of work on the loop, and
          all of it (processor time)
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time, thread_time
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Header, Static

sys.path.insert(0, str(Path(__file__).parent.parent / "ui"))
from scene import Host, settle, snapshot, step, visible_lines  # type: ignore[import-not-found]

from genopt_tui.task.rollout import TraceChunk, TraceStep
from genopt_tui.task.trace import CHUNK_STEPS, TraceReader, encode
from genopt_tui.ui.messages import TraceRequested
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.platform import responsiveness
from genopt_tui.ui.state.snapshot import TraceSlice, TraceSource
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.stream_view import StreamView

REPEATS, STEPS, LINES, SIZE = 10, 1_000_000, 5_000, (160, 50)


class Reading(Host):  # type: ignore[misc]
    """Reads chunks in a thread of its own, as the store does."""

    def __init__(self) -> None:
        super().__init__(TracePane(), snapshot(traces=(TraceSource(1, "seed-1", 0, STEPS),)))
        blob = encode([step(i) for i in range(CHUNK_STEPS)]).blob
        self.reader = TraceReader(
            STEPS,
            lambda first, n: [TraceChunk(first // CHUNK_STEPS * CHUNK_STEPS, CHUNK_STEPS, blob)],
        )
        self.pool = ThreadPoolExecutor(1)

    def on_trace_wanted(self, message: TraceRequested) -> None:
        def read() -> None:
            steps: list[TraceStep] = self.reader.read_steps(message.first, message.count)
            self.call_later(self.widget.receive, TraceSlice(message.rollout, message.first, steps))

        self.pool.submit(read)

    def on_picture_wanted(self) -> None:
        """This trace has no pictures."""


async def page() -> tuple[list[float], list[float]]:
    host = Reading()
    async with host.run_test(size=SIZE) as pilot:
        await settle(pilot)
        responsiveness.freeze_loaded_objects()  # as the application does once all is loaded
        view, times, work = host.widget.view, [], []
        for jump in range(200):
            start, before = perf_counter(), process_time()
            if jump % 20 == 0:
                view.go(jump * 4999)
            view.act_page_down()
            top = int(view.scroll_offset.y)
            while any(y not in view.trace.known for y in range(top, top + view.size.height)):
                await asyncio.sleep(0.0005)
            visible_lines(view)
            times.append(perf_counter() - start)
            work.append(process_time() - before)
            await pilot.pause()
        host.pool.shutdown()
    return times, work


def change() -> tuple[dict[str, str], dict[str, str]]:
    old = "".join(f"    value_{i} = compute(alpha, beta, {i})\n" for i in range(LINES))
    return {"big.py": old}, {"big.py": old.replace("alpha", "gamma")}


async def diff() -> tuple[float, float, float]:
    view = DiffView()
    host = Host(view)
    old, new = change()
    async with host.run_test(size=SIZE) as pilot:
        await settle(pilot)
        start, before = perf_counter(), process_time()
        view.show(old, new)
        while not view.ready:
            await asyncio.sleep(0.0005)
        visible_lines(view)
        first = perf_counter() - start
        while view._find_missing():
            await asyncio.sleep(0.0005)
        visible_lines(view)
        return first, perf_counter() - start, process_time() - before


class Bare(App[None]):
    """The least there is: it redraws one line at a key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("j", "count", "count")]
    count = 0

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("0", id="text")
        yield Footer()

    def action_count(self) -> None:
        self.count += 1
        self.query_one("#text", Static).update(str(self.count))


class Keyed(Host):  # type: ignore[misc]
    """A diff whose cursor moves at a key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("j", "down", "down")]

    def action_down(self) -> None:
        self.widget.act_down()


async def keys(app: App[None], prepare: bool) -> float:
    """Processor time of a key, drawn: Pilot's own waiting is not counted."""
    async with app.run_test(size=SIZE) as pilot:
        if prepare:
            app.widget.show(*change())  # type: ignore[attr-defined]
            await settle(pilot)
        await pilot.press("j")
        times = []
        for _ in range(60):
            start = thread_time()
            await pilot.press("j")
            times.append(thread_time() - start)
    return median(times)


async def stream() -> tuple[float, float]:
    view = StreamView()
    text = ("The paddle **lags** because `predict` is late. " * 8 + "\n- item\n\n") * 500
    longest = total = 0.0
    async with Host(view).run_test(size=SIZE) as pilot:
        draw = view._draw

        def timed() -> None:
            nonlocal longest, total
            start = thread_time()
            draw()
            longest, total = max(longest, thread_time() - start), total + thread_time() - start

        view._draw = timed  # type: ignore[method-assign]
        for at in range(0, 200_000, 40):
            view.append(text[at : at + 40])
            if at % 2000 == 0:
                await asyncio.sleep(0.005)
        await settle(pilot)
    return longest, total


async def main() -> None:
    times, work = await page()
    print(
        f"page    median {1e3 * median(times):.1f}  p95 {1e3 * quantiles(times, n=20)[18]:.1f}  (at most 16)"
    )
    print(
        f"        processor time: median {1e3 * median(work):.1f}  p95 {1e3 * quantiles(work, n=20)[18]:.1f}"
    )
    runs = [await diff() for _ in range(REPEATS)]
    rows, finished, spent = (1e3 * median(r[i] for r in runs) for i in range(3))
    print(
        f"diff    rows {rows:.0f}  finished {finished:.0f}  (at most 100)  processor time {spent:.0f}"
    )
    ratios = []
    for _ in range(3):
        bare, ours = await keys(Bare(), False), await keys(Keyed(DiffView()), True)
        ratios.append(ours / bare)
    print(f"key     {1e3 * ours:.1f} over {1e3 * bare:.1f}: {median(ratios):.2f}x  (at most 1.5x)")
    longest, total = await stream()
    print(f"stream  longest {1e3 * longest:.1f}  all {1e3 * total:.0f}  (longest at most 10)")


if __name__ == "__main__":
    asyncio.run(main())
