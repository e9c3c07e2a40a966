"""Traces of one example in two versions, side by side around their first difference.

Reading blocks; call it in a thread.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.ui import formatters
from genopt_tui.ui.screens.compare_reader import RolloutKey, Sides
from genopt_tui.ui.widgets.line_source import Line
from genopt_tui.ui.widgets.text_layout import fit_line
from genopt_tui.ui.widgets.value_format import abbreviate_value, get_reward, shorten_text

if TYPE_CHECKING:
    from genopt_tui.task.rollout import TraceStep

STEPS_BEFORE, STEPS_AFTER = 3, 60
"""Steps shown before the first difference of two traces, and from it on."""
CHUNK_STEPS = 64
NUMBER_WIDTH = 7


def read_trace_lines(
    sides: Sides, trees: tuple[str, str], key: RolloutKey, width: int
) -> tuple[list[Line], tuple[int, ...]]:
    """Lines of `width` columns with the first difference marked, and the indices of sides without a
    trace of this example."""
    with ExitStack() as stack:
        journals = [
            stack.enter_context(closing(Journal(side.session, durable=False))) for side in sides
        ]
        rows = [
            _find_traced(journal, tree, key) for journal, tree in zip(journals, trees, strict=True)
        ]
        if missing := tuple(index for index, row in enumerate(rows) if row is None):
            return [], missing
        a, b = (
            _TracedRollout(journal, row)
            for journal, row in zip(journals, rows, strict=True)
            if row is not None
        )
        return _TracePair(a, b, width).build_lines(), ()


def _find_traced(journal: Journal, tree: str, key: RolloutKey) -> RolloutRow | None:
    """The newest rollout of the example that has a trace."""
    rollouts = [
        r
        for r in journal.read_rollouts(tree, key[0])
        if r.traced and (r.result.example, r.result.repeat) == key[1:]
    ]
    return rollouts[-1] if rollouts else None


class _TracedRollout:
    """A rollout and the journal that holds its trace."""

    def __init__(self, journal: Journal, row: RolloutRow) -> None:
        self.journal, self.row, self.result = journal, row, row.result

    def read_steps(self, first: int, count: int) -> "dict[int, TraceStep]":
        from genopt_tui.task.trace import decode

        chunks = self.journal.read_trace_chunks(self.row.id, first, count)
        return {
            s.index: s
            for chunk in chunks
            for s in decode(chunk)
            if first <= s.index < first + count
        }


class _TracePair:
    def __init__(self, a: _TracedRollout, b: _TracedRollout, width: int) -> None:
        self.a, self.b = a, b
        self.half = max(16, (width - NUMBER_WIDTH - 3) // 2)

    def build_lines(self) -> list[Line]:
        a, b = self.a.result, self.b.result
        scores = f"{formatters.format_score(a.score)} and {formatters.format_score(b.score)}"
        title = f"{a.example}  score {scores}, {a.steps} and {b.steps} steps"
        difference = self._find_first_difference()
        if difference is None:
            return [((title, "title"),), (("   the traces are the same", "dim"),)]
        first, count = max(0, difference - STEPS_BEFORE), STEPS_BEFORE + STEPS_AFTER
        left, right = self.a.read_steps(first, count), self.b.read_steps(first, count)
        lines: list[Line] = [
            ((title, "title"), (f"   first difference at step {difference}", "warn"))
        ]
        last = min(first + count, max(a.steps, b.steps))
        return [
            *lines,
            *(
                self._align_steps(n, left.get(n), right.get(n), n == difference)
                for n in range(first, last)
            ),
        ]

    def _find_first_difference(self) -> int | None:
        longest = max(self.a.result.steps, self.b.result.steps)
        for first in range(0, longest, CHUNK_STEPS):
            left, right = (
                self.a.read_steps(first, CHUNK_STEPS),
                self.b.read_steps(first, CHUNK_STEPS),
            )
            for number in range(first, min(first + CHUNK_STEPS, longest)):
                if _get_content(left.get(number)) != _get_content(right.get(number)):
                    return number
        return None

    def _align_steps(
        self, number: int, a: "TraceStep | None", b: "TraceStep | None", mark: bool
    ) -> Line:
        is_same = _get_content(a) == _get_content(b)
        return (
            (f"{number:>{NUMBER_WIDTH - 1}} ", "warn" if mark else "gutter"),
            *fit_line(((_format_step(a, self.half), "dim" if is_same else ""),), self.half, 0),
            (" | ", "gutter"),
            *fit_line(((_format_step(b, self.half), "dim" if is_same else "warn"),), self.half, 0),
        )


def _get_content(step: "TraceStep | None") -> Any:
    return None if step is None else (step.observation, step.action, step.reward)


def _format_step(step: "TraceStep | None", room: int) -> str:
    if step is None:
        return "- (ended)"
    reward = get_reward(step)
    rewarded = "" if reward is None else f" reward {formatters.format_score(reward)}"
    observed = abbreviate_value(step.observation, max(8, room - 16))
    return shorten_text(f"act {abbreviate_value(step.action, 12)}{rewarded}  {observed}", room)


def build_titles(names: Sequence[str], width: int) -> Line:
    """The titles of the two columns."""
    half = max(16, (width - NUMBER_WIDTH - 3) // 2)
    return ((f"{'':{NUMBER_WIDTH}}{names[0]:<{half}}   {names[1]}", "strong"),)
