"""How often the gate is wrong, and how often it finds what is there: `python tests/bench/noise.py
[TRIALS]`. Seeded; no clock.

accepted   identical versions that the gate calls `better`, in 1,000 trials at confidence 0.95
           (goal: at most 73)
decided    those it calls `better` or `worse` (a nominal 50)
power      true effects of one standard deviation of a single score that are called `better` (goal:
           0.8 at 20 pairs)
twice      the same of two standard deviations (goal: 0.99 at 20 pairs)
"""

import sys
from collections.abc import Sequence
from random import Random

from genopt_tui.learn.gate import Verdict, compare
from genopt_tui.learn.sequential import plan_looks

NOISES = {
    "normal": lambda noise: noise.gauss(0, 1),
    "skewed": lambda noise: noise.expovariate(1) - 1,
    "two values": lambda noise: float(noise.random() < 0.5) * 2 - 1,
}
"""Kinds of noise, each of standard deviation 1."""


def verdict(base: Sequence[float], new: Sequence[float], looks: int) -> Verdict:
    """The gate's verdict with scores that come in up to `looks` parts."""
    for look in plan_looks(-(-len(base) // looks), len(base), 0.05):
        said = compare(base[: look.size], new[: look.size], alpha=look.alpha)
        if said.verdict != "undecided":
            break
    return said.verdict


def trial(kind: str, seed: int, pairs: int, effect: float, looks: int) -> Verdict:
    noise, draw = Random(seed), NOISES[kind]
    base, new = [draw(noise) for _ in range(pairs)], [draw(noise) + effect for _ in range(pairs)]
    return verdict(base, new, looks)


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(
        f"{trials} trials each; confidence 0.95\n{'noise':<12}{'pairs':>6}{'looks':>6}{'accepted':>10}{'decided':>9}{'power':>8}{'twice':>8}"
    )
    for kind in NOISES:
        for pairs in (10, 20):
            for looks in (1, 3):
                same = [trial(kind, seed, pairs, 0.0, looks) for seed in range(trials)]
                true = [trial(kind, seed, pairs, 1.0, looks) for seed in range(trials)]
                twice = [trial(kind, seed, pairs, 2.0, looks) for seed in range(trials)]
                accepted, decided = same.count("better"), trials - same.count("undecided")
                power, large = (found.count("better") / trials for found in (true, twice))
                told = f"{kind:<12}{pairs:>6}{looks:>6}{accepted:>10}{decided:>9}{power:>8.3f}{large:>8.3f}"
                print(told, flush=True)


if __name__ == "__main__":
    main()
