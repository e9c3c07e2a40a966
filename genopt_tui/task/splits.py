"""Assigning examples to train, gate and test, balanced by label, with repeats kept together."""

import random
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from genopt_tui.errors import TaskError
from genopt_tui.task.rollout import Split


def stratify(
    labels: Sequence[str], keys: Sequence[Hashable], seed: int, shares: Mapping[Split, float]
) -> list[Split]:
    """The split of each example.

    Examples with equal `keys` share a split. Each label is divided according to `shares`: almost
    exactly if it has many examples; single ones go where there is room.
    """
    rng = random.Random(f"split-{seed}")
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        groups[key].append(number)
    classes: dict[str, list[list[int]]] = defaultdict(list)
    for group in groups.values():
        classes[labels[group[0]]].append(group)
    for label in classes:
        rng.shuffle(classes[label])
    return _assign_groups(
        [group for label in sorted(classes) for group in classes[label]], len(labels), shares
    )


def group_by_split(
    labels: Sequence[str],
    keys: Sequence[Hashable],
    seed: int,
    train: float = 0.5,
    gate: float = 0.25,
) -> dict[Split, list[int]]:
    """Indices of the examples in each split.

    The seeded order makes the first few of a split a fair sample of it. `train` and `gate` are
    shares; the test split gets the rest. Raises TaskError for impossible shares.
    """
    if not (train > 0 and gate > 0 and train + gate <= 1):
        raise TaskError(
            f"shares of {train:g} for train and {gate:g} for gate",
            advice="Both above 0, together at most 1",
        )
    sides = stratify(labels, keys, seed, {"train": train, "gate": gate, "test": 1 - train - gate})
    order = list(range(len(labels)))
    random.Random(f"order-{seed}").shuffle(order)
    return {
        name: [number for number in order if sides[number] == name]
        for name in ("train", "gate", "test")
    }


def _assign_groups(
    groups: list[list[int]], total: int, shares: Mapping[Split, float]
) -> list[Split]:
    """Assign groups so that after each one the splits are closest to their shares.

    Groups of the same label are adjacent, so every label is divided by the shares.
    """
    names = list(shares)
    sizes = dict.fromkeys(names, 0)
    split = [names[0]] * total
    done = 0
    for group in groups:
        done += len(group)
        name = max(names, key=lambda name: shares[name] * done - sizes[name])
        sizes[name] += len(group)
        for number in group:
            split[number] = name
    return split
