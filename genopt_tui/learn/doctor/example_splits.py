"""The loop doctor on examples: splits that are empty, unbalanced, or share what they hold."""

from collections import Counter
from collections.abc import Iterator

from genopt_tui.learn.doctor.loop_facts import Finding, LoopFacts
from genopt_tui.task.rollout import Split

MAX_LABELS_LISTED = 12  # labels whose shares are all told


def check_empty_splits(facts: LoopFacts) -> Iterator[Finding]:
    for required in ("train", "gate"):
        if not facts.examples.get(required):
            message = f"The {required} split holds no example."
            yield Finding(
                "empty-split", "error", message, f"Let examples('{required}') return some."
            )
    if not facts.examples.get("test"):
        message = "There is no test split: the best version cannot be checked on fresh examples."
        advice = "Keep some examples for a last look that nothing was chosen by."
        yield Finding("no-test-split", "info", message, advice)


def check_label_balance(facts: LoopFacts) -> Iterator[Finding]:
    for split, counts in count_labels(facts).items():
        if counts:
            told = counts.most_common(MAX_LABELS_LISTED if len(counts) <= MAX_LABELS_LISTED else 3)
            shares = ", ".join(
                f"{label[:40]} {count / counts.total():.0%}" for label, count in told
            )
            more = (
                "" if len(told) == len(counts) else f" (the most common of {len(counts)} answers)"
            )
            yield Finding(
                "label-balance", "info", f"{split}: {counts.total()} examples: {shares}{more}."
            )


def check_constant_answer(facts: LoopFacts) -> Iterator[Finding]:
    """A split in which always giving the commonest answer of train is right far more often than
    chance."""
    counted = count_labels(facts)
    train = counted.get("train", Counter())
    if not train:
        return
    kinds = len(set().union(*counted.values()))
    answer, count = train.most_common(1)[0]
    for split, counts in counted.items():
        share = counts[answer] / counts.total() if counts else 0.0
        if counts and share >= max(0.6, 1.5 / kinds):
            others = ", ".join(
                f"{s} {c[answer] / c.total():.0%}" for s, c in counted.items() if c and s != split
            )
            message = f"Always answering '{answer[:40]}' is right in {share:.0%} of {split} (elsewhere: {others}); chance is {1 / kinds:.0%}."
            advice = (
                "Use a stratified split: what is learned here may be no more than this constant."
            )
            yield Finding("constant-answer", "warning", message, advice)
    if len(train) == 1 and kinds > 1:
        message = f"All {count} train examples have the answer '{answer[:40]}'."
        yield Finding("one-label", "warning", message, "Use a stratified split.")


def check_overlap(facts: LoopFacts) -> Iterator[Finding]:
    held = {
        split: {card.digest for card in cards} for split, cards in facts.examples.items() if cards
    }
    if len(held) > 1 and len(set().union(*held.values())) == 1:
        message = "All splits hold the same one example: this problem itself is optimized, and nothing is said of others."
        yield Finding("one-problem", "info", message)
        return
    seen: dict[str, Split] = {}
    repeats: Counter[Split] = Counter()
    shared: Counter[tuple[Split, Split]] = Counter()
    for split, cards in facts.examples.items():
        digests = Counter(card.digest for card in cards)
        repeats[split] += sum(count - 1 for count in digests.values())
        for digest in digests:
            if digest in seen:
                shared[seen[digest], split] += 1
            seen.setdefault(digest, split)
    for (one, other), count in shared.items():
        advice = "Scores on one say nothing new about the other: make the splits disjoint."
        message = f"{_format_example_count(count)} both in {one} and in {other}."
        yield Finding("overlap", "warning", message, advice)
    for split, count in repeats.items():
        if count:
            advice = "Repeated examples count as evidence more than once: remove them."
            message = f"{split}: {_format_example_count(count)} there more than once."
            yield Finding("repeated-examples", "warning", message, advice)


def count_labels(facts: LoopFacts) -> dict[Split, Counter[str]]:
    return {
        split: Counter(c.label for c in cards if c.label is not None)
        for split, cards in facts.examples.items()
    }


def _format_example_count(count: int) -> str:
    return f"{count} example is" if count == 1 else f"{count} examples are"
