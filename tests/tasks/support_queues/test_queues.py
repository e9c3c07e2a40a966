"""Support queues: the cases are sound, and a better prompt is found better by a model that answers
as it is told."""

from collections import Counter

from genopt_tui.task import loader
from genopt_tui.task.cases import placeholders
from tests.tasks.offline import stepped

NAMED = """The prompt never names the teams.

prompt.txt
<<<<<<< SEARCH
Read this message to a shop and say which team should answer it.
=======
Read this message to a shop and say which team should answer it: billing, shipping, returns or account.
>>>>>>> REPLACE
"""
SIGNS = {
    "account": ("account", "log in", "password", "my data"),
    "returns": ("back", "return", "refund"),
    "billing": ("charged", "invoice", "tax", "card", "paid"),
}


def answered(asked: str) -> str:
    """A model that sorts by plain signs, once it is told the names of the queues."""
    if "billing, shipping, returns or account" not in asked:
        return "The support team should answer it."
    return next(
        (
            queue
            for queue, signs in SIGNS.items()
            if any(sign in asked.lower().partition("account.")[2] for sign in signs)
        ),
        "shipping",
    )


def test_cases_are_balanced_and_all_different() -> None:
    task = loader.find_task("support_queues")
    cases = task.load_module().CASES
    counts = Counter(case["queue"] for case in cases)
    assert set(counts) == {"billing", "shipping", "returns", "account"} and max(
        counts.values()
    ) < 1.5 * min(counts.values())
    assert len({case["message"] for case in cases}) == len(cases)
    assert placeholders(task.read_start()["prompt.txt"]) == ["message"]


def test_splits_share_nothing_and_hold_every_queue() -> None:
    task = loader.find_task("support_queues")
    held = {
        split: task.load_module().examples(split, task.task.resolve_settings({}))
        for split in ("train", "gate", "test")
    }
    assert sum(map(len, held.values())) == 78
    assert (
        len({example.data["message"] for examples in held.values() for example in examples}) == 78
    )
    assert all(len({example.label for example in examples}) == 4 for examples in held.values())


def test_a_prompt_that_names_the_queues_is_found_better() -> None:
    session = stepped("support_queues", NAMED, answered, "gate.examples=12", "batch.size=2")
    assert session.decision == "gate"
    assert session.start == 0.0 and session.score > 0.6
