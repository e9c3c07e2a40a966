"""The gate's figures: a version and its base on the same examples.

Tasks with `measure = "time"`: what counts is the ratio of two versions, timed alternately within
one measurement.

A rollout's score is its seconds, taken while nothing else runs and never from the cache. A
version's score is its ratio
to its base times the base's own score, so the start counts 1 and a version the part of the start's
time that it takes.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genopt_tui.config import Gate
from genopt_tui.runner.scoring import RolloutRequest, Scorer, find_distinct, resolve_score
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import RolloutResult

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository


def summarize_rollouts(rows: Sequence[RolloutRow], task: Task) -> dict[str, Any]:
    """Mean, stderr, n and failed of a version's rollouts; equal samples count once, `infra` not at
    all."""
    from genopt_tui.learn.gate import summarize

    results = [row.result for row in rows]
    kept = [results[i] for i in find_distinct([(r,) for r in results])]
    scores = [s for r in kept if (s := resolve_score(r, task.failure_score)) is not None]
    figures = summarize(scores) if scores else None
    return {
        "mean": figures and figures.mean,
        "stderr": figures and figures.stderr,
        "n": figures.n if figures else 0,
        "failed": sum(r.status not in {"ok", "infra"} for r in results),
        "complete": all(r.status != "infra" for r in results),
    }


def compare_on_gate(
    base: Sequence[RolloutRow],
    new: Sequence[RolloutRow],
    task: Task,
    gate: Gate,
    interim: int = 1,
    interim_count: int = 1,
) -> dict[str, Any]:
    """The data of `gate_finished` but for candidate and trees. Rows are in the same order of
    examples and repeats.

    `look` of `looks`: which of several comparisons this is while rollouts still come in.
    """
    from genopt_tui.learn.gate import compare

    pairs: list[tuple[RolloutResult, RolloutResult, Any, Any]] = [
        (
            b.result,
            n.result,
            resolve_score(b.result, task.failure_score),
            resolve_score(n.result, task.failure_score),
        )
        for b, n in zip(base, new, strict=True)
    ]
    scores = [
        {"example": n.example, "repeat": n.repeat, "base": old, "score": score, "status": n.status}
        for _, n, old, score in pairs
    ]
    complete = all(old is not None and score is not None for *_, old, score in pairs)
    whole = [p for p in pairs if p[2] is not None and p[3] is not None]
    kept = [whole[i] for i in find_distinct([(b, n) for b, n, *_ in whole])]
    own, bases = summarize_rollouts(new, task), summarize_rollouts(base, task)
    data: dict[str, Any] = {
        **own,
        "base_mean": bases["mean"],
        "base_stderr": bases["stderr"],
        "scores": scores,
        "complete": complete,
    }
    if not kept:
        return data | {"verdict": "undecided", "n": 0, "better": 0, "worse": 0, "same": 0}
    result = compare(
        [p[2] for p in kept],
        [p[3] for p in kept],
        direction=task.direction,
        confidence=gate.confidence,
        look=interim,
        looks=interim_count,
        blocks=[p[1].example for p in kept],
        deterministic=task.deterministic,
    )
    return data | {
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


async def run_sequential_gate(
    scorer: Scorer, base: RolloutRequest, new: RolloutRequest, gate: Gate
) -> dict[str, Any]:
    """Score both wishes, over the same pairs, in as many parts as the gate looks, up to the first
    part that decides.

    The data of `gated`. Raises EvaluationError.
    """
    looks, rows, bases = min(gate.looks, len(new.pairs)), list[RolloutRow](), list[RolloutRow]()
    for look in range(1, looks + 1):
        part = new.pairs[len(rows) : len(new.pairs) * look // looks]
        rows += await scorer.run_rollouts(replace(new, pairs=part))
        bases += await scorer.run_rollouts(replace(base, pairs=part))
        data = compare_on_gate(bases, rows, scorer.task.task, gate, look, looks)
        if data["verdict"] != "undecided":
            break
    return data


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
    base: Sequence[RolloutRow], new: Sequence[RolloutRow], task: Task, gate: Gate, baseline: float
) -> dict[str, Any]:
    """As `gating.gated`, of a measurement: the base counts `stands`. A version that fails anywhere
    is worse, however fast."""
    from genopt_tui.learn.gate import compare

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
        [0.0] * len(logs), logs, direction=task.direction, confidence=gate.confidence, blocks=blocks
    )
    ratio = math.exp(found.difference)
    ends = [math.exp(end) for end in found.interval] if found.interval else None
    verdict = "worse" if failed else found.verdict if complete else "undecided"
    return {
        **data,
        "mean": baseline * ratio,
        "stderr": baseline * ratio * standard_error(logs) if len(logs) > 1 else None,
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


def standard_error(values: Sequence[float]) -> float:
    """Standard error of the mean of at least two values."""
    from statistics import stdev

    return stdev(values) / math.sqrt(len(values))
