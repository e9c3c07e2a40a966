"""The edit as a diff: unified or side by side, hunks that can be left out."""

from collections.abc import Mapping, Sequence

from textual.message import Message

from genopt_tui.learn.diff import Hunk
from genopt_tui.ui.widgets.diff_lines import Diff, DiffLines, Files, work_out
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.marks import MARKS
from genopt_tui.ui.widgets.offload import EXPECTED, offload
from genopt_tui.ui.widgets.view import LineView

SIDE_BY_SIDE = 140
"""Columns from which old and new stand side by side."""
FOLDED = 4
"""Rows of a long introduction that show while it is folded."""


class DiffView(LineView):
    """The edit from one artifact to another. `[` and `]` go from hunk to hunk, space leaves one out."""

    class Ready(Message):
        """The diff stands: so many hunks."""

        def __init__(self, view: "DiffView") -> None:
            self.view = view
            super().__init__()

    class Chosen(Message):
        """A hunk was left out or taken in again: `off` are the numbers left out."""

        def __init__(self, view: "DiffView", off: frozenset[int]) -> None:
            self.view, self.off = view, off
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        self.diff = DiffLines(Diff())
        super().__init__(self.diff, id=id)
        self.old: Files = {}
        self.new: Files = {}
        self.off: frozenset[int] = frozenset()
        self.ready = False
        self._lead: Sequence[Line] = ()
        self._notes: Sequence[Line] = ()
        self._worth: Mapping[int, str] = {}
        self._open_lead = False
        self._wanted = 0
        self.choosing = True
        """Whether hunks can be left out."""
        self._sides: bool | None = None
        """Whether old and new stand side by side; None: where there is room for it."""

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
        """Show another edit; all hunks are in. Above it stand `lead`, which folds when it is long, and `notes`, which do not.

        `worth` is said in the heads of hunks, by number.
        """
        self._lead, self._notes, self._worth = lead, notes, worth or {}
        if (old, new) == (self.old, self.new) and self.ready:
            self._rebuild()
            return
        self.old, self.new, self.off, self.ready, self._open_lead = old, new, frozenset(), False, False
        self._work_out()

    def set_lead(self, lead: Sequence[Line], notes: Sequence[Line] = ()) -> None:
        """Other rows above the diff."""
        self._lead, self._notes = lead, notes
        if self.ready:
            self._rebuild()

    def _split(self) -> int:
        wanted = self.room >= SIDE_BY_SIDE if self._sides is None else self._sides
        return self.room if wanted else 0

    def turn_sides(self) -> None:
        """Put old and new side by side, or under each other."""
        self._sides = not self._split()
        self._work_out()

    def _work_out(self) -> None:
        self._wanted += 1
        self.run_worker(self._worked_out(self._wanted), group="diff")

    async def _worked_out(self, wanted: int) -> None:
        split = self._split()
        try:
            diff = await offload(work_out, self.old, self.new, bool(split))
        except EXPECTED as error:
            self._lead = [((f"! no diff: {error}", "bad"),), *self._lead]
            diff = Diff()
        if self._overtaken(wanted, split):
            return
        fresh = not self.ready
        place = None if fresh else self._place()
        first = await self._first(diff, wanted, split) if fresh else ()
        if self._overtaken(wanted, split):
            return
        self.ready = True
        self._rebuild(diff, keep=not fresh)
        self._store(0, first)
        if fresh:
            self.post_message(self.Ready(self))
        elif place is not None and place in diff.heads:
            self.go(self.diff.head(place))

    def _overtaken(self, wanted: int, split: int) -> bool:
        """Whether what was worked out is no longer wanted; for the other layout it is worked out anew."""
        if wanted == self._wanted and bool(split) != bool(self._split()):
            self._work_out()
        return wanted != self._wanted

    async def _first(self, diff: Diff, wanted: int, split: int) -> Sequence[Line]:
        """The first screenful, finished: a new edit never flashes without its colours.

        Begun anew where the rows above the diff or the room changed meanwhile: its rows would stand at other lines.
        """
        while True:
            now = self._above_now()
            lead, room, worth = now
            lines = DiffLines(diff, lead, self.off, split=room, worth=worth, choosing=self.choosing)
            first = await offload(lines.fill, 0, self.size.height) or ()
            if now == self._above_now() or self._overtaken(wanted, split):
                return first

    def _above_now(self) -> tuple[Sequence[Line], int, Mapping[int, str]]:
        return self._shown_lead(), self._split(), self._worth

    def _rebuild(self, diff: Diff | None = None, *, keep: bool = True) -> None:
        lead = self._shown_lead()
        shift = self.diff.shift if keep else 0
        diff = diff or self.diff.diff
        self.diff = DiffLines(
            diff,
            lead,
            self.off,
            split=self._split() if diff.sides else 0,
            shift=shift,
            worth=self._worth,
            choosing=self.choosing,
        )
        self.set_source(self.diff, keep=keep)

    def _shown_lead(self) -> Sequence[Line]:
        lead: Sequence[Line] = self._lead
        if not self._open_lead and len(lead) > max(FOLDED + 1, self.size.height // 4):
            lead = [*lead[:FOLDED], ((f"{MARKS.folded} {len(lead) - FOLDED} more lines (Enter)", "dim"),)]
        above = [*lead, *self._notes]
        return [*above, ()] if above else []

    @property
    def note_under_cursor(self) -> int | None:
        """Index of the note under the cursor."""
        index = self.cursor - (len(self.diff.lead) - len(self._notes) - 1)
        return index if 0 <= index < len(self._notes) else None

    @property
    def under_cursor(self) -> int | None:
        """Number of the hunk under the cursor."""
        return self._place()

    def _place(self) -> int | None:
        entry = self.diff.entry(self.cursor)
        return entry.hunk.number if entry and entry.hunk else None

    def on_resize(self) -> None:
        super().on_resize()
        if self.ready and bool(self._split()) != self.diff.diff.sides:
            self._work_out()
        elif self.ready and self._split() != self.diff.split:
            self._rebuild()

    def _sideways(self, by: int) -> None:
        if not self.diff.split:
            super()._sideways(by)
            return
        self.diff.shift = max(0, self.diff.shift + by)
        self._forget()
        self.lines_changed()

    def act_open(self) -> None:
        """Show all of the introduction, or fold it."""
        if self.diff.entry(self.cursor) is None and self._lead:
            self._open_lead = not self._open_lead
            self._rebuild()

    def act_next(self) -> None:
        self._jump(1)

    def act_prev(self) -> None:
        self._jump(-1)

    def _jump(self, step: int) -> None:
        heads = sorted(self.diff.head(number) for number in self.diff.diff.heads)
        ahead = [y for y in heads if (y > self.cursor if step > 0 else y < self.cursor)]
        if ahead:
            self.follow = False
            y = ahead[0] if step > 0 else ahead[-1]
            self.go(y)
            if len(self.diff) > self.size.height:
                self.scroll_to(y=max(0, y - 2), animate=False, force=True)

    def act_toggle(self) -> None:
        """Leave out the hunk under the cursor, or take it in."""
        number = self._place()
        if number is not None:
            self.leave_out(self.off ^ {number})
            self.post_message(self.Chosen(self, self.off))

    def leave_out(self, off: frozenset[int]) -> None:
        """Leave out just the hunks of these numbers."""
        self.off = self.diff.off = off
        self._forget()
        self.lines_changed()

    def copied(self) -> str:
        """The line of code without sign and number; on a hunk's head, the whole hunk."""
        entry = self.diff.entry(self.cursor)
        if entry is None or entry.hunk is None:
            return super().copied()
        if entry.head:
            return "\n".join([entry.hunk.header, *(row.sign + row.text for row in entry.hunk.rows)])
        row = entry.right or entry.left
        return row.text if row else ""
