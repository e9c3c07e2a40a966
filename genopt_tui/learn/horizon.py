"""Which steps of a trace become evidence."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from genopt_tui.config import Horizon
from genopt_tui.learn.step_ranges import merge_ranges
from genopt_tui.task.rollout import TraceStep
from genopt_tui.task.trace import TraceReader

Chooser = Callable[[Sequence[TraceStep], float | None], Sequence[tuple[int, str]]]


def select_steps(
    horizon: Horizon,
    length: int,
    trace: Sequence[TraceStep] | None = None,
    *,
    failed: bool = False,
    score: float | None = None,
    chooser: Chooser | None = None,
) -> list[tuple[int, int, str]]:
    """The steps of a trace of `length` that the horizon keeps: (first, last, reason), in order.

    Ranges are inclusive and count from 0; the reason is '' where the kind gives it. `all`,
    `first` and `last` need no trace. `around-reward` keeps `steps` on each side of every step
    whose reward is not the trace's usual one, `around-error` of every step with a failing call
    (and of a failed rollout's last step); where there are none, the last `steps`.
    `python:FILE:FUNCTION` keeps the steps that `chooser`, that function, returns.
    """
    kind, steps = horizon.kind, horizon.steps
    if length <= 0:
        return []
    if kind == "all":
        return [(0, length - 1, "")]
    if kind == "first":
        return [(0, min(steps, length) - 1, "")]
    tail = [(max(0, length - steps), length - 1, "")]
    if kind == "last" or trace is None:
        return tail
    if kind.startswith("python:"):
        return _parse_chosen_steps(chooser(trace, score) if chooser else [], length)
    events = find_unusual_rewards(trace) if kind == "around-reward" else find_errors(trace, failed)
    windows = [(max(0, at - steps), min(length - 1, at + steps)) for at in events]
    return [(a, b, "") for a, b in merge_ranges(windows)] or tail


def describe_horizon(horizon: Horizon) -> str:
    """The horizon in words."""
    kind, steps = horizon.kind, horizon.steps
    words = {
        "all": "every step",
        "first": f"the first {steps} steps",
        "last": f"the last {steps} steps",
        "around-reward": (
            f"{steps} steps on each side of every unusual reward (none: the last {steps})"
        ),
        "around-error": f"{steps} steps on each side of every error (none: the last {steps})",
    }
    return words.get(
        kind, f"the steps that {kind.removeprefix('python:').replace(':', ', function ')} chooses"
    )


def find_unusual_rewards(trace: Sequence[TraceStep]) -> list[int]:
    """Steps whose reward is not the trace's most frequent one (0 where that is not clear)."""
    rewards = trace.read_rewards() if isinstance(trace, TraceReader) else [s.reward for s in trace]
    values = [0.0 if r is None or math.isnan(r) else r for r in rewards]
    counts = Counter(values).most_common(2)
    usual = 0.0 if len(counts) > 1 and counts[0][1] == counts[1][1] else counts[0][0]
    return [at for at, value in enumerate(values) if value != usual]


def find_errors(trace: Sequence[TraceStep], failed: bool) -> list[int]:
    """Steps in which a call of the artifact raised, and the last one of a failed rollout."""
    if isinstance(trace, TraceReader):
        found = list(trace.find_failed_steps())
    else:
        found = [
            at for at, s in enumerate(trace) if any(c.error for c in s.calls) or s.info.get("error")
        ]
    last = len(trace) - 1
    return [*found, last] if failed and last not in found else found


def _parse_chosen_steps(answer: Any, length: int) -> list[tuple[int, int, str]]:
    """The answer of a user's function as ranges. Raises ValueError unless it is a list of (step,
    why)."""
    try:
        steps = {int(step): str(why)[:80] for step, why in answer}
    except (TypeError, ValueError) as error:
        raise ValueError("a horizon function answers a list of (step, why)") from error
    out: list[tuple[int, int, str]] = []
    first = last = -1
    for step in sorted(s for s in steps if 0 <= s < length):
        if last >= 0 and (step > last + 1 or steps[step] != steps[last]):
            out.append((first, last, steps[last]))
            first = -1
        first, last = step if first < 0 else first, step
    return [*out, (first, last, steps[last])] if last >= 0 else out
