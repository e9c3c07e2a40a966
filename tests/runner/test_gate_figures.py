"""The gate's figures from rollouts: nothing that is merged, dropped or failed makes them better."""

from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genopt_tui.config import Gate
from genopt_tui.runner.gate import compare_on_gate, summarize_rollouts
from genopt_tui.session.journal import RolloutRow
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import RolloutResult

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TASK = Task(name="t", description="d", objective="o", failure_score=-100.0, starts={"s": {}})
STATUSES = st.sampled_from(["ok", "error", "timeout", "memory", "killed", "invalid", "infra"])
SAMPLE = st.tuples(STATUSES, st.integers(0, 3), st.sampled_from(["", "a", "b"]), st.integers(0, 40))


def row(example: str, repeat: int, status: str, score: float, signature: str = "", steps: int = 0):
    result = RolloutResult(
        example,
        repeat,
        "gate",
        status,
        float(score) if status == "ok" else None,
        0.1,
        signature=signature,
        steps=steps,
    )
    return RolloutRow(0, f"{example}/{repeat}", 1, "tree", False, result)


def counted(rows: list[RolloutRow]) -> list[float]:
    """What each rollout counts in a mean, none of them left out but `infra`."""
    results = [r.result for r in rows if r.result.status != "infra"]
    return [r.score if r.status == "ok" else TASK.failure_score for r in results]


@st.composite
def gates(draw):
    """Rollouts of base and candidate on the same examples and repeats."""
    keys = [
        (f"e{e}", r) for e in range(draw(st.integers(1, 6))) for r in range(draw(st.integers(1, 4)))
    ]
    return tuple([row(*key, *draw(SAMPLE)) for key in keys] for _ in range(2))


@UNTIMED
@given(gates(), st.sampled_from(["higher", "lower"]))
def test_no_merging_repeating_or_dropping_raises_a_mean(gate, direction):
    base, new = gate
    task = TASK.model_copy(update={"direction": direction})
    figures = summarize_rollouts(new, task)
    scores = counted(new)
    assert figures["mean"] == (pytest.approx(fmean(scores)) if scores else None)
    assert figures["n"] <= len(scores)
    data = compare_on_gate(base, new, task, Gate())
    assert data["mean"] == figures["mean"]
    assert data["n"] <= len({r.result.example for r in new}) or len(data["scores"]) > 1
    failed = sum(r.result.status not in {"ok", "infra"} for r in new)
    assert data["failed"] == failed


def test_thirty_equal_failures_count_as_thirty():
    base = [row(f"e{i}", 0, "ok", i % 2) for i in range(40)]
    new = [row(f"e{i}", 0, "ok", 0, "same", 30) for i in range(30)]
    new += [row(f"e{i}", 0, "ok", 1, f"s{i}", 30) for i in range(30, 40)]
    data = compare_on_gate(base, new, TASK, Gate())
    assert (data["mean"], data["n"]) == (0.25, 40)
    assert data["verdict"] != "better"


def test_equal_repeats_of_one_example_are_one_sample():
    base = [row("e", r, "ok", 0, "b", 30) for r in range(10)]
    new = [row("e", r, "ok", 1, "n", 30) for r in range(10)]
    data = compare_on_gate(base, new, TASK, Gate())
    assert (data["n"], data["verdict"], data["difference"]) == (1, "undecided", 1.0)
    assert summarize_rollouts(new, TASK)["n"] == 1


def test_failed_repeats_of_one_example_are_each_a_sample():
    new = [row("e", r, "error", 0, "n", 30) for r in range(10)]
    figures = summarize_rollouts(new, TASK)
    assert (figures["n"], figures["mean"], figures["rank"]) == (10, -100.0, "failed")


def test_a_candidate_that_fails_is_worse_than_a_base_with_a_lower_score():
    task = TASK.model_copy(update={"failure_score": 0.0})
    base = [row(f"e{i}", 0, "ok", -50 - i) for i in range(8)]
    new = [row(f"e{i}", 0, "error", 0) for i in range(8)]
    data = compare_on_gate(base, new, task, Gate())
    assert (data["verdict"], data["mean"], data["rank"]) == ("worse", 0.0, "failed")
    assert data["base_rank"] is None
