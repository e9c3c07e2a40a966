"""Comparing two versions by their paired scores: better, worse or undecided.

The test is the two-sided paired sign-flip permutation test (Fisher 1935): exact where all 2**n sign
flips are few enough, else on a seeded random sample of them with the +1 correction of Phipson and
Smyth (2010). A percentile bootstrap is not used: at n = 10 it rejects 11 % of true nulls at a
nominal 5 %.

The interval inverts that test, on the same flips: its limits are order statistics of the means of
the non-empty subsets of the differences (Hartigan 1969, "Using subsample values as typical
values"), so 0 lies outside it exactly when the test decides. Where n is too small for the test to
decide at all, the interval is Student's t, widened to contain 0, and the verdict is `undecided`.

Repeated looks spend alpha by the O'Brien-Fleming-like function of Lan and DeMets (1983). Each look
is tested at its increment (a union bound), so the rate of wrong verdicts over all looks stays
within 1 - confidence.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Any, Literal

from genopt_tui.learn.failures import Direction, penalize_pairs
from genopt_tui.learn.student import t_quantile

Verdict = Literal["better", "worse", "undecided"]
MAX_EXACT_PAIRS = 13  # up to so many pairs all sign flips are enumerated
RESAMPLES = 9_999
MAX_LOOKS = 3
TIE_TOLERANCE = 1e-12  # relative difference below which two scores are the same


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean, its standard error (None for n < 2), and the number of scores."""

    mean: float
    stderr: float | None
    n: int

    def bound(self, direction: Direction = "higher", confidence: float = 0.95) -> float:
        """The worse end of the mean's interval (Student's t); the mean itself where n < 2.

        `best` and `--until` compare by it.
        """
        if self.stderr is None:
            return self.mean
        reach = _t_quantile(self.n - 1, confidence) * self.stderr
        return self.mean - reach if direction == "higher" else self.mean + reach


@dataclass(frozen=True, slots=True)
class Comparison:
    """`new` against `base` on the same examples.

    `difference` is mean(new) - mean(base), whichever direction is better; `interval` is its
    confidence interval at `confidence` (None where n < 2); `better`, `worse` and `same` count pairs
    by the task's direction; `alpha` is the level of this look.
    """

    difference: float
    interval: tuple[float, float] | None
    p: float
    verdict: Verdict
    test: str
    confidence: float
    better: int
    worse: int
    same: int
    n: int
    alpha: float

    @property
    def text(self) -> str:
        """The verdict on one line, for lists and messages."""
        low_high = f" [{self.interval[0]:+.4g}, {self.interval[1]:+.4g}]" if self.interval else ""
        counts = f"{self.better} up {self.worse} down {self.same} same"
        return f"d {self.difference:+.4g}{low_high} {self.verdict}  {counts}  n={self.n}"


def summarize(scores: Sequence[float]) -> Summary:
    """Summary of finite scores. Raises ValueError when there is none."""
    if not scores:
        raise ValueError("no scores")
    return Summary(
        fmean(scores),
        _standard_deviation(scores) / math.sqrt(len(scores)) if len(scores) > 1 else None,
        len(scores),
    )


def _standard_deviation(scores: Sequence[float]) -> float:
    """Standard deviation of a sample of two or more; `statistics.stdev` calculates in fractions,
    which takes a hundred times as long."""
    if min(scores) == max(scores):
        return 0.0
    mean = fmean(scores)
    return math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))


