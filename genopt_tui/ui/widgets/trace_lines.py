"""Rows of a recorded trace, alone or beside another version's, and tests for its steps."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import zip_longest

from textual.cache import LRUCache

from genopt_tui.task.rollout import TraceStep
from genopt_tui.ui.state.snapshot import TraceSource
from genopt_tui.ui.widgets.line_source import Line, to_plain_text
from genopt_tui.ui.widgets.step_table import StepTable, format_step
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.text_layout import fit_line, wrap_line
from genopt_tui.ui.widgets.value_format import format_step_details, get_reward

MAX_STEPS_IN_MEMORY = 1024
"""Steps kept in memory for each of the two traces."""
INDENT = 4
"""Cells before the details of a step."""
StepTest = Callable[[TraceStep, TraceStep | None], bool]
"""Test of a step and of the other version's step of the same number (None if it has none)."""


def is_eventful(step: TraceStep, other: TraceStep | None = None) -> bool:
    """Whether a step has a reward or a call that failed."""
    return get_reward(step) is not None or any(call.error for call in step.calls)


def is_different(step: TraceStep, other: TraceStep | None) -> bool:
    """Whether the two versions differ at this step in action, reward, or results of functions."""
    return other is None or _get_outcome(step) != _get_outcome(other)


def _get_outcome(step: TraceStep) -> object:
    done = (step.action, get_reward(step), [(c.function, c.result, c.error) for c in step.calls])
    return done if step.action is not None or step.calls else (*done, step.observation)


def build_text_test(needle: str) -> StepTest:
    """A test whether a step's line or details contain `needle`; lower case ignores case."""
    ignore_case = needle == needle.lower()

    def test(step: TraceStep, other: TraceStep | None = None) -> bool:
        texts = (format_step(step), *map(to_plain_text, format_step_details(step)))
        return any(needle in (text.lower() if ignore_case else text) for text in texts)

    return test


class TraceLines:
    """Rows of a trace: one per step, and the details of opened steps.

    Used on the event loop only. `kept` are the numbers of the steps that a filter left (None: all).
    With `other`, the trace of another version, every row has two halves of together `width` cells.
    """

    def __init__(self, source: TraceSource | None, other: TraceSource | None = None) -> None:
        self.source, self.other = source, other
        self.steps = source.steps if source else 0
        self.known: LRUCache[int, TraceStep] = LRUCache(MAX_STEPS_IN_MEMORY)
        self.other_known: LRUCache[int, TraceStep] = LRUCache(MAX_STEPS_IN_MEMORY)
        self.kept: array[int] | None = None
        self.opened: dict[int, list[tuple[Line, Line]]] = {}
        self.table = StepTable()
        self.width = 80
        self._number_width = len(str(max(self.steps - 1, 0)))

    def __len__(self) -> int:
        return self._count_positions() + sum(len(lines) for lines in self.opened.values())

    def _count_positions(self) -> int:
        return self.steps if self.kept is None else len(self.kept)

    def get_step(self, position: int) -> int:
        return position if self.kept is None else self.kept[position]

    def find_position(self, step: int) -> int:
        """Position of `step`, or of the first one after it, among the steps shown."""
        if self.kept is None:
            return max(0, min(step, self.steps - 1))
        return min(bisect_left(self.kept, step), max(0, len(self.kept) - 1))

    def locate(self, y: int) -> tuple[int, int]:
        """(step, detail) of row `y`; detail -1 is the step itself."""
        detail_rows = 0
        for step in sorted(self.opened):
            row = self.find_position(step) + detail_rows
            if y <= row:
                break
            if y <= row + len(self.opened[step]):
                return step, y - row - 1
            detail_rows += len(self.opened[step])
        return self.get_step(y - detail_rows), -1

    def find_row(self, step: int) -> int:
        position = self.find_position(step)
        at = self.get_step(position) if self._count_positions() else 0
        return position + sum(len(lines) for other, lines in self.opened.items() if other < at)

    def open_step(self, number: int) -> bool:
        """Open the details of a step; false if it has not been loaded."""
        step, other = self.known.get(number), self.other_known.get(number)
        if step is None:
            return False
        left, right = (
            self._build_details(step),
            self._build_details(other) if other is not None else [],
        )
        self.opened[number] = list(zip_longest(left, right, fillvalue=()))
        return True

    def resize(self, width: int) -> None:
        """Set the cells of a row."""
        if width != self.width:
            self.width = width
            for number in list(self.opened):
                self.open_step(number)

    def _build_details(self, step: TraceStep) -> list[Line]:
        room = self._compute_half_width(INDENT) if self.other else self.width - INDENT
        return [row for line in format_step_details(step) for row in wrap_line(line, room, 2)]

    def _compute_half_width(self, used: int) -> int:
        return max(8, (self.width - used - 3) // 2)

    def draft(self, y: int) -> Line:
        number, detail = self.locate(y)
        if detail >= 0:
            indent = ((" " * INDENT, ""),)
            return self._dim_unshown(
                number, self._join_halves(indent, *self.opened[number][detail])
            )
        step = self.known.get(number)
        mark = SYMBOLS.open if number in self.opened else SYMBOLS.folded
        label = ((f"{mark} {number:>{self._number_width}} ", "gutter"),)
        if step is None:
            return (*label, (SYMBOLS.dots, "dim"))
        if self.other is None:
            return self._dim_unshown(
                number, (*label, *self.table.format_row(step, self.width - len(label[0][0])))
            )
        other = self.other_known.get(number)
        half = self._compute_half_width(len(label[0][0]))
        right: Line = (
            self.table.format_row(other, half)
            if other is not None
            else ((self._explain_missing(number), "dim"),)
        )
        if is_different(step, other):
            right = tuple((text, f"{style} warn") for text, style in right)
        return self._dim_unshown(
            number, self._join_halves(label, self.table.format_row(step, half), right)
        )

    def format_header(self) -> str:
        """The names of the table's columns; empty if it has none."""
        if not self.table.has_functions:
            return ""
        start = self._number_width + 3
        if self.other is None:
            return " " * start + self.table.format_header(self.width - start)
        half = self._compute_half_width(start)
        names = self.table.format_header(half)
        return f"{'':{start}}{names:<{half}} {SYMBOLS.pipe} {names}"

    def _explain_missing(self, number: int) -> str:
        assert self.other is not None
        return "ended" if number >= self.other.steps else SYMBOLS.dots

    def _join_halves(self, label: Line, left: Line, right: Line) -> Line:
        if self.other is None:
            return (*label, *left)
        half = self._compute_half_width(len(label[0][0]))
        return (
            *label,
            *fit_line(left, half),
            (f" {SYMBOLS.pipe} ", "gutter"),
            *fit_line(right, half),
        )

    def _dim_unshown(self, number: int, line: Line) -> Line:
        ranges = self.source.shown if self.source else None
        if ranges is None or any(first <= number <= last for first, last in ranges):
            return line
        return tuple((text, f"{style} dim") for text, style in line)

    def fill(self, first: int, count: int) -> Sequence[Line] | None:
        return None

    def find(self, needle: str, start: int, step: int, stop: Callable[[], bool]) -> int | None:
        """Unused: the view searches the steps themselves, which have to be requested."""
        return None
