"""The steps of a rollout, of any number, alone or beside another version's: only what is visible is
asked for."""

import asyncio
from array import array
from collections.abc import Sequence

from textual.cache import LRUCache
from textual.message import Message
from textual.timer import Timer

from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.background import run_in_pool
from genopt_tui.ui.messages import TraceRequested
from genopt_tui.ui.state.snapshot import TraceSlice, TraceSource
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.trace_lines import (
    MAX_STEPS_IN_MEMORY,
    StepTest,
    TraceLines,
    build_text_test,
    is_different,
    is_eventful,
)

SCAN_BLOCK = 1024
"""Steps asked for at once while looking through a trace."""
StepPair = tuple[TraceStep, TraceStep | None]


class TraceView(LineView):
    """Steps of one trace. Asks with `TraceWanted`; the answer comes through `receive`."""

    class Scanning(Message):
        """Looking through the trace: `done` of `total` steps; `done == total` when it ended,
        `found` the step or None.

        `needle` is the text that is looked for (empty: a reward, an error, a difference).
        """

        def __init__(
            self, done: int, total: int, found: int | None = None, needle: str = ""
        ) -> None:
            self.done, self.total, self.found, self.needle = done, total, found, needle
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        self.trace = TraceLines(None)
        super().__init__(self.trace, id=id)
        self._requested: dict[int, tuple[int, int]] = {}
        self._waiting: dict[tuple[int, int], asyncio.Future[Sequence[TraceStep]]] = {}
        self._player: Timer | None = None

    # content

    def show(self, source: TraceSource | None, other: TraceSource | None = None) -> None:
        """Show another trace, or the same with another horizon; `other` is the same example's of
        another version."""
        old = self.trace
        same = (
            source is not None
            and old.source is not None
            and _get_key(source) == _get_key(old.source)
        )
        if same and _get_key(other) == _get_key(old.other):
            old.source = source
            self._strip_cache.clear()
            self.refresh()
            return
        self._cancel_scan()
        self.stop_playing()
        step = self.step if same else 0
        self.trace = TraceLines(source, other)
        self.trace.width = self.line_width
        if same:
            self.trace.known = old.known
        self._requested.clear()
        self.set_source(self.trace)
        if step:
            self.go_to_line(step)

    def receive(self, piece: TraceSlice) -> None:
        """Steps that were asked for, and perhaps some before and after them: a trace is kept in
        chunks."""
        if not (known := self._find_known(piece.rollout)):
            return
        for (rollout, first), waiting in list(self._waiting.items()):
            if rollout == piece.rollout and _is_answer(piece, first) and not waiting.done():
                waiting.set_result(piece.steps)
                del self._waiting[rollout, first]
        asked = self._requested.get(piece.rollout)
        if asked is None or not _is_answer(piece, asked[0]):
            return
        del self._requested[piece.rollout]
        seen = {number for number in self._list_steps(0) if number not in known[0]}
        for step in piece.steps:
            known[0][step.index] = step
        if any(number in known[0] for number in seen):
            self._strip_cache.clear()
            self.refresh()
            self.post_message(self.Moved(self, self.cursor))
        if piece.steps:
            self._request_visible()

    def _find_known(self, rollout: int) -> tuple[LRUCache[int, TraceStep], TraceSource] | None:
        """Where the steps of `rollout` are held; None when it is not shown."""
        trace = self.trace
        if trace.source is not None and rollout == trace.source.rollout:
            return trace.known, trace.source
        return (
            (trace.other_known, trace.other)
            if trace.other is not None and rollout == trace.other.rollout
            else None
        )

    def on_resize(self) -> None:
        step = self.step
        self.trace.resize(self.line_width)
        super().on_resize()
        if self.trace.opened:
            self.update_lines()
            self.go_to_line(self.trace.find_row(step))

    @property
    def step(self) -> int:
        """Number of the step under the cursor."""
        return self.trace.locate(self.cursor)[0] if len(self.trace) else 0

    @property
    def current_step(self) -> TraceStep | None:
        """The step under the cursor, when it has arrived."""
        return self.trace.known.get(self.step)

    def go_to_step(self, step: int) -> None:
        """Put the cursor on a step."""
        self.stop_playing()
        self.go_to_line(self.trace.find_row(step))

    @property
    def other_step(self) -> TraceStep | None:
        """The other version's step of the same number, when it has arrived."""
        return self.trace.other_known.get(self.step)

    def _request_visible(self) -> None:
        if self.trace.source is None or not self.is_mounted or not len(self.trace):
            return
        for source in (self.trace.source, self.trace.other):
            if source is not None and (held := self._find_known(source.rollout)):
                for pages in (
                    0,
                    1,
                ):  # what is visible comes first, then what a page up or down would show
                    lacking = [
                        n for n in self._list_steps(pages) if n < source.steps and n not in held[0]
                    ]
                    if lacking:
                        self._request_steps(
                            source, lacking[0], lacking[-1] + 1, pages * self.size.height
                        )
                        break

    def _list_steps(self, pages: int) -> list[int]:
        """Numbers of the steps that are visible, and of so many pages before and after them."""
        height, top = max(1, self.size.height), int(self.scroll_offset.y)
        rows = range(max(0, top - pages * height), min(len(self.trace), top + (pages + 1) * height))
        return [self.trace.locate(y)[0] for y in rows]

    def _request_steps(self, source: TraceSource, first: int, last: int, spare: int) -> None:
        """Ask for steps `first` to `last` and `spare` more each way, unless those are on their
        way."""
        asked = self._requested.get(source.rollout)
        if asked is not None and asked[0] <= first and last <= sum(asked):
            return
        first, last = max(0, first - spare), min(last + spare, source.steps)
        count = min(last - first, MAX_STEPS_IN_MEMORY // 2)
        self._requested[source.rollout] = (first, count)
        self._post_request(source, first, count)

    def _post_request(self, source: TraceSource, first: int, count: int) -> None:
        wish = TraceRequested(source.rollout, first, count)
        self.post_message(
            wish.set_sender(self)
        )  # a message sent by a pane (which may be calling) would end there

    # opening a step

    def act_open(self) -> None:
        """Show or hide what was observed and called at the step."""
        number = self.step
        if self.trace.opened.pop(number, None) is None and not self.trace.open_step(number):
            return
        self._strip_cache.clear()
        self.update_lines()
        self.go_to_line(self.trace.find_row(number))

    # step by step, and playing

    def act_step_on(self) -> None:
        self.stop_playing()
        self._step_by(1)

    def act_step_back(self) -> None:
        self.stop_playing()
        self._step_by(-1)

    def _step_by(self, by: int) -> bool:
        position = self.trace.find_position(self.step) + by
        if (
            not 0
            <= position
            < (self.trace.steps if self.trace.kept is None else len(self.trace.kept))
        ):
            return False
        self.go_to_line(self.trace.find_row(self.trace.get_step(position)))
        return True

    @property
    def playing(self) -> bool:
        return self._player is not None

    def act_toggle(self) -> None:
        """Play 30 steps a second, or stop."""
        if self._player is not None:
            self.stop_playing()
        elif len(self.trace):
            self._player = self.set_interval(1 / 30, self._play_step)

    def stop_playing(self) -> None:
        """Stop playing."""
        if self._player is not None:
            self._player.stop()
            self._player = None

    def _play_step(self) -> None:
        if self.trace.known.get(self.step) is not None and not self._step_by(1):
            self.stop_playing()

    def _move_by(self, by: int) -> None:
        self.stop_playing()
        super()._move_by(by)

    def _page_by(self, pages: int) -> None:
        self.stop_playing()
        super()._page_by(pages)

    # looking through the trace

    def act_next(self) -> None:
        """To the next reward or error; beside another version, to the next difference."""
        self.seek_step(self.event_test, 1)

    def act_prev(self) -> None:
        self.seek_step(self.event_test, -1)

    @property
    def event_test(self) -> StepTest:
        """What one looks for in this trace."""
        return is_eventful if self.trace.other is None else is_different

    def _search_next(self, step: int, here: bool = False) -> None:
        if self.needle:
            self.seek_step(build_text_test(self.needle), step, here=here, needle=self.needle)

    def seek_step(
        self, test: StepTest, direction: int, *, here: bool = False, needle: str = ""
    ) -> None:
        """Go to the next step in `direction` that passes `test`, around the end; `needle` is the
        text that it looks for, if any."""
        self.stop_playing()
        if len(self.trace):
            self._cancel_scan()
            start = self.step + (0 if here else direction)
            self.run_worker(self._run_seek(test, direction, start, needle), group="scan")

    def filter_steps(self, test: StepTest | None) -> None:
        """Show only steps that pass `test`; None: all of them."""
        self._cancel_scan()
        if test is None:
            self._set_kept(None)
        elif self.trace.steps:
            self.run_worker(self._run_filter(test), group="scan")

    def _cancel_scan(self) -> None:
        self._search_number += 1
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(())
        self._waiting.clear()

    async def _read_block(self, first: int, count: int) -> list[StepPair]:
        """Steps from wherever they are, each with the other version's."""
        source, other = self.trace.source, self.trace.other
        if source is None:
            return []
        steps = await self._read_steps(source, first, count)
        beside = (
            await self._read_steps(other, first, min(count, other.steps - first)) if other else []
        )
        numbered = {step.index: step for step in beside}
        return [(step, numbered.get(step.index)) for step in steps]

    async def _read_steps(self, source: TraceSource, first: int, count: int) -> Sequence[TraceStep]:
        known = self._find_known(source.rollout)
        if known is None or count <= 0:
            return []
        held = [known[0].get(n) for n in range(first, first + count)]
        steps = [step for step in held if step is not None]
        if len(steps) == count:
            return steps
        waiting: asyncio.Future[Sequence[TraceStep]] = asyncio.get_running_loop().create_future()
        self._waiting[source.rollout, first] = waiting
        self._post_request(source, first, count)
        return [step for step in await waiting if first <= step.index < first + count]

    async def _run_seek(self, test: StepTest, direction: int, start: int, needle: str) -> None:
        search, total, done = self._search_number, self.trace.steps, 0
        start %= total
        while done < total and search == self._search_number:
            if direction > 0:
                first, last = start, min(start + SCAN_BLOCK, total, start + total - done)
            else:
                first, last = max(0, start + 1 - min(SCAN_BLOCK, total - done)), start + 1
            steps = await self._read_block(first, last - first)
            if search != self._search_number:
                return
            found = await run_in_pool(_find_first, steps, test, direction)
            done += last - first
            if found is not None:
                self.post_message(self.Scanning(total, total, found))
                self.go_to_line(self.trace.find_row(found))
                return
            self.post_message(self.Scanning(done, total, needle=needle))
            start = last % total if direction > 0 else (first - 1) % total

    async def _run_filter(self, test: StepTest) -> None:
        search, total, kept = self._search_number, self.trace.steps, array("Q")
        for first in range(0, total, SCAN_BLOCK):
            steps = await self._read_block(first, min(SCAN_BLOCK, total - first))
            if search != self._search_number:
                return
            kept.extend(await run_in_pool(_list_passing, steps, test))
            self.post_message(self.Scanning(min(first + SCAN_BLOCK, total), total))
        if search == self._search_number:
            self._set_kept(kept)

    def _set_kept(self, kept: "array[int] | None") -> None:
        step = self.step
        self.trace.kept = kept
        self.trace.opened.clear()
        self._strip_cache.clear()
        self.update_lines()
        self.go_to_line(self.trace.find_row(step))

    def on_unmount(self) -> None:
        self._cancel_scan()


def _is_answer(piece: TraceSlice, first: int) -> bool:
    """Whether a piece is the answer to the wish for steps from `first` on (an empty one says that
    there are none)."""
    return piece.first <= first and (not piece.steps or first <= piece.steps[-1].index)


def _get_key(source: TraceSource | None) -> tuple[int, int] | None:
    return (source.rollout, source.steps) if source is not None else None


def _find_first(steps: Sequence[StepPair], test: StepTest, direction: int) -> int | None:
    return next(
        (pair[0].index for pair in (steps if direction > 0 else reversed(steps)) if test(*pair)),
        None,
    )


def _list_passing(steps: Sequence[StepPair], test: StepTest) -> list[int]:
    return [pair[0].index for pair in steps if test(*pair)]
