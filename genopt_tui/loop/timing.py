"""Tasks with `measure = "time"`: what counts is the ratio of two versions, timed alternately within one measurement.

A rollout's score is its seconds, taken while nothing else runs and never from the cache. A version's score is its ratio
to its base times the base's own score, so the start counts 1 and a version the part of the start's time that it takes.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genopt_tui.config import Gate
from genopt_tui.loop.scoring import Scorer, Wish
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task

if TYPE_CHECKING:
    from genopt_tui.session.repository import Repository

START = 1.0


async def alternately(scorer: Scorer, wishes: Sequence[Wish]) -> list[list[RolloutRow]]:
    """The rollouts of several wishes over equally many pairs: of each pair one after the other, the first one in turn."""
    rows: list[list[RolloutRow]] = [[] for _ in wishes]
    for at in range(len(wishes[0].pairs)):
        order = range(len(wishes)) if at % 2 == 0 else reversed(range(len(wishes)))
        for which in order:
            wish = wishes[which]
            rows[which] += await scorer.roll(wish.only(at))
    return rows


def standing(repository: "Repository", commit: str) -> float:
    """What a version counts, in starts: as its gate said, or as the version said that it was made from without a gate."""
    record = repository.record(commit)
    while record.scores.mean is None and record.base and record.decision.decision != "start":
        record = repository.record(record.base)
    return START if record.scores.mean is None else record.scores.mean


def timed(
    base: Sequence[RolloutRow], new: Sequence[RolloutRow], task: Task, gate: Gate, stands: float
) -> dict[str, Any]:
    """As `gating.gated`, of a measurement: the base counts `stands`. A version that fails anywhere is worse, however fast."""
    from genopt_tui.learn.gate import compare

    logs, blocks, scores = [], [], []
    for one, two in ((b.result, n.result) for b, n in zip(base, new, strict=True)):
        ratio = two.score / one.score if one.score and two.score and min(one.score, two.score) > 0 else None
        row = {"example": two.example, "repeat": two.repeat, "status": two.status, "seconds": [one.score, two.score]}
        scores.append({**row, "base": stands, "score": ratio and stands * ratio})
        if ratio:
            logs.append(math.log(ratio))
            blocks.append(two.example)
    failed = sum(row.result.status not in {"ok", "infra"} for row in new)
    complete = all(row.result.status != "infra" for row in [*base, *new])
    data: dict[str, Any] = {"scores": scores, "complete": complete, "failed": failed, "base_mean": stands}
    if not logs:
        verdict = "worse" if failed and complete else "undecided"
        none = {"mean": None, "stderr": None, "base_stderr": None, "n": 0, "better": 0, "worse": 0, "same": 0}
        return {**data, **none, "verdict": verdict}
    found = compare([0.0] * len(logs), logs, direction=task.direction, confidence=gate.confidence, blocks=blocks)
    ratio = math.exp(found.difference)
    ends = [math.exp(end) for end in found.interval] if found.interval else None
    verdict = "worse" if failed else found.verdict if complete else "undecided"
    return {
        **data,
        "mean": stands * ratio,
        "stderr": stands * ratio * spread(logs) if len(logs) > 1 else None,
        "base_stderr": None,
        "ratio": ratio,
        "ratio_interval": ends,
        "difference": stands * (ratio - 1),
        "interval": [stands * (end - 1) for end in ends] if ends else None,
        "p": found.p,
        "verdict": verdict if complete else "undecided",
        "test": f"{found.test}, of log ratios timed alternately",
        "confidence": found.confidence,
        "better": found.better,
        "worse": found.worse,
        "same": found.same,
        "n": found.n,
    }


def spread(values: Sequence[float]) -> float:
    """Standard error of the mean of at least two values."""
    from statistics import stdev

    return stdev(values) / math.sqrt(len(values))
