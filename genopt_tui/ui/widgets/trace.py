"""The steps of a rollout, of any number: only what is visible is asked for."""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence

from textual.cache import LRUCache
from textual.message import Message
from textual.timer import Timer

from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.messages import TraceWanted
from genopt_tui.ui.snapshot import TracePiece, TraceSource
from genopt_tui.ui.widgets.lines import Line, plain
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.offload import offload
from genopt_tui.ui.widgets.values import step_details, step_line
from genopt_tui.ui.widgets.view import LineView

KEPT = 4096
"""Steps held in memory."""
BLOCK = 1024
"""Steps asked for at once while looking through a trace."""
Test = Callable[[TraceStep], bool]


def eventful(step: TraceStep) -> bool:
    """Whether something happened at this step: a reward, or an error of a call."""
    return bool(step.reward) or any(call.error for call in step.calls)


class TraceLines:
    """Rows of a trace: a step each, and the details of those that are open.

    Lives on the interface's loop alone. `kept` are the step numbers that a filter left (None: all).
    """

    def __init__(self, source: TraceSource | None) -> None:
        self.source = source
        self.steps = source.steps if source else 0
        self.known: LRUCache[int, TraceStep] = LRUCache(KEPT)
        self.kept: array[int] | None = None
        self.opened: dict[int, list[Line]] = {}
        self._number_width = len(str(max(self.steps - 1, 0)))

    def __len__(self) -> int:
        return self._positions() + sum(len(lines) for lines in self.opened.values())

    def _positions(self) -> int:
        return self.steps if self.kept is None else len(self.kept)

    def step_at(self, position: int) -> int:
        return position if self.kept is None else self.kept[position]

    def position_of(self, step: int) -> int:
        """Where `step` (or the first one after it) stands among the steps that are shown."""
        if self.kept is None:
            return max(0, min(step, self.steps - 1))
        return min(bisect_left(self.kept, step), max(0, len(self.kept) - 1))

    def where(self, y: int) -> tuple[int, int]:
        """(step, detail) of row `y`; detail -1 is the step itself."""
        before = 0
        for step in sorted(self.opened):
            row = self.position_of(step) + before
            if y <= row:
                break
            if y <= row + len(self.opened[step]):
                return step, y - row - 1
            before += len(self.opened[step])
        return self.step_at(y - before), -1

    def row_of(self, step: int) -> int:
        position = self.position_of(step)
        at = self.step_at(position) if self._positions() else 0
        return position + sum(len(lines) for other, lines in self.opened.items() if other < at)

    def draft(self, y: int) -> Line:
        number, detail = self.where(y)
        if detail >= 0:
            return self._dimmed(number, ((" " * (self._number_width + 4), ""), *self.opened[number][detail]))
        step = self.known.get(number)
        mark = MARKS.open if number in self.opened else MARKS.folded
        label = (f"{mark} {number:>{self._number_width}} ", "gutter")
        if step is None:
            return (label, (MARKS.dots, "dim"))
        return self._dimmed(number, (label, *step_line(step)))

    def _dimmed(self, number: int, line: Line) -> Line:
        shown = self.source.shown if self.source else None
        if shown is None or any(first <= number <= last for first, last in shown):
            return line
        return tuple((text, f"{look} dim") for text, look in line)

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        return None

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        """Unused: the view looks through the steps themselves, which have to be asked for."""
        return None


