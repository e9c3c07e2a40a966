"""Which question belongs to which split."""

from genopt_tui.task.splits import stratified

PAPER = (15, 10)  # train, gate; the rest is test, in file order (arXiv 2603.23994)
SHARES = {"train": 0.3, "gate": 0.3, "test": 0.4}


def assign(labels: list[str], texts: list[str], kind: str, seed: int) -> list[str]:
    """The split of each question: `train`, `gate` or `test`. Repeated questions stay on one side in `shuffled`."""
    if kind == "paper":
        return ["train" if i < PAPER[0] else "gate" if i < sum(PAPER) else "test" for i in range(len(labels))]
    return stratified(labels, texts, seed, SHARES)
