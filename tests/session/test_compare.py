"""Paired scores from records and journal."""

from random import Random

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session.compare import VersionScores, compare_scores, load_scores
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal
from genopt_tui.task.rollout import RolloutResult
from tests.session.conftest import Accept


def rolled(
    journal: Journal,
    tree: str,
    example: str,
    score: float | None,
    status: str = "ok",
    task: str = "f1",
) -> None:
    result = RolloutResult(example, 0, "gate", status, score, 0.1)  # type: ignore[arg-type]
    journal.store_rollout(f"{task}/{tree}{example}", 1, tree, result, traced=False)


def test_a_planted_difference_is_found_and_failures_count(
    session: Repository, accept: Accept
) -> None:
    a, b = session.head(), accept(1, "a = 2\n", 9.0)
    journal = Journal(session.path)
    for number in range(12):
        rolled(journal, session.artifact_tree(a), f"case-{number}", float(number))
        rolled(journal, session.artifact_tree(b), f"case-{number}", number + 2.0 + number % 3 / 10)
    rolled(journal, session.artifact_tree(a), "crash", None, "error")
    rolled(journal, session.artifact_tree(b), "crash", 1.0)
    rolled(journal, session.artifact_tree(b), "gone", None, "infra")
    rolled(journal, session.artifact_tree(a), "gone", 1.0)
    rolled(journal, session.artifact_tree(b), "case-0", -99.0, task="another state of the task")
    scored = [load_scores(session, journal, commit, failure_score=-5.0) for commit in (a, b)]
    journal.close()
    said = compare_scores(*scored)
    assert said.n == 15, "twelve cases, the crash, and the two of the records"
    assert said.verdict == "better"
    assert said.difference == pytest.approx(said.mean_b - said.mean_a)
    assert next(pair for pair in said.pairs if pair.example == "crash").a == -5.0
    assert said.missing == (("gone", 0),)
    assert compare_scores(*scored, direction="lower").verdict == "worse"
    document = said.to_dict()
    assert {
        "a",
        "b",
        "mean_a",
        "mean_b",
        "difference",
        "interval",
        "p",
        "verdict",
        "test",
        "confidence",
        "better",
        "worse",
        "same",
        "n",
    } <= set(document)


def test_nothing_in_common_is_said(session: Repository, accept: Accept) -> None:
    a, b = session.head(), accept(1, "a = 2\n")
    scored = [load_scores(session, None, commit, failure_score=0.0) for commit in (a, b)]
    with pytest.raises(SessionError, match="never scored"):
        compare_scores(*scored)


def noisy(seed: int, effect: float) -> tuple[VersionScores, VersionScores]:
    """Two versions on ten examples of unequal difficulty; each score has noise of standard
    deviation 1."""
    rng = Random(seed)
    level = {(f"case-{i}", 0): rng.uniform(-20, 20) for i in range(10)}
    a = {key: (value + rng.gauss(0, 1), "ok") for key, value in level.items()}
    b = {key: (value + effect + rng.gauss(0, 1), "ok") for key, value in level.items()}
    return VersionScores("a", "1", a), VersionScores("b", "2", b)


def test_an_effect_of_twice_the_noise_is_found_and_none_is_not() -> None:
    planted = [compare_scores(*noisy(seed, 2.0)).verdict for seed in range(100)]
    assert planted.count("better") >= 95 and "worse" not in planted
    equal = [compare_scores(*noisy(seed, 0.0)).verdict for seed in range(100)]
    assert 100 - equal.count("undecided") <= 13


def test_scores_without_noise_get_the_verdict_of_the_gate() -> None:
    a = VersionScores("a" * 40, "t", {("only", 0): (1.0, "ok")})
    b = VersionScores("b" * 40, "u", {("only", 0): (2.0, "ok")})
    exact = compare_scores(a, b, deterministic=True)
    assert (exact.verdict, exact.interval) == ("better", (1.0, 1.0))
    assert compare_scores(a, b).verdict == "undecided"