class TraceView(LineView):
    """Steps of one trace. Asks with `TraceWanted`; the answer comes through `receive`."""

    class Scanning(Message):
        """Looking through the trace: `done` of `total` steps; `done == total` when it ended, `found` the step or None."""

        def __init__(self, done: int, total: int, found: int | None = None) -> None:
            self.done, self.total, self.found = done, total, found
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        self.trace = TraceLines(None)
        super().__init__(self.trace, id=id)
        self._asked: tuple[int, int] | None = None
        self._waiting: dict[int, asyncio.Future[Sequence[TraceStep]]] = {}
        self._player: Timer | None = None

    # content

    def show(self, source: TraceSource | None) -> None:
        """Show another trace, or the same with another horizon."""
        old = self.trace.source
        if source is not None and old is not None and (source.rollout, source.steps) == (old.rollout, old.steps):
            self.trace.source = source
            self._strips.clear()
            self.refresh()
            return
        self._cancel_scan()
        self.stop()
        self.trace = TraceLines(source)
        self._asked = None
        self.set_source(self.trace)

    def receive(self, piece: TracePiece) -> None:
        """Steps that were asked for."""
        if self.trace.source is None or piece.rollout != self.trace.source.rollout:
            return
        waiting = self._waiting.pop(piece.first, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(piece.steps)
        if self._asked is not None and self._asked[0] == piece.first:
            self._asked = None
            for step in piece.steps:
                self.trace.known[step.index] = step
            self._strips.clear()
            self.refresh()
            if piece.steps:
                self._want()
            self.post_message(self.Moved(self, self.cursor))

    @property
    def step(self) -> int:
        """Number of the step under the cursor."""
        return self.trace.where(self.cursor)[0] if len(self.trace) else 0

    @property
    def current(self) -> TraceStep | None:
        """The step under the cursor, when it has arrived."""
        return self.trace.known.get(self.step)

    def go_to(self, step: int) -> None:
        """Put the cursor on a step."""
        self.stop()
        self.go(self.trace.row_of(step))

    def _want(self) -> None:
        source = self.trace.source
        if source is None or not self.is_mounted or not len(self.trace):
            return
        height, top = max(1, self.size.height), int(self.scroll_offset.y)
        rows = range(top, min(len(self.trace), top + height))
        lacking = [s for s in (self.trace.where(y)[0] for y in rows) if s not in self.trace.known]
        if not lacking:
            return
        first = lacking[0]
        count = min(lacking[-1] + 1 + height, first + KEPT // 2, source.steps) - first
        if self._asked is None or not (self._asked[0] <= first and first + count <= sum(self._asked) + height):
            self._asked = (first, count)
            self.post_message(TraceWanted(source.rollout, first, count))

    # opening a step

    def act_open(self) -> None:
        """Show or hide what was observed and called at the step."""
        number = self.step
        if self.trace.opened.pop(number, None) is None:
            step = self.trace.known.get(number)
            if step is None:
                return
            self.trace.opened[number] = [tuple(line) for line in step_details(step)]
        self._strips.clear()
        self.lines_changed()
        self.go(self.trace.row_of(number))

    # step by step, and playing

    def act_step_on(self) -> None:
        self.stop()
        self._step(1)

    def act_step_back(self) -> None:
        self.stop()
        self._step(-1)

    def _step(self, by: int) -> bool:
        position = self.trace.position_of(self.step) + by
        if not 0 <= position < (self.trace.steps if self.trace.kept is None else len(self.trace.kept)):
            return False
        self.go(self.trace.row_of(self.trace.step_at(position)))
        return True

    @property
    def playing(self) -> bool:
        return self._player is not None

    def act_toggle(self) -> None:
        """Play 30 steps a second, or stop."""
        if self._player is not None:
            self.stop()
        elif len(self.trace):
            self._player = self.set_interval(1 / 30, self._tick)

    def stop(self) -> None:
        """Stop playing."""
        if self._player is not None:
            self._player.stop()
            self._player = None

    def _tick(self) -> None:
        if self.trace.known.get(self.step) is not None and not self._step(1):
            self.stop()

    def _move(self, by: int) -> None:
        self.stop()
        super()._move(by)

    def _page(self, pages: int) -> None:
        self.stop()
        super()._page(pages)

    # looking through the trace

    def act_next(self) -> None:
        """To the next reward or error."""
        self.seek(eventful, 1)

    def act_prev(self) -> None:
        self.seek(eventful, -1)

    def _again(self, step: int, here: bool = False) -> None:
        if self.needle:
            self.seek(holding(self.needle), step, here=here)

    def seek(self, test: Test, direction: int, *, here: bool = False) -> None:
        """Go to the next step in `direction` that passes `test`, around the end."""
        self.stop()
        if len(self.trace):
            self._cancel_scan()
            self.run_worker(self._seek_step(test, direction, self.step + (0 if here else direction)), group="scan")

    def filter(self, test: Test | None) -> None:
        """Show only steps that pass `test`; None: all of them."""
        self._cancel_scan()
        if test is None:
            self._keep(None)
        elif self.trace.steps:
            self.run_worker(self._filter(test), group="scan")

    def _cancel_scan(self) -> None:
        self._search += 1
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(())
        self._waiting.clear()

    async def _block(self, first: int, count: int) -> Sequence[TraceStep]:
        """Steps from wherever they are."""
        held = [self.trace.known.get(n) for n in range(first, first + count)]
        steps = [step for step in held if step is not None]
        if len(steps) == count or self.trace.source is None:
            return steps
        waiting: asyncio.Future[Sequence[TraceStep]] = asyncio.get_running_loop().create_future()
        self._waiting[first] = waiting
        self.post_message(TraceWanted(self.trace.source.rollout, first, count))
        return await waiting

    async def _seek_step(self, test: Test, direction: int, start: int) -> None:
        search, total, done = self._search, self.trace.steps, 0
        start %= total
        while done < total and search == self._search:
            if direction > 0:
                first, last = start, min(start + BLOCK, total, start + total - done)
            else:
                first, last = max(0, start + 1 - min(BLOCK, total - done)), start + 1
            steps = await self._block(first, last - first)
            if search != self._search:
                return
            found = await offload(_first, steps, test, direction)
            done += last - first
            if found is not None:
                self.post_message(self.Scanning(total, total, found))
                self.go(self.trace.row_of(found))
                return
            self.post_message(self.Scanning(done, total))
            start = last % total if direction > 0 else (first - 1) % total

    async def _filter(self, test: Test) -> None:
        search, total, kept = self._search, self.trace.steps, array("Q")
        for first in range(0, total, BLOCK):
            steps = await self._block(first, min(BLOCK, total - first))
            if search != self._search:
                return
            kept.extend(await offload(_passing, steps, test))
            self.post_message(self.Scanning(min(first + BLOCK, total), total))
        if search == self._search:
            self._keep(kept)

    def _keep(self, kept: "array[int] | None") -> None:
        step = self.step
        self.trace.kept = kept
        self.trace.opened.clear()
        self._strips.clear()
        self.lines_changed()
        self.go(self.trace.row_of(step))

    def on_unmount(self) -> None:
        self._cancel_scan()


def holding(needle: str) -> Test:
    """Whether a step's line or details hold `needle`."""
    fold = needle == needle.lower()

    def test(step: TraceStep) -> bool:
        for line in (tuple(step_line(step)), *step_details(step)):
            text = plain(line)
            if needle in (text.lower() if fold else text):
                return True
        return False

    return test


def _first(steps: Sequence[TraceStep], test: Test, direction: int) -> int | None:
    return next((step.index for step in (steps if direction > 0 else reversed(steps)) if test(step)), None)


def _passing(steps: Sequence[TraceStep], test: Test) -> list[int]:
    return [step.index for step in steps if test(step)]
