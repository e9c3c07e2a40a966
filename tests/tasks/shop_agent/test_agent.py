"""The shop's agent: questions have the answers that their stall gives, and instructions that name
the tools are found better."""

import re

from genopt_tui.task import loader
from tests.tasks.offline import stepped

TOLD = """The model is never told of its tools.

instructions.txt
<<<<<<< SEARCH
You answer questions about the prices of a market stall.
=======
You answer questions about the prices of a market stall. Write price: THING for each thing, one a line, then
calculate: COUNT * PRICE + COUNT * PRICE, and end with a line answer: NUMBER, or answer: unknown where a price is.
>>>>>>> REPLACE
"""
THING = re.compile(r"(a dozen|\d+) ([a-z]+?)s?(?= and | cost\?)")


def answered(asked: str) -> str:
    """A model that uses the tools once it is told of them: prices, then the sum, then the
    answer."""
    if "calculate: COUNT" not in asked:
        return "That depends on the day."
    things = [
        (12 if count == "a dozen" else int(count), thing) for count, thing in THING.findall(asked)
    ]
    if total := re.search(r"^calculate\(.*\) = (\d+)$", asked, re.MULTILINE):
        return f"answer: {total[1]}"
    prices = dict(re.findall(r"^price\((\w+)\) = (\w+)$", asked, re.MULTILINE))
    if not prices:
        return "\n".join(f"price: {thing}" for _, thing in things)
    if "unknown" in prices.values():
        return "answer: unknown"
    return "calculate: " + " + ".join(f"{count} * {prices[thing]}" for count, thing in things)


def test_answers_follow_from_the_stall_and_no_question_is_in_two_splits() -> None:
    task = loader.find_task("shop_agent")
    module, settings = task.load_module(), task.task.resolve_settings({})
    asked = [module.examples(split, settings) for split in ("train", "gate", "test")]
    data = [example.data for examples in asked for example in examples]
    assert len({example.id for examples in asked for example in examples}) == 120
    unknown = [d for d in data if d["answer"] == "unknown"]
    assert 5 < len(unknown) < 40
    for d in data:
        things = [
            (12 if count == "a dozen" else int(count), thing)
            for count, thing in THING.findall(d["question"])
        ]
        assert 1 <= len(things) <= 3
        absent = any(thing not in d["stall"] for _, thing in things)
        total = sum(count * d["stall"].get(thing, 0) for count, thing in things)
        assert d["answer"] == ("unknown" if absent else str(total)), d["question"]


def test_instructions_that_name_the_tools_are_found_better() -> None:
    session = stepped("shop_agent", TOLD, answered, "gate.examples=8", "batch.size=2")
    assert (session.decision, session.start, session.score) == ("gate", 0.0, 1.0)
