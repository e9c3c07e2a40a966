"""Steps of a trace as rows of a table: action, reward, and a column per function of the artifact.

A cell that does not fit is left out: a number cut off would look like another number.
"""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.widgets.line_source import Line, Piece
from genopt_tui.ui.widgets.safe_text import clean_line
from genopt_tui.ui.widgets.symbols import SYMBOLS
from genopt_tui.ui.widgets.value_format import (
    abbreviate_value,
    format_number,
    get_reward,
    shorten_text,
)

MAX_CELL = 24
"""Characters of the widest cell."""
MAX_FUNCTIONS = 32
"""Most functions with a column of their own."""
GAP = "  "


class StepTable:
    """Column widths, which grow with the steps seen so that rows stay aligned."""

    def __init__(self) -> None:
        self._action_width = self._reward_width = 0
        self._widths: dict[str, int] = {}
        """Width of each function's column."""

    def learn(self, steps: Iterable[TraceStep]) -> bool:
        """Widen the columns for these steps; true if a column was added or widened."""
        old_widths = (self._action_width, self._reward_width, dict(self._widths))
        for step in steps:
            self._action_width = max(self._action_width, len(_format_action(step)))
            self._reward_width = max(self._reward_width, len(_format_reward(step)))
            for function, calls in _group_calls(step).items():
                if function in self._widths or len(self._widths) < MAX_FUNCTIONS:
                    width = max(len(_format_results(calls)), min(len(function), MAX_CELL))
                    self._widths[function] = max(self._widths.get(function, 0), width)
        return old_widths != (self._action_width, self._reward_width, self._widths)

    @property
    def has_functions(self) -> bool:
        """Whether any function has a column."""
        return bool(self._widths)

    def format_header(self, width: int) -> str:
        """Names of the functions over their columns, and the number of those that do not fit."""
        shown = self._choose_functions(width)
        names = [f"{_abbreviate_name(name):<{self._widths[name]}}" for name in shown]
        hidden = len(self._widths) - len(shown)
        head = " " * self._measure_start() + GAP.join(names)
        return f"{head.rstrip()}{GAP}+{hidden}" if hidden else head.rstrip()

    def format_row(self, step: TraceStep, width: int) -> Line:
        """A step in at most `width` cells."""
        pieces: list[Piece] = []
        if self._action_width:
            pieces.append((f"{_format_action(step):<{self._action_width}}{GAP}", "strong"))
        if self._reward_width:
            style = "good" if (get_reward(step) or 0) > 0 else "bad"
            pieces.append((f"{_format_reward(step):<{self._reward_width}}{GAP}", style))
        grouped = _group_calls(step)
        for function in self._choose_functions(width):
            pieces.append(self._format_cell(function, grouped.get(function, ())))
        room = width - sum(cell_len(text) for text, _ in pieces)
        return (*pieces, *_format_rest(step, room))

    def _measure_start(self) -> int:
        """Cells before the first function's column."""
        return sum(size + len(GAP) for size in (self._action_width, self._reward_width) if size)

    def _choose_functions(self, width: int) -> list[str]:
        """The first functions whose columns fit."""
        shown, used = [], self._measure_start()
        for name, size in self._widths.items():
            used += size + len(GAP)
            if used > width:
                break
            shown.append(name)
        return shown

    def _format_cell(self, function: str, calls: Sequence[Call]) -> Piece:
        text = _format_results(calls) if calls else ""
        style = "bad" if any(call.error for call in calls) else "number"
        return (f"{text:<{self._widths[function]}}{GAP}", style)


def format_step(step: TraceStep) -> str:
    """A step as text of any length, for searching."""
    parts = [_format_action(step), _format_reward(step)]
    for function, calls in _group_calls(step).items():
        parts += [f"{function}{SYMBOLS.to}{_format_result(call)}" for call in calls]
    return GAP.join(filter(None, [*parts, *(text for text, _ in _format_rest(step, 100))]))


def _format_action(step: TraceStep) -> str:
    return "" if step.action is None else f"act {_clean(abbreviate_value(step.action, 40))}"


def _format_reward(step: TraceStep) -> str:
    reward = get_reward(step)
    return "" if reward is None else f"reward {format_number(reward)}"


def _group_calls(step: TraceStep) -> dict[str, list[Call]]:
    """Calls by name of the function. A `__call__` without error only repeats the action and is left
    out."""
    grouped: dict[str, list[Call]] = {}
    for call in step.calls:
        if call.error or not call.function.endswith("__call__"):
            grouped.setdefault(_clean(call.function.rpartition(".")[2]), []).append(call)
    return grouped


def _format_results(calls: Sequence[Call]) -> str:
    """Result of the last call, and the number of calls."""
    again = f" x{len(calls)}" if len(calls) > 1 else ""
    return f"{_format_result(calls[-1])}{again}"


def _format_result(call: Call) -> str:
    if call.error:
        return _clean(shorten_text(f"! {call.error}", MAX_CELL))
    return _clean(abbreviate_value(call.result, MAX_CELL))


def _format_rest(step: TraceStep, room: int) -> Iterable[Piece]:
    """Text after the columns: the observation of a step without calls, and the number of values
    cut."""
    cut = f"{step.cut} cut" if step.cut else ""
    room -= len(cut) + len(GAP) if cut else 0
    if not step.calls and step.observation is not None and room > len(GAP):
        yield (shorten_text(_clean(abbreviate_value(step.observation, 80)), room), "")
        yield (GAP if cut else "", "")
    if cut and room >= 0:
        yield (cut, "warn")


def _abbreviate_name(name: str) -> str:
    return name if len(name) <= MAX_CELL else name[: MAX_CELL - 1] + SYMBOLS.dots


def _clean(text: str) -> str:
    return clean_line(text)
