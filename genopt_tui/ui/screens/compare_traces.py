"""Traces of one example in two versions, side by side from a little before their first difference. Read in a thread."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.ui import words
from genopt_tui.ui.screens.compare_read import Place, Sides
from genopt_tui.ui.widgets.fit import fitted
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.values import brief

if TYPE_CHECKING:
    from genopt_tui.task.rollout import TraceStep

BEFORE, AFTER = 3, 60
"""Steps shown before the first difference of two traces, and from it on."""
CHUNK = 64
NUMBER = 7


def read(sides: Sides, trees: tuple[str, str], place: Place, width: int) -> tuple[list[Line], tuple[int, ...]]:
    """The lines in `width` columns, the first difference marked; second, which of the two have no trace of this example."""
    with ExitStack() as opened:
        journals = [opened.enter_context(closing(Journal(side.session, durable=False))) for side in sides]
        rows = [_traced(journal, tree, place) for journal, tree in zip(journals, trees, strict=True)]
        if lacking := tuple(side for side, row in enumerate(rows) if row is None):
            return [], lacking
        a, b = (_Run(journal, row) for journal, row in zip(journals, rows, strict=True) if row is not None)
        return _Pair(a, b, width).lines(), ()


def _traced(journal: Journal, tree: str, place: Place) -> RolloutRow | None:
    """The newest rollout of this example that has a trace."""
    found = [
        r for r in journal.rollouts(tree, place[0]) if r.traced and (r.result.example, r.result.repeat) == place[1:]
    ]
    return found[-1] if found else None


class _Run:
    """A rollout and the journal that holds its trace."""

    def __init__(self, journal: Journal, row: RolloutRow) -> None:
        self.journal, self.row, self.result = journal, row, row.result

    def steps(self, first: int, count: int) -> "dict[int, TraceStep]":
        from genopt_tui.task.trace import decode

        chunks = self.journal.trace_chunks(self.row.id, first, count)
        return {s.index: s for chunk in chunks for s in decode(chunk) if first <= s.index < first + count}


class _Pair:
    def __init__(self, a: _Run, b: _Run, width: int) -> None:
        self.a, self.b = a, b
        self.half = max(16, (width - NUMBER - 3) // 2)

    def lines(self) -> list[Line]:
        a, b = self.a.result, self.b.result
        title = f"{a.example}  score {words.score(a.score)} and {words.score(b.score)}, {a.steps} and {b.steps} steps"
        at = self._first_difference()
        if at is None:
            return [((title, "title"),), (("   the traces are the same", "dim"),)]
        first, count = max(0, at - BEFORE), BEFORE + AFTER
        left, right = self.a.steps(first, count), self.b.steps(first, count)
        lines: list[Line] = [((title, "title"), (f"   first difference at step {at}", "warn"))]
        last = min(first + count, max(a.steps, b.steps))
        return [*lines, *(self._aligned(n, left.get(n), right.get(n), n == at) for n in range(first, last))]

    def _first_difference(self) -> int | None:
        longest = max(self.a.result.steps, self.b.result.steps)
        for first in range(0, longest, CHUNK):
            left, right = self.a.steps(first, CHUNK), self.b.steps(first, CHUNK)
            for number in range(first, min(first + CHUNK, longest)):
                if _told(left.get(number)) != _told(right.get(number)):
                    return number
        return None

    def _aligned(self, number: int, a: "TraceStep | None", b: "TraceStep | None", mark: bool) -> Line:
        same = _told(a) == _told(b)
        return (
            (f"{number:>{NUMBER - 1}} ", "warn" if mark else "gutter"),
            *fitted(((_brief(a, self.half), "dim" if same else ""),), self.half, 0),
            (" | ", "gutter"),
            *fitted(((_brief(b, self.half), "dim" if same else "warn"),), self.half, 0),
        )


def _told(step: "TraceStep | None") -> Any:
    return None if step is None else (step.observation, step.action, step.reward)


def _brief(step: "TraceStep | None", room: int) -> str:
    if step is None:
        return "- (ended)"
    reward = f" reward {words.score(step.reward)}" if step.reward else ""
    return f"act {brief(step.action, 12)}{reward}  {brief(step.observation, max(8, room - 16))}"


def titles(names: Sequence[str], width: int) -> Line:
    """What stands over the two columns."""
    half = max(16, (width - NUMBER - 3) // 2)
    return ((f"{'':{NUMBER}}{names[0]:<{half}}   {names[1]}", "strong"),)
