"""Comparing two versions by their paired scores: better, worse or undecided.

The test is the two-sided paired sign-flip permutation test (Fisher 1935): exact where all 2**n sign
flips are few enough, else on a seeded random sample of them with the +1 correction of Phipson and
Smyth (2010). A percentile bootstrap is not used: at n = 10 it rejects 11 % of true nulls at a
nominal 5 %.

The interval inverts that test, on the same flips: its limits are order statistics of the means of
the non-empty subsets of the differences (Hartigan 1969, "Using subsample values as typical
values"), so 0 lies outside it exactly when the test decides. Where n is too small for the test to
decide at all, the interval is Student's t, widened to contain 0, and the verdict is `undecided`.

Where scores carry no noise, an exact rule comes before the test: some better and none worse is
`better`. A growing gate passes the level of its look (`sequential.plan_looks`) as `alpha`.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from genopt_tui.learn.failures import Direction, penalize_pairs
from genopt_tui.learn.student import t_quantile

Verdict = Literal["better", "worse", "undecided"]
MAX_EXACT_PAIRS = 13  # up to so many pairs all sign flips are enumerated
RESAMPLES = 9_999
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
    alpha: float | None = None,
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
    `deterministic`: the scores carry no noise. Some better and none worse is then `better`, none
    better and some worse is `worse`, without a test.
    `alpha` is the level of the test, 1 - confidence where it is not given.
    """
    differences = _subtract(_pair_scores(base, new, blocks))
    difference, ranked = fmean(differences), False
    if failed is not None:
        penalized = penalize_pairs(base, new, *failed, direction)
        if ranked := penalized != (list(base), list(new)):
            differences = _rank_signed(_subtract(_pair_scores(*penalized, blocks)))
    better, worse, same = _count_directions(differences, direction)
    n, mean = len(differences), fmean(differences)
    alpha = 1 - confidence if alpha is None else alpha
    interval: tuple[float, float] | None
    exact = deterministic and (better == 0) != (worse == 0)
    if exact:
        p, interval, test = 0.0, (mean, mean) if n == 1 else None, _name_exact_rule(better, n)
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
        test, interval = test if exact else f"{test} of ranks, failures last", None
    return Comparison(
        difference, interval, p, verdict, test, confidence, better, worse, same, n, alpha
    )


def _name_exact_rule(better: int, n: int) -> str:
    """The exact rule's name, with the bound on its risk: the upper 95 % limit of a share of which
    `n` examples show none, 1 - 0.05 ** (1 / n) (Clopper and Pearson 1934)."""
    bound = 1 - 0.05 ** (1 / n)
    none, change = ("worse", "get worse") if better else ("better", "get better")
    return f"exact (no noise): none of {n} {none}, so at most {bound:.0%} {change} (95 %)"


def group_repeats(examples: Sequence[Hashable], alpha: float) -> Sequence[Hashable] | None:
    """What `compare` takes as `blocks`: the examples, or None where they are too few to decide.

    Then each repeat is a sample of its own, and the verdict is about these examples alone.
    """
    return examples if can_decide(len(set(examples)), alpha) else None


def can_decide(n: int, alpha: float) -> bool:
    """Whether `n` gains of equal sign give the sign-flip test a p of at most `alpha`."""
    return 2.0 ** (1 - n) <= alpha


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
