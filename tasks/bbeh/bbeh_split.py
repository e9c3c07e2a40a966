"""Which question belongs to which split."""

from genopt_tui.task.splits import stratify

PAPER_SIZES = (15, 10)  # train, gate; the rest is test, in file order (arXiv 2603.23994)
SHARES = {"train": 0.3, "gate": 0.3, "test": 0.4}


def assign_splits(labels: list[str], texts: list[str], kind: str, seed: int) -> list[str]:
    """The split of each question: `train`, `gate` or `test`. Repeated questions stay on one side in
    `shuffled`."""
    if kind == "paper":
        return [
            "train" if i < PAPER_SIZES[0] else "gate" if i < sum(PAPER_SIZES) else "test"
            for i in range(len(labels))
        ]
    return stratify(labels, texts, seed, SHARES)
