"""The steps of a rollout, alone or beside another version's. Only visible steps are requested."""

from array import array

from textual.cache import LRUCache
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.messages import TraceRequested
from genopt_tui.ui.state.snapshot import TraceSlice, TraceSource
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.trace_lines import (
    MAX_STEPS_IN_MEMORY,
    StepTest,
    TraceLines,
    build_text_test,
    is_different,
    is_eventful,
)
from genopt_tui.ui.widgets.trace_scanner import TraceScanner, is_answer


class TraceView(LineView):
    """Shows one trace. It requests steps with `TraceRequested`; they arrive through `receive`."""

    class Scanning(Message):
        """A scan has tested `done` of `total` steps; at the end, `found` is the step or None.

        `needle` is the text it searches for; empty for a reward, an error or a difference.
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
        self._needle = ""
        """The text that the current scan searches for."""
        self._scanner = TraceScanner(self._post_request, self._report_scan)
        self._player: Timer | None = None

    # content

    def show(self, source: TraceSource | None, other: TraceSource | None = None) -> None:
        """Show another trace, or the same one with another horizon. `other` is another version's
        trace of the same example."""
        old = self.trace
        same = (
            source is not None
            and old.source is not None
            and _get_key(source) == _get_key(old.source)
        )
        if same and _get_key(other) == _get_key(old.other):
            old.source = source
            self._cache.strips.clear()
            self.refresh()
            return
        self._scanner.cancel()
        self.stop_playing()
        step = self.step if same else 0
        self.trace = TraceLines(source, other)
        self.trace.width = self.line_width
        if same:
            self.trace.known, self.trace.table = old.known, old.table
        self._requested.clear()
        self.set_source(self.trace)
        if step:
            self.go_to_line(step)

    def receive(self, piece: TraceSlice) -> None:
        """Take requested steps, perhaps with some before and after: traces are stored in chunks."""
        if not (known := self._find_known(piece.rollout)):
            return
        self._scanner.receive(piece)
        request = self._requested.get(piece.rollout)
        if request is None or not is_answer(piece, request[0]):
            return
        del self._requested[piece.rollout]
        missing = {number for number in self._list_steps(0) if number not in known[0]}
        for step in piece.steps:
            known[0][step.index] = step
        if self.trace.table.learn(piece.steps) or any(number in known[0] for number in missing):
            self._cache.strips.clear()
            self.refresh()
            self.post_message(self.Moved(self, self.cursor))
        if piece.steps:
            self._request_visible()

    def _find_known(self, rollout: int) -> tuple[LRUCache[int, TraceStep], TraceSource] | None:
        """The cache for steps of `rollout` and its trace; None if it is not shown."""
        trace = self.trace
        if trace.source is not None and rollout == trace.source.rollout:
            return trace.known, trace.source
        return (
            (trace.other_known, trace.other)
            if trace.other is not None and rollout == trace.other.rollout
            else None
        )

    def render_line(self, y: int) -> Strip:
        # a scroll bar that comes or goes changes the room of the columns without a resize
        if self.trace.width != self.line_width:
            self.trace.resize(self.line_width)
            self._cache.strips.clear()
        return super().render_line(y)

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
        """The step under the cursor; None until it has arrived."""
        return self.trace.known.get(self.step)

    def go_to_step(self, step: int) -> None:
        """Move the cursor to a step."""
        self.stop_playing()
        self.go_to_line(self.trace.find_row(step))

    @property
    def other_step(self) -> TraceStep | None:
        """The other version's step of the same number; None until it has arrived."""
        return self.trace.other_known.get(self.step)

    def _request_visible(self) -> None:
        if self.trace.source is None or not self.is_mounted or not len(self.trace):
            return
        for source in (self.trace.source, self.trace.other):
            if source is not None and (known := self._find_known(source.rollout)):
                # Visible steps first, then those of a page up and a page down.
                for pages in (0, 1):
                    missing = [
                        n for n in self._list_steps(pages) if n < source.steps and n not in known[0]
                    ]
                    if missing:
                        self._request_steps(
                            source, missing[0], missing[-1] + 1, pages * self.size.height
                        )
                        break

    def _list_steps(self, pages: int) -> list[int]:
        """Numbers of the visible steps, and of `pages` pages before and after them."""
        height, top = max(1, self.size.height), int(self.scroll_offset.y)
        rows = range(max(0, top - pages * height), min(len(self.trace), top + (pages + 1) * height))
        return [self.trace.locate(y)[0] for y in rows]

    def _request_steps(self, source: TraceSource, first: int, last: int, spare: int) -> None:
        """Request steps `first` to `last` and `spare` more on each side, unless already
        requested."""
        request = self._requested.get(source.rollout)
        if request is not None and request[0] <= first and last <= sum(request):
            return
        first, last = max(0, first - spare), min(last + spare, source.steps)
        count = min(last - first, MAX_STEPS_IN_MEMORY // 2)
        self._requested[source.rollout] = (first, count)
        self._post_request(source, first, count)

    def _post_request(self, source: TraceSource, first: int, count: int) -> None:
        # Without this sender, the message would stop at the pane that calls.
        self.post_message(TraceRequested(source.rollout, first, count).set_sender(self))

    # details of a step

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "open": self.act_open,
            "step_on": self.act_step_on,
            "step_back": self.act_step_back,
            "toggle": self.act_toggle,
            "next": self.act_next,
            "prev": self.act_prev,
        }

    def act_open(self) -> None:
        """Open or close the details of the step."""
        number = self.step
        if self.trace.opened.pop(number, None) is None and not self.trace.open_step(number):
            return
        self._cache.strips.clear()
        self.update_lines()
        self.go_to_line(self.trace.find_row(number))

    # stepping and playing

    def act_step_on(self) -> None:
        self.stop_playing()
        self._step_by(1)

    def act_step_back(self) -> None:
        self.stop_playing()
        self._step_by(-1)

    def _step_by(self, by: int) -> bool:
        position = self.trace.find_position(self.step) + by
        count = self.trace.steps if self.trace.kept is None else len(self.trace.kept)
        if not 0 <= position < count:
            return False
        self.go_to_line(self.trace.find_row(self.trace.get_step(position)))
        return True

    @property
    def playing(self) -> bool:
        return self._player is not None

    def act_toggle(self) -> None:
        """Play 30 steps per second, or stop."""
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

    # scanning the trace

    def act_next(self) -> None:
        """Go to the next reward or error; when comparing, to the next difference."""
        self.seek_step(self.event_test, 1)

    def act_prev(self) -> None:
        self.seek_step(self.event_test, -1)

    @property
    def event_test(self) -> StepTest:
        """The test for interesting steps of this trace."""
        return is_eventful if self.trace.other is None else is_different

    def _search_next(self, step: int, here: bool = False) -> None:
        if self.needle:
            self.seek_step(build_text_test(self.needle), step, here=here, needle=self.needle)

    def seek_step(
        self, test: StepTest, direction: int, *, here: bool = False, needle: str = ""
    ) -> None:
        """Go to the next step in `direction` that passes `test`, wrapping around."""
        self.stop_playing()
        if len(self.trace):
            self._needle = needle
            start = self.step + (0 if here else direction)
            self.run_worker(self._run_seek(test, direction, start), group="scan")

    async def _run_seek(self, test: StepTest, direction: int, start: int) -> None:
        found = await self._scanner.find_step(self.trace, test, start, direction)
        if found is not None:
            self.post_message(self.Scanning(self.trace.steps, self.trace.steps, found))
            self.go_to_line(self.trace.find_row(found))

    def filter_steps(self, test: StepTest | None) -> None:
        """Show only steps that pass `test`; None: all."""
        self._scanner.cancel()
        if test is None:
            self._set_kept(None)
        elif self.trace.steps:
            self._needle = ""
            self.run_worker(self._run_filter(test), group="scan")

    async def _run_filter(self, test: StepTest) -> None:
        kept = await self._scanner.select_steps(self.trace, test)
        if kept is not None:
            self._set_kept(kept)

    def _report_scan(self, done: int, total: int) -> None:
        self.post_message(self.Scanning(done, total, needle=self._needle))

    def _set_kept(self, kept: "array[int] | None") -> None:
        step = self.step
        self.trace.kept = kept
        self.trace.opened.clear()
        self._cache.strips.clear()
        self.update_lines()
        self.go_to_line(self.trace.find_row(step))

    def on_unmount(self) -> None:
        self._scanner.cancel()


def _get_key(source: TraceSource | None) -> tuple[int, int] | None:
    return (source.rollout, source.steps) if source is not None else None
