"""Questions about a market stall whose prices only the tools know."""

import random

from genopt_tui.task.contract import Context, Example, Result

FIRST_NUMBER = {"train": 0, "gate": 1000, "test": 2000}
GOODS = ["apple", "pear", "fig", "plum", "lime", "melon", "quince", "date"]
ABSENT = ["mango", "kiwi"]


def examples(split: str, settings: dict) -> list[Example]:
    """40 questions of a split, made from their numbers; no number is in two splits."""
    return [
        Example(f"q{number}", make_question(number, settings["things"]))
        for number in range(FIRST_NUMBER[split], FIRST_NUMBER[split] + 40)
    ]


def make_question(number: int, things: int) -> dict:
    """A stall, a question about it, and its answer."""
    rng = random.Random(number)
    stall = {thing: rng.randrange(10, 300, 5) for thing in rng.sample(GOODS, 6)}
    wanted = rng.sample(sorted(stall), rng.randint(1, things))
    if rng.random() < 0.15:
        wanted[0] = rng.choice(ABSENT)
    counts = [rng.choice([rng.randint(1, 9), 12]) for _ in wanted]
    words = [
        f"{'a dozen' if c == 12 else c} {thing}{'s' if c > 1 else ''}"
        for c, thing in zip(counts, wanted, strict=True)
    ]
    total = sum(c * stall.get(thing, 0) for c, thing in zip(counts, wanted, strict=True))
    answer = str(total) if all(thing in stall for thing in wanted) else "unknown"
    return {"stall": stall, "question": f"What do {' and '.join(words)} cost?", "answer": answer}


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Ask the agent, compare what it says."""
    question, expected = example.data["question"], example.data["answer"]
    got = str(ctx.call("agent.answer", question, example.data["stall"])).strip()
    right = got == expected
    ctx.step({"question": question}, action=got, reward=float(right))
    return Result(
        float(right),
        "Right." if right else f"Wrong: it answered {got[:200]!r}, expected {expected!r}.",
    )
