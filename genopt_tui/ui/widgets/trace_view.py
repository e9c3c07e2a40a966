"""The steps of a rollout, of any number, alone or beside another version's: only what is visible is
asked for."""

from array import array

from textual.cache import LRUCache
from textual.message import Message
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
    """Steps of one trace. It asks with `TraceRequested`; answers come through `receive`."""

    class Scanning(Message):
        """A scan has looked at `done` of `total` steps; at the end, `found` is the step or None.

        `needle` is the text it looks for; empty for a reward, an error or a difference.
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
        """The text that the scan under way looks for."""
        self._scanner = TraceScanner(self._post_request, self._report_scan)
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
        """Steps that were asked for, and perhaps some before and after them: a trace is kept in
        chunks."""
        if not (known := self._find_known(piece.rollout)):
            return
        self._scanner.receive(piece)
        asked = self._requested.get(piece.rollout)
        if asked is None or not is_answer(piece, asked[0]):
            return
        del self._requested[piece.rollout]
        seen = {number for number in self._list_steps(0) if number not in known[0]}
        for step in piece.steps:
            known[0][step.index] = step
        if self.trace.table.learn(piece.steps) or any(number in known[0] for number in seen):
            self._cache.strips.clear()
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
        """Show or hide what was observed and called at the step."""
        number = self.step
        if self.trace.opened.pop(number, None) is None and not self.trace.open_step(number):
            return
        self._cache.strips.clear()
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
        """Go to the next step in `direction` that passes `test`, around the end."""
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
        """Show only steps that pass `test`; None: all of them."""
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
