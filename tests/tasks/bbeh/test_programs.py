"""The programs that BBEH tasks can start from: right on invented questions in each task's form, and
as right as they say."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.task import loader

REAL = Path(
    os.environ.get(
        "GENOPT_BBEH_DIR", Path(__file__).resolve().parents[4] / "shared" / "data" / "bbeh"
    )
)  # the questions of GENOPT_BBEH_DIR, or a shared copy beside the checkout
TASKS = (
    "boolean_expressions",
    "dyck_languages",
    "multistep_arithmetic",
    "object_counting",
    "word_sorting",
)

BOOLEAN = """From the following five expressions, only one evaluates to true. Which one is it?

(A) not not (2 * 3 is less than or equal to 5) and (True)
(B) (The capital of India is Mumbai.) or not not not (True)
(C) not (max(1, 7, -2, 4) - min(1, 7, -2, 4) > 9) and (The capital of the Canada is Ottawa.)
(D) (1 - (4 / -2) is greater than 9)
(E) not (not (False))
"""
ARITHMETIC = """Consider the following new operations:

$a >< b$ equals $(a - b)$ if $a * b > 0$; otherwise,  it equals $-a - -b$.
$a ~ b$ equals $a + b$ if $gcd(a, b) == 1$ and $gcd(a, b)$ otherwise, where gcd stands for greatest common divisor.
$a @ b$ equals $min(a, b)$ if either $a$ or $b$ is prime and $max(a, b)$ otherwise.
$a # b$ equals $(b >< a) * b$ if $|a-b| < 2$ and $(a + b) ~ a$ otherwise.

Let A = ((five >< -3) ~ (4 @ 6))
Let B = ((4 # three) - -2)
Let C = (8 ~ (7 @ 2)).
Compute A + B - C. Your final answer must be in number form.
"""
COUNTING = """I have 12 apples. My aunt has 40 pears. I also have 30 electric guitars (it is a funny story how I have 30 of them: \
initially I had 10, then I got another 20). I also have 7 fuji apples (hope to have more). I also have a banjo. I also have 9 \
honda civic cars. My uncle also has 3 violins.  What is the {} of the total number of fruits and musical instruments that I have?"""
DYCK = """You are an expert in a language called dyck.
Task: Complete the rest of the sequence, making sure that the parentheses are closed properly. Input: [ ( ) {
Thought 1: We should process each input one by one and keep track of the stack configuration.
Thought 2: stack: empty
Thought 3: [ ; stack: [
Thought 4: ( ; stack: [ (
Thought 5: ) ; stack: {}
Thought 6: { ; stack: [ {
Thought 7: Now, we have reached the end. The final stack is [ {.
Thought 8: So the answer is } ]
Q: Is there a mistake in this sequence? Write "No" if there are no mistakes, or the number N if there is a mistake in Thought N.
"""
SORTING = "Sort the following words with the new alphabet and separate them with comma: bat, zoo, ant, apple, quiz"
ALPHABET = (
    "Consider a new alphabet whose letters have the same order as the English alphabet, except that {}. "
    + SORTING
)
THOUGHTS = """You are an expert in word sorting.
Q: Sort the following words alphabetically: List: bat ant
Thought 1: I should start by looking at the first letter of the words in the list. The first letter: "bat": "b" (2). "ant": "a" ({}).
Thought 2: We now have: (1) "ant" < (2) "bat".
Q: Is there a mistake in this sequence? Write "No" if there are no mistakes, or the number N if there is a mistake in Thought N.
"""
LISTED = "Consider a new alphabet order [z, q, b, a, n, t, p, l, e, u, i, o]. " + SORTING
INVENTED = [
    ("boolean_expressions", BOOLEAN, "(C)"),
    ("multistep_arithmetic", ARITHMETIC, "-1"),
    ("object_counting", COUNTING.format("sum"), "50"),
    ("object_counting", COUNTING.format("absolute difference"), "12"),
    ("dyck_languages", DYCK.replace("{}", "["), "No"),
    ("dyck_languages", DYCK.replace("{}", "empty"), "5"),
    (
        "word_sorting",
        ALPHABET.format("z and q are the first two letters"),
        "zoo, quiz, ant, apple, bat",
    ),
    ("word_sorting", ALPHABET.format("a is the last letter"), "bat, quiz, zoo, ant, apple"),
    ("word_sorting", LISTED, "zoo, quiz, bat, ant, apple"),
    ("word_sorting", THOUGHTS.format(1), "No"),
    ("word_sorting", THOUGHTS.format(2), "1"),
]


def solver(task: str) -> Any:
    """`solve` of the task's program."""
    names: dict[str, Any] = {}
    exec(loader.find_task(f"bbeh/{task}").read_start("program")["solver.py"], names)
    return names["solve"]


@pytest.mark.parametrize(("task", "question", "answer"), INVENTED, ids=lambda value: value[:20])
def test_invented_questions_are_answered(task: str, question: str, answer: str) -> None:
    assert solver(task)(question) == answer


@pytest.mark.parametrize("task", TASKS)
def test_a_question_of_another_form_breaks_no_program(task: str) -> None:
    assert isinstance(
        solver(task)("separate them with comma: what\nLet A = (1 $ 2)\nCompute A. Now."), str
    )


@pytest.mark.skipif(
    not (REAL / "benchmark_tasks").exists(),
    reason="the BBEH data are not here (set GENOPT_BBEH_DIR)",
)
@pytest.mark.parametrize("task", TASKS)
def test_a_program_is_as_right_as_it_says(task: str) -> None:
    said = re.search(
        r"Right in (\d+) of the (\d+) questions",
        loader.find_task(f"bbeh/{task}").task.starts["program"].code,
    )
    rows = json.loads((REAL / "benchmark_tasks" / f"bbeh_{task}" / "task.json").read_text())[
        "examples"
    ]
    solve = solver(task)
    right = sum(solve(row["input"]) == row["target"] for row in rows)
    assert said and (right, len(rows)) == (int(said[1]), int(said[2]))
