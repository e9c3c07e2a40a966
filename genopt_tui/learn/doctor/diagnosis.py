"""The loop doctor: what about a loop would mislead its owner, as findings with figures and advice.
Pure: facts in, findings out.

The traps are those found in published loops (arXiv 2603.23994, §2 to §6): degenerate splits, gates
that are too small,
deterministic repeats taken for samples, truncated evidence, hints about data that do not exist.
"""

from collections.abc import Callable, Iterator, Sequence

from genopt_tui.learn.doctor import example_splits, inputs, scores
from genopt_tui.learn.doctor.loop_facts import Finding, LoopFacts

LEVELS = ("error", "warning", "info")
RULES: Sequence[Callable[[LoopFacts], Iterator[Finding]]] = (
    example_splits.check_empty_splits,
    example_splits.check_label_balance,
    example_splits.check_constant_answer,
    example_splits.check_overlap,
    scores.check_noise,
    scores.check_repeats,
    scores.check_null_control,
    scores.check_ceiling,
    inputs.check_context_window,
    inputs.check_fields,
    scores.check_stages,
    scores.check_step_time,
    inputs.check_scope,
    inputs.check_starts,
    inputs.report_policies,
)


def examine(facts: LoopFacts) -> list[Finding]:
    """All findings, errors first, then warnings, then what is only stated."""
    return sort_findings([finding for rule in RULES for finding in rule(facts)])


def sort_findings(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def check_overfitting(
    train: Sequence[float], gate: Sequence[float], direction: str = "higher", window: int = 5
) -> Finding | None:
    """A warning where, over the last `window` accepted versions, train rises while gate falls
    (paper §2.3: the optimizer overfits)."""
    if min(len(train), len(gate)) < window:
        return None
    sign = 1 if direction == "higher" else -1
    up, down = sign * _slope(train[-window:]), sign * _slope(gate[-window:])
    if up > 0 > down:
        message = f"Over the last {window} versions train went {train[-window]:.3g} to {train[-1]:.3g}, gate {gate[-window]:.3g} to {gate[-1]:.3g}."
        advice = "Edits fit the train examples: widen the batch, or rewind to best."
        return Finding("meta-overfitting", "warning", message, advice)
    return None


def _slope(values: Sequence[float]) -> float:
    middle = (len(values) - 1) / 2
    return sum((i - middle) * value for i, value in enumerate(values))
