"""A failure is no number: it is worse than all that ran, whatever the numbers are."""

from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genopt_tui.learn.failures import is_failure, penalize_failures, rank_scores
from genopt_tui.learn.gate import compare

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCORES = st.floats(-1e9, 1e9, allow_nan=False)
DIRECTIONS = st.sampled_from(["higher", "lower"])
ROLLOUTS = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=12)


def is_worse(a: float, b: float, direction: str) -> bool:
    return a < b if direction == "higher" else a > b


@UNTIMED
@given(ROLLOUTS, SCORES, DIRECTIONS)
def test_a_failure_is_worse_than_every_rollout_that_ran(rollouts, failure_score, direction):
    failed = [fails for _, fails in rollouts]
    scores = [failure_score if fails else score for score, fails in rollouts]
    penalized = penalize_failures(scores, failed, direction)
    ran = [score for score, fails in zip(penalized, failed, strict=True) if not fails]
    assert ran == [score for score, fails in rollouts if not fails], "what ran keeps its score"
    for value, fails in zip(penalized, failed, strict=True):
        if fails and ran:
            assert all(is_worse(value, score, direction) for score in ran)


@pytest.mark.parametrize(("direction", "score"), [("higher", -50.0), ("lower", 5e9)])
@pytest.mark.parametrize("failure_score", [0.0, 1e12, -1e12])
def test_no_crash_wins_whatever_the_failure_score_is(direction, score, failure_score):
    ran, crashed, never = [score] * 8, [failure_score] * 8, [False] * 8
    fails = [True] * 8
    worse = compare(ran, crashed, direction=direction, failed=(never, fails))
    better = compare(crashed, ran, direction=direction, failed=(fails, never))
    same = compare(crashed, crashed, direction=direction, failed=(fails, fails))
    assert (worse.verdict, worse.worse) == ("worse", 8)
    assert (better.verdict, better.better) == ("better", 8)
    assert (same.verdict, same.same) == ("undecided", 8)


@UNTIMED
@given(ROLLOUTS, SCORES, DIRECTIONS)
def test_a_rank_is_never_better_than_the_mean_of_what_ran(rollouts, failure_score, direction):
    failed = [fails for _, fails in rollouts]
    scores = [failure_score if fails else score for score, fails in rollouts]
    rank = rank_scores(scores, failed, direction)
    if all(failed):
        assert rank == "failed"
    elif not any(failed):
        assert rank is None
    else:
        mean = fmean(score for score, fails in rollouts if not fails)
        assert is_worse(rank, mean, direction)


def test_what_is_our_fault_is_no_failure():
    assert [is_failure(s) for s in ("ok", "infra", "", "error", "timeout", "invalid")] == [
        *[False] * 3,
        *[True] * 3,
    ]
