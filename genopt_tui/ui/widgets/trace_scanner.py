"""Scans a whole trace for steps that pass a test; steps not in memory are requested in blocks."""

import asyncio
from array import array
from collections.abc import Callable, Sequence

from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.state.snapshot import TraceSlice, TraceSource
from genopt_tui.ui.widgets.trace_lines import StepTest, TraceLines

SCAN_BLOCK = 1024
"""Steps per request."""
StepPair = tuple[TraceStep, TraceStep | None]
"""A step, and the other version's step of the same number."""


class TraceScanner:
    """Runs one scan at a time.

    `request` asks for steps, which arrive through `receive`; `report` is called with (steps done,
    all steps) after each block.
    """

    def __init__(
        self,
        request: Callable[[TraceSource, int, int], None],
        report: Callable[[int, int], None],
    ) -> None:
        self._request, self._report = request, report
        self._waiting: dict[tuple[int, int], asyncio.Future[Sequence[TraceStep]]] = {}
        self._number = 0

    def cancel(self) -> None:
        """Stop the current scan."""
        self._number += 1
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(())
        self._waiting.clear()

    def receive(self, piece: TraceSlice) -> None:
        """Take requested steps."""
        for (rollout, first), waiting in list(self._waiting.items()):
            if rollout == piece.rollout and is_answer(piece, first) and not waiting.done():
                waiting.set_result(piece.steps)
                del self._waiting[rollout, first]

    async def find_step(
        self, trace: TraceLines, test: StepTest, start: int, direction: int
    ) -> int | None:
        """The next step that passes `test`, from `start` on in `direction`, wrapping around; None
        if there is none or the scan was cancelled."""
        self.cancel()
        scan, total, done = self._number, trace.steps, 0
        start %= total
        while done < total:
            if direction > 0:
                first, last = start, min(start + SCAN_BLOCK, total, start + total - done)
            else:
                first, last = max(0, start + 1 - min(SCAN_BLOCK, total - done)), start + 1
            pairs = await self._read_pairs(trace, first, last - first)
            if scan != self._number:
                return None
            found = await run_in_pool(_find_first, pairs, test, direction)
            if scan != self._number:
                return None
            if found is not None:
                return found
            done += last - first
            self._report(done, total)
            start = last % total if direction > 0 else (first - 1) % total
        return None

    async def select_steps(self, trace: TraceLines, test: StepTest) -> "array[int] | None":
        """Numbers of all steps that pass `test`; None if the scan was cancelled."""
        self.cancel()
        scan, total, numbers = self._number, trace.steps, array("Q")
        for first in range(0, total, SCAN_BLOCK):
            pairs = await self._read_pairs(trace, first, min(SCAN_BLOCK, total - first))
            if scan != self._number:
                return None
            numbers.extend(await run_in_pool(_list_passing, pairs, test))
            self._report(min(first + SCAN_BLOCK, total), total)
        return numbers if scan == self._number else None

    async def _read_pairs(self, trace: TraceLines, first: int, count: int) -> list[StepPair]:
        source, other = trace.source, trace.other
        if source is None:
            return []
        steps = await self._read_steps(trace, source, first, count)
        others = (
            await self._read_steps(trace, other, first, min(count, other.steps - first))
            if other
            else ()
        )
        by_number = {step.index: step for step in others}
        return [(step, by_number.get(step.index)) for step in steps]

    async def _read_steps(
        self, trace: TraceLines, source: TraceSource, first: int, count: int
    ) -> Sequence[TraceStep]:
        if count <= 0:
            return []
        known = trace.known if source is trace.source else trace.other_known
        in_memory = [known.get(number) for number in range(first, first + count)]
        steps = [step for step in in_memory if step is not None]
        if len(steps) == count:
            return steps
        waiting: asyncio.Future[Sequence[TraceStep]] = asyncio.get_running_loop().create_future()
        self._waiting[source.rollout, first] = waiting
        self._request(source, first, count)
        return [step for step in await waiting if first <= step.index < first + count]


def is_answer(piece: TraceSlice, first: int) -> bool:
    """Whether a slice answers a request for steps from `first` on; an empty slice means that there
    are none."""
    return piece.first <= first and (not piece.steps or first <= piece.steps[-1].index)


def _find_first(pairs: Sequence[StepPair], test: StepTest, direction: int) -> int | None:
    ordered = pairs if direction > 0 else reversed(pairs)
    return next((step.index for step, other in ordered if test(step, other)), None)


def _list_passing(pairs: Sequence[StepPair], test: StepTest) -> list[int]:
    return [step.index for step, other in pairs if test(step, other)]
