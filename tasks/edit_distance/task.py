"""Pairs of texts whose distance is known here; the artifact is timed over them and must be right on
each."""

import random
from time import perf_counter

from genopt_tui.task.contract import ArtifactError, Context, Example, Result

FIRST_SEED = {"train": 0, "gate": 1000, "test": 2000}
PAIR_COUNT, MAX_LETTERS = 6, 120  # pairs of an example, letters of a text


def examples(split: str) -> list[Example]:
    """Seeds of pairs; no seed is in two splits."""
    return [
        Example(f"seed-{number}", number)
        for number in range(FIRST_SEED[split], FIRST_SEED[split] + 16)
    ]


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Time every pair. Raises ArtifactError at the first wrong result."""
    total = 0.0
    for a, b in make_pairs(random.Random(example.data)):
        began = perf_counter()
        got = ctx.call("words.distance", a, b)
        took = (perf_counter() - began) * 1000
        if got != (right := compute_distance(a, b)):
            raise ArtifactError(f"distance({a[:40]!r}, {b[:40]!r}) gave {got!r}, right is {right}")
        total += took
        ctx.step({"a": len(a), "b": len(b), "distance": right}, action=got, reward=-took)
    return Result(total, f"All right in {total:.2f} ms.")


def make_pairs(rng: random.Random) -> list[tuple[str, str]]:
    """Pairs of all kinds: far apart, nearly equal, with an equal beginning, empty."""
    made = []
    for number in range(PAIR_COUNT):
        a = draw_letters(rng, rng.randint(MAX_LETTERS // 2, MAX_LETTERS))
        kinds = [
            draw_letters(rng, rng.randint(MAX_LETTERS // 2, MAX_LETTERS)),
            mutate(rng, a),
            a[: len(a) // 2] + draw_letters(rng, 20),
        ]
        made.append((a, kinds[number % len(kinds)] if rng.random() > 0.05 else ""))
    return made


def draw_letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("abcdefgh") for _ in range(count))


def mutate(rng: random.Random, text: str) -> str:
    """`text` with a few letters replaced."""
    at = set(rng.sample(range(len(text)), 3))
    return "".join(rng.choice("xyz") if i in at else letter for i, letter in enumerate(text))


def compute_distance(a: str, b: str) -> int:
    """The reference, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]
