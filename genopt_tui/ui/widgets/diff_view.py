"""An edit as a diff, unified or side by side; hunks can be left out."""

from collections.abc import Mapping, Sequence

from textual.message import Message

from genopt_tui.learn.edit.diff import Hunk
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.diff_lines import Diff, DiffLines, Files, compute_diff
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.symbols import SYMBOLS

SIDE_BY_SIDE_WIDTH = 140
"""Columns from which old and new are shown side by side."""
FOLDED_ROWS = 4
"""Visible rows of a long introduction that is folded."""


class DiffView(LineView):
    """The edit from one artifact to another.

    `[` and `]` go from hunk to hunk, space leaves one out.
    """

    class Ready(Message):
        """The diff of a new edit is shown."""

        def __init__(self, view: "DiffView") -> None:
            self.view = view
            super().__init__()

    class HunksChanged(Message):
        """The hunks left out are now `left_out`, by number."""

        def __init__(self, view: "DiffView", left_out: frozenset[int]) -> None:
            self.view, self.left_out = view, left_out
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        self.diff = DiffLines(Diff())
        super().__init__(self.diff, id=id)
        self.old: Files = {}
        self.new: Files = {}
        self.left_out: frozenset[int] = frozenset()
        self.ready = False
        self._lead: Sequence[Line] = ()
        self._notes: Sequence[Line] = ()
        self._worth: Mapping[int, str] = {}
        self._open_lead = False
        self._request_number = 0
        self.can_choose = True
        """Whether hunks can be left out."""
        self._side_by_side: bool | None = None
        """Whether old and new are side by side; None: if there is room."""

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        return self.diff.diff.hunks

    def show(
        self,
        old: Files,
        new: Files,
        lead: Sequence[Line] = (),
        notes: Sequence[Line] = (),
        worth: Mapping[int, str] | None = None,
    ) -> None:
        """Show another edit with all its hunks kept.

        Above it are `lead`, which is folded if long, and `notes`, which never are. `worth` maps
        numbers of hunks to a text for their heads.
        """
        self._lead, self._notes, self._worth = lead, notes, worth or {}
        if (old, new) == (self.old, self.new) and self.ready:
            self._rebuild()
            return
        self.old, self.new, self.left_out, self.ready, self._open_lead = (
            old,
            new,
            frozenset(),
            False,
            False,
        )
        self._start_diff()

    def set_lead(self, lead: Sequence[Line], notes: Sequence[Line] = ()) -> None:
        """Replace the rows above the diff."""
        self._lead, self._notes = lead, notes
        if self.ready:
            self._rebuild()

    def _get_split_width(self) -> int:
        split = self._side_by_side
        if split is None:
            split = self.line_width >= SIDE_BY_SIDE_WIDTH
        return self.line_width if split else 0

    def toggle_side_by_side(self) -> None:
        """Switch between side by side and unified."""
        self._side_by_side = not self._get_split_width()
        self._start_diff()

    def _start_diff(self) -> None:
        self._request_number += 1
        self.run_worker(self._compute_diff(self._request_number), group="diff")

    async def _compute_diff(self, request: int) -> None:
        split = self._get_split_width()
        try:
            diff = await run_in_pool(compute_diff, self.old, self.new, bool(split))
        except EXPECTED_ERRORS as error:
            self._lead = [((f"! no diff: {error}", "bad"),), *self._lead]
            diff = Diff()
        if self._is_stale(request, split):
            return
        fresh = not self.ready
        hunk = None if fresh else self._find_hunk_at_cursor()
        first = await self._fill_first_screen(diff, request, split) if fresh else ()
        if self._is_stale(request, split):
            return
        self.ready = True
        self._rebuild(diff, keep=not fresh)
        self._store_lines(0, first)
        if fresh:
            self.post_message(self.Ready(self))
        elif hunk is not None and hunk in diff.heads:
            self.go_to_line(self.diff.find_head(hunk))

    def _is_stale(self, request: int, split: int) -> bool:
        """Whether a newer request replaced this one. Starts a new one if the layout has changed."""
        if request == self._request_number and bool(split) != bool(self._get_split_width()):
            self._start_diff()
        return request != self._request_number

    async def _fill_first_screen(self, diff: Diff, request: int, split: int) -> Sequence[Line]:
        """The first screenful of finished lines, so that a new edit never flashes without colours.

        Read again if the rows above the diff or the width changed meanwhile.
        """
        while True:
            state = self._get_layout_state()
            lead, room, worth = state
            lines = DiffLines(
                diff, lead, self.left_out, split=room, worth=worth, can_choose=self.can_choose
            )
            first = await run_in_pool(lines.fill, 0, self.size.height) or ()
            if state == self._get_layout_state() or self._is_stale(request, split):
                return first

    def _get_layout_state(self) -> tuple[Sequence[Line], int, Mapping[int, str]]:
        return self._build_lead(), self._get_split_width(), self._worth

    def _rebuild(self, diff: Diff | None = None, *, keep: bool = True) -> None:
        lead = self._build_lead()
        shift = self.diff.shift if keep else 0
        diff = diff or self.diff.diff
        self.diff = DiffLines(
            diff,
            lead,
            self.left_out,
            split=self._get_split_width() if diff.sides else 0,
            shift=shift,
            worth=self._worth,
            can_choose=self.can_choose,
        )
        self.set_source(self.diff, keep=keep)

    def _build_lead(self) -> Sequence[Line]:
        lead: Sequence[Line] = self._lead
        if not self._open_lead and len(lead) > max(FOLDED_ROWS + 1, self.size.height // 4):
            lead = [
                *lead[:FOLDED_ROWS],
                ((f"{SYMBOLS.folded} {len(lead) - FOLDED_ROWS} more lines (Enter)", "dim"),),
            ]
        rows = [*lead, *self._notes]
        return [*rows, ()] if rows else []

    @property
    def note_under_cursor(self) -> int | None:
        """Index of the note under the cursor; None if there is none."""
        index = self.cursor - (len(self.diff.lead) - len(self._notes) - 1)
        return index if 0 <= index < len(self._notes) else None

    @property
    def hunk_under_cursor(self) -> int | None:
        """Number of the hunk under the cursor; None if there is none."""
        return self._find_hunk_at_cursor()

    def _find_hunk_at_cursor(self) -> int | None:
        entry = self.diff.find_entry(self.cursor)
        return entry.hunk.number if entry and entry.hunk else None

    def on_resize(self) -> None:
        super().on_resize()
        if self.ready and bool(self._get_split_width()) != self.diff.diff.sides:
            self._start_diff()
        elif self.ready and self._get_split_width() != self.diff.split:
            self._rebuild()

    def _scroll_sideways(self, by: int) -> None:
        if not self.diff.split:
            super()._scroll_sideways(by)
            return
        self.diff.shift = max(0, self.diff.shift + by)
        self._cache.clear()
        self.update_lines()

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "open": self.act_open,
            "next": self.act_next,
            "prev": self.act_prev,
            "toggle": self.act_toggle,
        }

    def act_open(self) -> None:
        """Unfold or fold the introduction."""
        if self.diff.find_entry(self.cursor) is None and self._lead:
            self._open_lead = not self._open_lead
            self._rebuild()

    def act_next(self) -> None:
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, step: int) -> None:
        heads = sorted(self.diff.find_head(number) for number in self.diff.diff.heads)
        candidates = [y for y in heads if (y > self.cursor if step > 0 else y < self.cursor)]
        if candidates:
            self.follow = False
            y = candidates[0] if step > 0 else candidates[-1]
            self.go_to_line(y)
            if len(self.diff) > self.size.height:
                self.scroll_to(y=max(0, y - 2), animate=False, force=True)

    def act_toggle(self) -> None:
        """Leave out the hunk under the cursor, or restore it."""
        number = self._find_hunk_at_cursor()
        if number is not None:
            self.set_left_out(self.left_out ^ {number})
            self.post_message(self.HunksChanged(self, self.left_out))

    def set_left_out(self, left_out: frozenset[int]) -> None:
        """Leave out exactly these hunks, by number."""
        self.left_out = self.diff.left_out = left_out
        self._cache.clear()
        self.update_lines()

    def get_copy_text(self) -> str:
        """The line of code without sign and number; on a hunk's head, the whole hunk."""
        entry = self.diff.find_entry(self.cursor)
        if entry is None or entry.hunk is None:
            return super().get_copy_text()
        if entry.head:
            return "\n".join([entry.hunk.header, *(row.sign + row.text for row in entry.hunk.rows)])
        row = entry.right or entry.left
        return row.text if row else ""
