"""Quantiles of Student's t in plain Python: importing scipy for this alone would more than double the
application's memory."""

from functools import lru_cache
from math import exp, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

CONVERGENCE = 1e-15
"""Relative change at which an iteration has converged."""


@lru_cache(maxsize=256)
def t_quantile(p: float, freedom: int) -> float:
    """The t below which a share `p` (0.5 <= p < 1) of the distribution with `freedom` (>= 1)
    degrees of freedom lies.

    Newton's method kept within a bracket; exact to about 12 digits.
    """
    if p == 0.5:
        return 0.0
    low, high = 0.0, 2.0
    while t_cdf(high, freedom) < p:
        low, high = high, high * 4
    t = min(max(NormalDist().inv_cdf(p), low), high)
    for _ in range(200):
        over = t_cdf(t, freedom) - p
        low, high = (low, t) if over > 0 else (t, high)
        step = t - over / t_density(t, freedom)
        step = step if low < step < high else (low + high) / 2
        if abs(step - t) <= CONVERGENCE * abs(step):
            break
        t = step
    return t


def t_density(t: float, freedom: int) -> float:
    half = freedom / 2
    return exp(lgamma(half + 0.5) - lgamma(half) - (half + 0.5) * log1p(t * t / freedom)) / sqrt(
        freedom * pi
    )


def t_cdf(t: float, freedom: int) -> float:
    """The share of the distribution below t >= 0."""
    return 1 - 0.5 * _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction where that converges
    fast."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(x, a, b) / a
    return 1 - front * _continued_fraction(1 - x, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, 10_000):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + part * d) or tiny)
            c = (1 + part / c) or tiny
            value *= c * d
        if abs(c * d - 1) < CONVERGENCE:
            break
    return value
