"""The gate's statistics, on seeded noise."""

import math
from random import Random

import pytest
from scipy import stats

from genopt_tui.learn.gate import compare, group_repeats, summarize
from genopt_tui.learn.sequential import plan_looks


def verdicts(trials: int, n: int, effect: float, first: int = 0) -> list[str]:
    """What a gate of up to `n` pairs says of each trial; it begins with `first` (0: all)."""
    said = []
    for trial in range(trials):
        noise = Random(trial)
        base, new = (
            [noise.gauss(0, 1) for _ in range(n)],
            [noise.gauss(effect, 1) for _ in range(n)],
        )
        for look in plan_looks(first or n, n, 0.05):
            verdict = compare(base[: look.size], new[: look.size], alpha=look.alpha).verdict
            if verdict != "undecided":
                break
        said.append(verdict)
    return said


def test_an_identical_version_is_seldom_accepted():
    said = verdicts(1_000, 10, 0.0)
    assert said.count("better") <= 73
    assert said.count("better") + said.count("worse") <= 100


def test_several_looks_do_not_accept_more_often():
    assert verdicts(150, 12, 0.0, first=4).count("better") <= 0.073 * 150


def test_an_effect_of_one_deviation_is_found():
    assert verdicts(100, 20, 1.0).count("better") >= 80


@pytest.mark.parametrize("n", [2, 5, 6, 9, 13, 20])
def test_the_interval_agrees_with_the_verdict(n):
    for trial in range(12):
        noise = Random(trial)
        base, new = [noise.gauss(0, 1) for _ in range(n)], [noise.gauss(0.8, 1) for _ in range(n)]
        said = compare(base, new)
        low, high = said.interval or (0, 0)
        assert (said.verdict == "undecided") is (low <= 0 <= high)
        assert low <= said.difference <= high


def test_all_sign_flips_say_what_scipy_says_of_them():
    noise = Random(0)
    for n in (2, 3, 5, 8, 11):
        for draw in (
            lambda: noise.gauss(0.4, 1),
            lambda: float(noise.randint(-2, 2)),
            lambda: noise.randint(-9, 9) / 10,
        ):
            new = [1.0, *(draw() for _ in range(n - 1))]
            told = stats.permutation_test(
                (new, [0.0] * n),
                lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
                permutation_type="samples",
                n_resamples=2**n,
            )
            assert math.isclose(compare([0.0] * n, new).p, told.pvalue), new


def test_direction_ties_and_blocks():
    base, new = [1.0, 2, 3, 4, 5, 6, 7], [0.5, 1, 2, 3, 4, 5, 7]
    said = compare(base, new, direction="lower")
    assert (said.verdict, said.better, said.worse, said.same) == ("better", 6, 0, 1)
    assert compare(base, new).verdict == "worse" and said.difference < 0
    equal = compare(base, base)
    assert (equal.verdict, equal.p, equal.same) == ("undecided", 1.0, 7)
    assert compare(base, new, blocks=["a", "a", "b", "b", "c", "c", "c"]).n == 3


def test_one_deterministic_example_decides_by_itself():
    assert compare([1.0], [2.0]).verdict == "undecided"
    assert compare([1.0], [2.0], deterministic=True).verdict == "better"
    assert compare([1.0], [1.0], deterministic=True).verdict == "undecided"


def test_without_noise_some_better_and_none_worse_is_better():
    base = [0.0] * 3 + [1.0] * 21
    said = compare(base, [1.0] * 24, deterministic=True)
    assert (said.verdict, said.better, said.worse, said.same) == ("better", 3, 0, 21)
    # 1 - 0.05 ** (1 / 24) = 0.117
    assert said.test == "exact (no noise): none of 24 worse, so at most 12% get worse (95 %)"
    assert compare(base, [1.0] * 24).verdict == "undecided"
    mirror = compare([1.0] * 24, base, deterministic=True)
    assert mirror.verdict == "worse" and "none of 24 better" in mirror.test
    lower = compare([1.0] * 24, base, direction="lower", deterministic=True)
    assert lower.verdict == "better"


def test_without_noise_the_test_decides_where_some_are_worse():
    base, new = [0.0] * 3 + [1.0] * 3, [1.0] * 3 + [1.0, 1.0, 0.0]
    with_noise, without = compare(base, new), compare(base, new, deterministic=True)
    assert without == with_noise and without.verdict == "undecided"


def test_repeats_are_samples_where_the_examples_are_too_few():
    examples = ["a", "b"] * 8
    base, new = [0.0] * 16, [1.0 + i / 100 for i in range(16)]
    assert compare(base, new, blocks=examples).verdict == "undecided"
    assert compare(base, new, blocks=group_repeats(examples, 0.05)).verdict == "better"
    assert group_repeats([*"abcdef"], 0.05) == [*"abcdef"]


def test_what_cannot_be_paired_is_refused():
    for base, new in (([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0])):
        with pytest.raises(ValueError):
            compare(base, new)


def test_a_summary_and_its_lower_bound():
    said = summarize([1.0, 2.0, 3.0])
    assert (said.mean, said.n) == (2.0, 3) and said.stderr == pytest.approx(0.577, abs=1e-3)
    assert said.bound() < 2 < said.bound("lower")
