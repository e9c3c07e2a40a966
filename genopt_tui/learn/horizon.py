"""Which steps of a trace become evidence."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from genopt_tui.task.rollout import TraceStep
from genopt_tui.task.trace import TraceReader

Ranges = list[tuple[int, int]]
Chooser = Callable[[Sequence[TraceStep], float | None], Sequence[tuple[int, str]]]


def select(
    kind: str,
    steps: int,
    length: int,
    trace: Sequence[TraceStep] | None = None,
    *,
    failed: bool = False,
    score: float | None = None,
    chooser: Chooser | None = None,
) -> Ranges:
    """The steps that the horizon keeps, as inclusive ranges counted from 0, in order.

    `all`, `first` and `last` need no trace. `around-reward` keeps `steps` on each side of every
    step whose reward differs from
    the trace's usual one, `around-error` of every step with a failing call (a failed rollout: of
    its last step); where there is
    none, the last `steps`. `python:FILE:FUNCTION` keeps the steps that `chooser`, that function,
    names.
    """
    return [
        (first, last)
        for first, last, _ in select_steps(kind, steps, length, trace, failed, score, chooser)
    ]


def select_steps(
    kind: str,
    steps: int,
    length: int,
    trace: Sequence[TraceStep] | None = None,
    failed: bool = False,
    score: float | None = None,
    chooser: Chooser | None = None,
) -> list[tuple[int, int, str]]:
    """As `select`, each range with the reason it was kept for ('' where the kind says it)."""
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


def describe_horizon(kind: str, steps: int) -> str:
    """The horizon in words."""
    words = {
        "all": "every step",
        "first": f"the first {steps} steps",
        "last": f"the last {steps} steps",
        "around-reward": f"{steps} steps on each side of every unusual reward (none: the last {steps})",
        "around-error": f"{steps} steps on each side of every error (none: the last {steps})",
    }
    return words.get(
        kind, f"the steps that {kind.removeprefix('python:').replace(':', ', function ')} chooses"
    )


def in_words(ranges: Sequence[tuple[int, int]]) -> str:
    """`0-399, 790-811`; the middle of a long list is counted, not listed."""
    words = [str(a) if a == b else f"{a}-{b}" for a, b in ranges]
    if len(words) > 12:
        words = [*words[:8], f"... {len(words) - 11} more ranges ...", *words[-3:]]
    return ", ".join(words)


def find_unusual_rewards(trace: Sequence[TraceStep]) -> list[int]:
    """Steps whose reward is not the trace's most frequent one (0 where that is not clear)."""
    told = trace.read_rewards() if isinstance(trace, TraceReader) else [s.reward for s in trace]
    values = [
        0.0 if value is None or value != value else value for value in told
    ]  # a NaN differs from itself
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


def merge_ranges(windows: Sequence[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that touch made one."""
    out: Ranges = []
    for first, last in sorted(windows):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def _parse_chosen_steps(answer: Any, length: int) -> list[tuple[int, int, str]]:
    """What a user's function answered, as ranges; raises ValueError where that is no list of (step,
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
