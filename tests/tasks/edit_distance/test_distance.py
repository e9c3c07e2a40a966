"""The edit distance: the start is right, wrong results have no score, and a faster function is
found faster."""

import random

from genopt_tui.task import loader
from tests.tasks.offline import searched, stepped

COLUMNS = """Whole columns as the bits of one number.

words.py
<<<<<<< SEARCH
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i == 0 or j == 0:
                table[i][j] = i + j
            else:
                cost = 0 if a[i - 1] == b[j - 1] else 1
                table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost)
    return table[len(a)][len(b)]
=======
    if not a or not b:
        return len(a) + len(b)
    where = {}
    for i, x in enumerate(a):
        where[x] = where.get(x, 0) | 1 << i
    full, last = (1 << len(a)) - 1, 1 << len(a) - 1
    up, down, found = full, 0, len(a)
    for y in b:
        same = where.get(y, 0)
        across = (((same & up) + up) ^ up) | same
        more, less = down | ~(across | up) & full, up & across
        found += bool(more & last) - bool(less & last)
        more, less, same = (more << 1 | 1) & full, less << 1 & full, same | down
        up, down = less | ~(same | more) & full, more & same
    return found
>>>>>>> REPLACE
"""
WRONG = """Guess.

words.py
<<<<<<< SEARCH
    return table[len(a)][len(b)]
=======
    return 1
>>>>>>> REPLACE
"""


def test_the_start_and_the_reference_agree_on_all_kinds_of_pairs() -> None:
    task = loader.find_task("edit_distance")
    module, names = task.load_module(), {}
    exec(task.read_start()["words.py"], names)
    made = [pair for seed in range(20) for pair in module.make_pairs(random.Random(seed))]
    assert {len(b) for _, b in made} > {0}
    assert all(names["distance"](a, b) == module.compute_distance(a, b) for a, b in made[::4])
    assert [
        module.compute_distance(a, b)
        for a, b in (("kitten", "sitting"), ("", "abc"), ("flaw", "lawn"))
    ] == [3, 3, 2]


def test_seeds_are_in_one_split_only() -> None:
    module = loader.find_task("edit_distance").load_module()
    held = [
        example.data for split in ("train", "gate", "test") for example in module.examples(split)
    ]
    assert len(set(held)) == len(held) == 48


def test_a_faster_function_is_found_faster_and_counts_by_its_ratio() -> None:
    session = stepped("edit_distance", COLUMNS, str, "gate.examples=16", "batch.size=1")
    assert session.decision == "gate"
    assert session.start == 1.0 and session.score is not None and session.score < 0.7


def test_a_wrong_function_never_wins() -> None:
    session = stepped("edit_distance", WRONG, str, "gate.examples=2", "batch.size=1")
    assert session.decision == "rejected" and session.score is None
    assert "2 of 2 failed" in session.reason


def test_search_comes_to_a_decision() -> None:
    assert searched("edit_distance", "gate.examples=2", "batch.size=1").decision in {
        "gate",
        "rejected",
        "undecided",
    }
