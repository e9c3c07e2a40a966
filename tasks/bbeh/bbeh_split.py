"""Which question belongs to which split."""

import random
from collections import defaultdict

PAPER = (15, 10)  # train, gate; the rest is test, in file order (arXiv 2603.23994)
SHARES = (0.3, 0.3)


def assign(labels: list[str], texts: list[str], kind: str, seed: int) -> list[str]:
    """The split of each question: `train`, `gate` or `test`. Repeated questions stay on one side in `shuffled`."""
    if kind == "paper":
        return ["train" if i < PAPER[0] else "gate" if i < sum(PAPER) else "test" for i in range(len(labels))]
    rng = random.Random(f"bbeh-{seed}")
    groups: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        groups[text].append(number)
    classes: dict[str, list[list[int]]] = defaultdict(list)
    for group in groups.values():
        classes[labels[group[0]]].append(group)
    for label in classes:
        rng.shuffle(classes[label])
    return _dealt([group for label in sorted(classes) for group in classes[label]], len(labels))


def _dealt(groups: list[list[int]], total: int) -> list[str]:
    """Deal the groups out so that at every point each split has its share: groups of one label stand together, so labels are shared out too."""
    shares = {"train": SHARES[0], "gate": SHARES[1], "test": 1 - sum(SHARES)}
    dealt = dict.fromkeys(shares, 0)
    split = [""] * total
    done = 0
    for group in groups:
        done += len(group)
        name = max(shares, key=lambda name: shares[name] * done - dealt[name])
        dealt[name] += len(group)
        for number in group:
            split[number] = name
    return split