def compare(
    base: Sequence[float],
    new: Sequence[float],
    *,
    direction: Direction = "higher",
    confidence: float = 0.95,
    look: int = 1,
    looks: int = 1,
    blocks: Sequence[Hashable] | None = None,
    failed: tuple[Sequence[bool], Sequence[bool]] | None = None,
    deterministic: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare paired scores: `base[i]` and `new[i]` come from the same example and seed. Raises
    ValueError on unpaired input.

    `failed` says which rollouts of base and new failed: they are worse than all that ran. Where
    their scores do not say so, signed ranks are tested instead of differences (Wilcoxon 1945), and
    the difference has no interval.

    `blocks` groups pairs that are not independent (repeats of an example): each block counts once,
    by its mean.
    `deterministic`: the scores have no noise, so that a single pair decides. `look` of `looks` (at
    most three) is the number of this interim analysis, from 1.
    """
    differences = _subtract(_pair_scores(base, new, blocks))
    difference, ranked = fmean(differences), False
    if failed is not None:
        penalized = penalize_pairs(base, new, *failed, direction)
        if ranked := penalized != (list(base), list(new)):
            differences = _rank_signed(_subtract(_pair_scores(*penalized, blocks)))
    better, worse, same = _count_directions(differences, direction)
    n, mean = len(differences), fmean(differences)
    alpha = spend_alpha(1 - confidence, look, looks)
    interval: tuple[float, float] | None
    if n == 1 and deterministic:
        p, interval, test = float(mean == 0), (mean, mean), "exact (deterministic, one example)"
    elif n < 2 or not any(differences):
        p, interval, test = (
            1.0,
            (0.0, 0.0) if n > 1 else None,
            "none (too few scores)" if n < 2 else "none (all the same)",
        )
    else:
        flips = _make_sign_flips(differences, seed)
        p, test = flips.p_value(), flips.name
        interval = _confidence_interval(differences, alpha, p, flips.subset_means())
    verdict: Verdict = "undecided"
    if p <= alpha:
        verdict = "better" if (mean > 0) == (direction == "higher") else "worse"
    if ranked:
        test, interval = f"{test} of ranks, failures last", None
    if looks > 1:
        test += f", look {look} of {looks}"
    return Comparison(
        difference, interval, p, verdict, test, confidence, better, worse, same, n, alpha
    )


def spend_alpha(alpha: float, look: int, looks: int) -> float:
    """The part of `alpha` that this look may use. Raises ValueError for more than three looks."""
    if not 1 <= look <= looks <= MAX_LOOKS:
        raise ValueError(f"look {look} of {looks}: at most {MAX_LOOKS} looks, counted from 1")
    return _cumulative_alpha(alpha, look / looks) - _cumulative_alpha(alpha, (look - 1) / looks)


def _cumulative_alpha(alpha: float, fraction: float) -> float:
    normal = NormalDist()
    return (
        0.0
        if fraction <= 0
        else 2 * (1 - normal.cdf(normal.inv_cdf(1 - alpha / 2) / math.sqrt(fraction)))
    )


def _pair_scores(
    base: Sequence[float], new: Sequence[float], blocks: Sequence[Hashable] | None
) -> list[tuple[float, float]]:
    if not base or len(base) != len(new) or (blocks is not None and len(blocks) != len(base)):
        raise ValueError(f"{len(base)} and {len(new)} scores cannot be paired")
    if not all(map(math.isfinite, [*base, *new])):
        raise ValueError("scores must be finite")
    if blocks is None or len(set(blocks)) == 1:
        return list(zip(base, new, strict=True))
    grouped: dict[Hashable, list[tuple[float, float]]] = {}
    for key, a, b in zip(blocks, base, new, strict=True):
        grouped.setdefault(key, []).append((a, b))
    return [(fmean(a for a, _ in g), fmean(b for _, b in g)) for g in grouped.values()]


def _subtract(pairs: Sequence[tuple[float, float]]) -> list[float]:
    return [
        0.0 if math.isclose(a, b, rel_tol=TIE_TOLERANCE, abs_tol=TIE_TOLERANCE) else b - a
        for a, b in pairs
    ]


def _rank_signed(differences: Sequence[float]) -> list[float]:
    """The rank of each difference by size, with its sign; equal sizes share their mean rank."""
    sizes = sorted(abs(difference) for difference in differences if difference)
    return [
        math.copysign((bisect_left(sizes, abs(d)) + bisect_right(sizes, abs(d)) + 1) / 2, d)
        if d
        else 0.0
        for d in differences
    ]


def _count_directions(differences: Sequence[float], direction: Direction) -> tuple[int, int, int]:
    up, down = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    better, worse = (up, down) if direction == "higher" else (down, up)
    return better, worse, len(differences) - up - down


@dataclass(frozen=True, slots=True)
class _SignFlips:
    """Sign flips of the differences: for each, the sum and the number of flipped differences."""

    sums: Any
    sizes: Any
    total: float
    tolerance: float
    """Two sums that differ by less are equal except for rounding."""
    exact: bool

    def p_value(self) -> float:
        """The share of flips whose sum is at least as far from 0 as the observed one, two-sided."""
        flipped = self.total - 2 * self.sums
        side = min(
            (flipped <= self.total + self.tolerance).sum(),
            (flipped >= self.total - self.tolerance).sum(),
        )
        drawn = 0 if self.exact else 1
        return min(1.0, 2 * float(side + drawn) / (len(flipped) + drawn))

    def subset_means(self) -> Any:
        """Means of the non-empty subsets, in order."""
        import numpy as np

        held = self.sizes > 0
        return np.sort(self.sums[held] / self.sizes[held])

    @property
    def name(self) -> str:
        return f"paired sign-flip permutation ({'exact' if self.exact else f'{RESAMPLES} random flips'})"


def _make_sign_flips(differences: Sequence[float], seed: int) -> _SignFlips:
    import numpy as np

    data, n = np.asarray(differences), len(differences)
    exact, draw = n <= MAX_EXACT_PAIRS, np.random.default_rng(seed).integers
    flipped = np.arange(2**n)[:, None] >> np.arange(n) & 1 if exact else draw(0, 2, (RESAMPLES, n))
    near = 100 * float(np.finfo(float).eps) * float(np.abs(data).sum())
    return _SignFlips(flipped @ data, flipped.sum(axis=1), float(data.sum()), near, exact)


def _confidence_interval(
    differences: Sequence[float], alpha: float, p: float, means: Any
) -> tuple[float, float]:
    """The differences that the test would not reject: order statistics of the `means` of subsets,
    made to agree with `p` about 0."""
    n = len(differences)
    rank = int(alpha / 2 * (len(means) + 1) + 1e-9)
    if rank < 1:
        reach = _t_quantile(n - 1, 1 - alpha) * _standard_deviation(differences) / math.sqrt(n)
        low, high = fmean(differences) - reach, fmean(differences) + reach
    else:
        low, high = float(means[rank - 1]), float(means[-rank])
    if p > alpha:
        return min(low, 0.0), max(high, 0.0)
    return low, high


def _t_quantile(freedom: int, confidence: float) -> float:
    return t_quantile(0.5 + confidence / 2, freedom)
