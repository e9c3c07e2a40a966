"""When a growing gate looks at its scores, at which level it tests, and when more scores would pay.

A candidate that the first examples leave undecided gets more of them, up to `most`. Testing several times
raises the rate of false verdicts, so each look spends a part of alpha: the cumulative part is
alpha * fraction ** 1.5, a power family (Kim and DeMets 1987, "Design and analysis of group sequential tests
based on the type I error spending rate function"), and each look is tested at its increment. By the union
bound the rate of false verdicts over all looks stays at or below alpha, whatever the test and however the
looks depend on each other.

A look that decides nothing stops the growth where a verdict has become unlikely: when the conditional power
under the current trend (Lachin 2005, "A review of methods for futility stopping based on conditional
power") falls below 3 %. Stopping for futility can only lower the rate of false acceptances.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

MAX_LOOKS = 4
SPENDING_POWER = 1.5
MIN_CONDITIONAL_POWER = 0.03


@dataclass(frozen=True, slots=True)
class Look:
    """One interim analysis: after `size` pairs of scores, tested at level `alpha`."""

    number: int
    size: int
    alpha: float


def plan_looks(first: int, most: int, alpha: float) -> tuple[Look, ...]:
    """The looks of a gate that starts with `first` pairs and may grow to `most`.

    The levels add up to `alpha`. Raises ValueError unless 1 <= first.
    """
    if first < 1:
        raise ValueError(f"a gate needs at least one pair, not {first}")
    most = max(first, most)
    count = min(MAX_LOOKS, math.ceil(most / first))
    growth = (most - first) / (count - 1) if count > 1 else 0
    sizes = [round(first + growth * index) for index in range(count)]
    spent = [alpha * (size / most) ** SPENDING_POWER for size in sizes]
    return tuple(
        Look(index + 1, size, total - before)
        for index, (size, total, before) in enumerate(
            zip(sizes, spent, [0.0, *spent[:-1]], strict=True)
        )
    )


def conditional_power(gains: Sequence[float], look: Look, final: Look) -> float:
    """The chance of `better` at the final look if the gains go on as they have so far.

    `gains` are the paired differences with up as better, one for each example. 0.0 where nothing has
    changed; where all gains are equal, 1.0 if they are up and 0.0 if they are down.
    """
    if len(gains) < 2 or not any(gains):
        return 0.0
    spread = stdev(gains)
    if spread == 0:
        return 1.0 if gains[0] > 0 else 0.0
    normal = NormalDist()
    z = fmean(gains) / spread * math.sqrt(len(gains))
    critical = normal.inv_cdf(1 - final.alpha / 2)
    fraction = look.size / final.size
    if fraction >= 1:
        return float(z >= critical)
    return normal.cdf((z / math.sqrt(fraction) - critical) / math.sqrt(1 - fraction))


def is_promising(gains: Sequence[float], look: Look, final: Look) -> bool:
    """Whether an undecided comparison should grow: its mean is up, and a verdict is still likely enough.

    Few scores say little about their own spread: where gains exist and none is negative, it grows.
    """
    if not gains or fmean(gains) <= 0:
        return False
    if min(gains) >= 0:
        return True
    return conditional_power(gains, look, final) >= MIN_CONDITIONAL_POWER
