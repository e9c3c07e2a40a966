"""A failure is no number: how scores compare where rollouts failed.

A rollout that failed is worse than every rollout that ran, whatever the task's `failure_score`,
direction and scale are. `failure_score` counts in means only. All comparisons (gate, `compare`,
`best`, the curve, re-checks, the doctor) take their numbers from here.
"""

import sys
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

Direction = Literal["higher", "lower"]
Rank = float | Literal["failed"] | None
SOUND = frozenset({"ok", "infra", ""})  # "" is an old record's, which kept no status


def is_failure(status: str) -> bool:
    """Whether a rollout of this status failed by the artifact's fault; `infra` was ours."""
    return status not in SOUND


def penalize_failures(
    scores: Sequence[float],
    failed: Sequence[bool],
    direction: Direction,
    others: Sequence[float] = (),
) -> list[float]:
    """`scores` with those of failed rollouts worse than each that ran, here and in `others`.

    A failure keeps its score where that is worse already. Where nothing ran, all are equal.
    """
    ran = [*others, *(score for score, fails in zip(scores, failed, strict=True) if not fails)]
    own = [score for score, fails in zip(scores, failed, strict=True) if fails]
    if not ran or not own:
        return list(scores)
    sign = 1 if direction == "higher" else -1
    worst, spread = min(sign * score for score in ran), max(ran) - min(ran)
    if max(sign * score for score in own) < worst:
        return list(scores)
    # just below the worst run: how much worse a failure is, no scale says
    penalty = max(worst - (0.01 * spread or 0.01 * abs(worst) or 1.0), -sys.float_info.max)
    return [sign * penalty if fails else score for score, fails in zip(scores, failed, strict=True)]


def penalize_pairs(
    base: Sequence[float],
    new: Sequence[float],
    base_failed: Sequence[bool],
    new_failed: Sequence[bool],
    direction: Direction,
) -> tuple[list[float], list[float]]:
    """Both sides of a paired comparison; a failure counts the same on either."""
    both = penalize_failures([*base, *new], [*base_failed, *new_failed], direction)
    return both[: len(base)], both[len(base) :]


def rank_scores(
    scores: Sequence[float],
    failed: Sequence[bool],
    direction: Direction,
    others: Sequence[float] = (),
) -> Rank:
    """What a version is ranked by beside others: the mean with its failures worse than all that
    ran, "failed" where none of its rollouts ran. None where none failed: its mean says it.
    """
    if not any(failed):
        return None
    if all(failed):
        return "failed"
    return fmean(penalize_failures(scores, failed, direction, others))
