"""The gate's figures: a version and its base on the same examples."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genopt_tui.config import Gate
from genopt_tui.loop.scoring import Scorer, Wish, distinct, score_of
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import RolloutResult


def summarized(rows: Sequence[RolloutRow], task: Task) -> dict[str, Any]:
    """Mean, stderr, n and failed of a version's rollouts; equal samples count once, `infra` not at all."""
    from genopt_tui.learn.gate import summary

    results = [row.result for row in rows]
    kept = [results[i] for i in distinct([(r,) for r in results])]
    scores = [s for r in kept if (s := score_of(r, task.failure_score)) is not None]
    figures = summary(scores) if scores else None
    return {
        "mean": figures and figures.mean,
        "stderr": figures and figures.stderr,
        "n": figures.n if figures else 0,
        "failed": sum(r.status not in {"ok", "infra"} for r in results),
        "complete": all(r.status != "infra" for r in results),
    }


def gated(
    base: Sequence[RolloutRow], new: Sequence[RolloutRow], task: Task, gate: Gate, look: int = 1, looks: int = 1
) -> dict[str, Any]:
    """The data of `gate_finished` but for candidate and trees. Rows are in the same order of examples and repeats.

    `look` of `looks`: which of several comparisons this is while rollouts still come in.
    """
    from genopt_tui.learn.gate import compare

    pairs: list[tuple[RolloutResult, RolloutResult, Any, Any]] = [
        (b.result, n.result, score_of(b.result, task.failure_score), score_of(n.result, task.failure_score))
        for b, n in zip(base, new, strict=True)
    ]
    scores = [
        {"example": n.example, "repeat": n.repeat, "base": old, "score": score, "status": n.status}
        for _, n, old, score in pairs
    ]
    complete = all(old is not None and score is not None for *_, old, score in pairs)
    whole = [p for p in pairs if p[2] is not None and p[3] is not None]
    kept = [whole[i] for i in distinct([(b, n) for b, n, *_ in whole])]
    own, bases = summarized(new, task), summarized(base, task)
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
        look=look,
        looks=looks,
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


async def looked(scorer: Scorer, base: Wish, new: Wish, gate: Gate) -> dict[str, Any]:
    """Score both wishes, over the same pairs, in as many parts as the gate looks, up to the first part that decides.

    The data of `gated`. Raises EvaluationError.
    """
    looks, rows, bases = min(gate.looks, len(new.pairs)), list[RolloutRow](), list[RolloutRow]()
    for look in range(1, looks + 1):
        part = new.pairs[len(rows) : len(new.pairs) * look // looks]
        rows += await scorer.roll(replace(new, pairs=part))
        bases += await scorer.roll(replace(base, pairs=part))
        data = gated(bases, rows, scorer.task.task, gate, look, looks)
        if data["verdict"] != "undecided":
            break
    return data


def judged(
    expects: Sequence[Sequence[str]], scores: Sequence[dict[str, Any]], direction: str
) -> list[tuple[str, str, bool]]:
    """Which of `expects: EXAMPLE up|down` were kept, where up is better: (example, way, kept) of those with a score and a base."""
    sign = 1 if direction == "higher" else -1
    told = []
    for example, way in expects:
        rows = [s for s in scores if s["example"] == example and None not in (s["base"], s["score"])]
        if rows:
            gain = sign * sum(s["score"] - s["base"] for s in rows)
            told.append((example, way, gain > 0 if way == "up" else gain < 0))
    return told
