"""The gate's figures: a version and its base on the same examples.

Tasks with `measure = "time"`: what counts is the ratio of two versions, timed alternately within
one measurement.

A rollout's score is its seconds, taken while nothing else runs and never from the cache. A
version's score is its ratio
to its base times the base's own score, so the start counts 1 and a version the part of the start's
time that it takes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genopt_tui.config import Gate
from genopt_tui.learn.failures import Rank, is_failure, rank_scores
from genopt_tui.learn.sequential import is_promising, plan_looks
from genopt_tui.runner.scoring import (
    RolloutRequest,
    Scorer,
    count_distinct,
    count_score,
    find_distinct,
    resolve_score,
)
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import RolloutResult

if TYPE_CHECKING:
    from genopt_tui.learn.gate import Comparison
    from genopt_tui.session.history.repository import Repository


def summarize_rollouts(rows: Sequence[RolloutRow], task: Task) -> dict[str, Any]:
    """Mean, stderr, n, failed and rank of a version's rollouts.

    The mean is over all but `infra`; n counts samples (equal repeats once), and stderr goes by n.
    """
    from genopt_tui.learn.gate import summarize

    results = [row.result for row in rows if row.result.status != "infra"]
    scores = [count_score(result, task.failure_score) for result in results]
    failed = [is_failure(result.status) for result in results]
    n = count_distinct([(result,) for result in results])
    figures = summarize(scores) if scores else None
    return {
        "mean": figures and figures.mean,
        "stderr": figures and figures.stderr and figures.stderr * math.sqrt(figures.n / n)
        if n > 1
        else None,
        "n": n,
        "failed": sum(failed),
        "rank": rank_scores(scores, failed, task.direction),
        "complete": len(results) == len(rows),
    }


def compare_on_gate(
    base: Sequence[RolloutRow],
    new: Sequence[RolloutRow],
    task: Task,
    gate: Gate,
    alpha: float | None = None,
) -> dict[str, Any]:
    """The data of `gate_finished` but for candidate and trees. Rows are in the same order of
    examples and repeats.

    `alpha` is the level of a look of a growing gate; 1 - confidence where it is not given.
    """
    pairs = [(b.result, n.result) for b, n in zip(base, new, strict=True)]
    ran = [pair for pair in pairs if "infra" not in (pair[0].status, pair[1].status)]
    complete = len(ran) == len(pairs)
    own, bases = summarize_rollouts(new, task), summarize_rollouts(base, task)
    data: dict[str, Any] = {
        **own,
        "base_mean": bases["mean"],
        "base_stderr": bases["stderr"],
        "scores": [_build_gate_row(b, n, task.failure_score) for b, n in pairs],
        "complete": complete,
    }
    from genopt_tui.learn.gate import group_repeats

    if not ran:
        return data | {"verdict": "undecided", "n": 0, "better": 0, "worse": 0, "same": 0}
    level = 1 - gate.confidence if alpha is None else alpha
    result = _compare_pairs(ran, task, gate, level)
    distinct = [ran[index] for index in find_distinct(ran)]
    grouped = group_repeats([new.example for _, new in ran], level)
    if grouped is None and len(distinct) < len(ran):
        result = _discount_repeats(result, _compare_pairs(distinct, task, gate, level))
    return (
        data
        | _rank_sides(ran, task)
        | {
            "difference": result.difference,
            "interval": list(result.interval) if result.interval else None,
            "p": result.p,
            "verdict": result.verdict if complete else "undecided",
            "test": result.test,
            "confidence": result.confidence,
            "better": result.better,
            "worse": result.worse,
            "same": result.same,
            "n": result.n,
        }
    )


def _build_gate_row(base: RolloutResult, new: RolloutResult, failure: float) -> dict[str, Any]:
    row = {
        "example": new.example,
        "repeat": new.repeat,
        "base": resolve_score(base, failure),
        "score": resolve_score(new, failure),
        "status": new.status,
    }
    return row | ({"base_status": base.status} if is_failure(base.status) else {})


def _compare_pairs(
    pairs: Sequence[tuple[RolloutResult, RolloutResult]],
    task: Task,
    gate: Gate,
    alpha: float,
) -> "Comparison":
    from genopt_tui.learn.gate import compare, group_repeats

    return compare(
        [count_score(base, task.failure_score) for base, _ in pairs],
        [count_score(new, task.failure_score) for _, new in pairs],
        direction=task.direction,
        confidence=gate.confidence,
        alpha=alpha,
        blocks=group_repeats([new.example for _, new in pairs], alpha),
        failed=(
            [is_failure(base.status) for base, _ in pairs],
            [is_failure(new.status) for _, new in pairs],
        ),
        deterministic=task.deterministic,
    )


def _discount_repeats(whole: "Comparison", distinct: "Comparison") -> "Comparison":
    """A comparison of all repeats of one example, as sure as its distinct samples make it.

    The difference counts every repeat, so that none that is merged can raise it.
    """
    low_high = None
    if whole.interval and distinct.interval:
        low_high = (
            min(whole.interval[0], distinct.interval[0]),
            max(whole.interval[1], distinct.interval[1]),
        )
    return replace(
        whole,
        p=max(whole.p, distinct.p),
        interval=low_high,
        verdict=whole.verdict if whole.verdict == distinct.verdict else "undecided",
        test=f"{distinct.test}, equal repeats count once",
        n=distinct.n,
    )


def _rank_sides(
    pairs: Sequence[tuple[RolloutResult, RolloutResult]], task: Task
) -> dict[str, Rank]:
    """What candidate and base are ranked by: their failures are worse than all that ran here."""
    ranks: list[Rank] = []
    for side in (1, 0):
        own, other = [pair[side] for pair in pairs], [pair[1 - side] for pair in pairs]
        ranks.append(
            rank_scores(
                [count_score(result, task.failure_score) for result in own],
                [is_failure(result.status) for result in own],
                task.direction,
                [r.score for r in other if r.status == "ok" and r.score is not None],
            )
        )
    return {"rank": ranks[0], "base_rank": ranks[1]}


async def run_sequential_gate(
    scorer: Scorer,
    base: RolloutRequest,
    new: RolloutRequest,
    gate: Gate,
    first: int,
    baseline: float = 1.0,
) -> dict[str, Any]:
    """Score both requests pair by pair until the scores decide; the data of `gate_finished`.

    The gate begins with `first` pairs and may grow to all pairs of `new`. It stops at the first look that decides,
    or where a verdict has become unlikely. `baseline` is the base's own score where time counts.
    Raises EvaluationError.
    """
    task, alpha = scorer.task.task, 1 - gate.confidence
    plan = plan_looks(first, len(new.pairs), alpha)
    rows, bases = list[RolloutRow](), list[RolloutRow]()

    def compare_rows(level: float) -> dict[str, Any]:
        if scorer.is_timed:
            return compare_timed(bases, rows, task, gate, baseline, level)
        return compare_on_gate(bases, rows, task, gate, level)

    for look in plan:
        part = new.pairs[len(rows) : look.size]
        requests = [replace(base, pairs=part), replace(new, pairs=part)]
        before = _count_samples(bases, rows)
        if scorer.is_timed:
            parts = await run_alternately(scorer, requests)
        else:
            parts = [await scorer.run_rollouts(request) for request in reversed(requests)][::-1]
        bases += parts[0]
        rows += parts[1]
        data = compare_rows(look.alpha)
        nothing_new = before > 0 and _count_samples(bases, rows) == before
        if data["verdict"] != "undecided" or not data["complete"] or nothing_new:
            break
        if not is_promising(_compute_gains(data["scores"], task.direction), look, plan[-1]):
            break
    if data["verdict"] == "undecided" and len(plan) > 1:
        # A candidate that is given up is tested for `worse` at the whole level: that accepts none.
        whole = compare_rows(alpha)
        data = data if whole["verdict"] == "better" else whole
    return data | {"looks": [one.size for one in plan[: look.number]], "most": len(new.pairs)}


def _count_samples(base: Sequence[RolloutRow], new: Sequence[RolloutRow]) -> int:
    return count_distinct([(b.result, n.result) for b, n in zip(base, new, strict=True)])


def _compute_gains(rows: Sequence[Mapping[str, Any]], direction: str) -> list[float]:
    """What each pair gained, up as better; pairs without two scores are left out."""
    sign = 1 if direction == "higher" else -1
    return [
        sign * (row["score"] - row["base"])
        for row in rows
        if None not in (row["score"], row["base"])
    ]


def check_predictions(
    expects: Sequence[Sequence[str]], scores: Sequence[dict[str, Any]], direction: str
) -> list[tuple[str, str, bool]]:
    """Which of `expects: EXAMPLE up|down` were kept, where up is better: (example, way, kept) of
    those with a score and a base."""
    sign = 1 if direction == "higher" else -1
    told = []
    for example, way in expects:
        rows = [
            s for s in scores if s["example"] == example and None not in (s["base"], s["score"])
        ]
        if rows:
            gain = sign * sum(s["score"] - s["base"] for s in rows)
            told.append((example, way, gain > 0 if way == "up" else gain < 0))
    return told


START_SCORE = 1.0


async def run_alternately(
    scorer: Scorer, requests: Sequence[RolloutRequest]
) -> list[list[RolloutRow]]:
    """The rollouts of several wishes over equally many pairs: of each pair one after the other, the
    first one in turn."""
    rows: list[list[RolloutRow]] = [[] for _ in requests]
    for at in range(len(requests[0].pairs)):
        order = range(len(requests)) if at % 2 == 0 else reversed(range(len(requests)))
        for which in order:
            request = requests[which]
            rows[which] += await scorer.run_rollouts(request.select_pair(at))
    return rows


def baseline_score(repository: "Repository", commit: str) -> float:
    """What a version counts, in starts: as its gate said, or as the version said that it was made
    from without a gate."""
    record = repository.read_record(commit)
    while record.scores.mean is None and record.base and record.decision.decision != "start":
        record = repository.read_record(record.base)
    return START_SCORE if record.scores.mean is None else record.scores.mean


def compare_timed(
    base: Sequence[RolloutRow],
    new: Sequence[RolloutRow],
    task: Task,
    gate: Gate,
    baseline: float,
    alpha: float | None = None,
) -> dict[str, Any]:
    """As `compare_on_gate`, where time counts: the base's score is `baseline`.

    A version that fails anywhere is worse, however fast.
    """
    from genopt_tui.learn.gate import compare, group_repeats, summarize

    logs, blocks, scores = [], [], []
    for one, two in ((b.result, n.result) for b, n in zip(base, new, strict=True)):
        ratio = (
            two.score / one.score
            if one.score and two.score and min(one.score, two.score) > 0
            else None
        )
        row = {
            "example": two.example,
            "repeat": two.repeat,
            "status": two.status,
            "seconds": [one.score, two.score],
        }
        scores.append({**row, "base": baseline, "score": ratio and baseline * ratio})
        if ratio:
            logs.append(math.log(ratio))
            blocks.append(two.example)
    failed = sum(row.result.status not in {"ok", "infra"} for row in new)
    complete = all(row.result.status != "infra" for row in [*base, *new])
    data: dict[str, Any] = {
        "scores": scores,
        "complete": complete,
        "failed": failed,
        "base_mean": baseline,
    }
    if not logs:
        verdict = "worse" if failed and complete else "undecided"
        none = {
            "mean": None,
            "stderr": None,
            "base_stderr": None,
            "n": 0,
            "better": 0,
            "worse": 0,
            "same": 0,
        }
        return {**data, **none, "verdict": verdict}
    found = compare(
        [0.0] * len(logs),
        logs,
        direction=task.direction,
        confidence=gate.confidence,
        alpha=alpha,
        blocks=group_repeats(blocks, 1 - gate.confidence if alpha is None else alpha),
    )
    ratio = math.exp(found.difference)
    deviation = summarize(logs).stderr
    ends = [math.exp(end) for end in found.interval] if found.interval else None
    verdict = "worse" if failed else found.verdict if complete else "undecided"
    return {
        **data,
        "mean": baseline * ratio,
        "stderr": baseline * ratio * deviation if deviation is not None else None,
        "base_stderr": None,
        "ratio": ratio,
        "ratio_interval": ends,
        "difference": baseline * (ratio - 1),
        "interval": [baseline * (end - 1) for end in ends] if ends else None,
        "p": found.p,
        "verdict": verdict if complete else "undecided",
        "test": f"{found.test}, of log ratios timed alternately",
        "confidence": found.confidence,
        "better": found.better,
        "worse": found.worse,
        "same": found.same,
        "n": found.n,
    }
