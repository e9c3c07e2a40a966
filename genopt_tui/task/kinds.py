"""What `genopt task init` writes: for each kind of task, at most three short files.

They run as they are, and their comments explain what to replace. `write_task` fills in the
placeholders, such as `@MODULE@`; `@POINTS@` is the expression that scores one answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.errors import TaskError
from genopt_tui.task.scaffold import write_folder

TOML_HEAD = """# What is optimized, how it is scored, and what the model is told.
# Run one example: genopt task try @DIR@. Look for mistakes: genopt check @DIR@
description = "@NAME@"
# What the model is asked to achieve:
objective = "Improve the @KIND@, also for examples not shown here. The score: @SCORE@."
# What the model is told about how the artifact is used:
documentation = "@DOCUMENTATION@"
direction = "@DIRECTION@"      # whether a higher or a lower score is better
failure_score = @FAILURE@      # the score of a run that fails: as bad as a score can be
rule = "@SCORE@"               # the name of the score, shown beside it
"""
TOML_START = """
[starts.first]             # its files are in starts/first/; add a table and a folder for another
description = "Where the search begins"
# What the model may edit: "FILE", "FILE:FUNCTION", or "*.py", which allows new files too
scope = [@SCOPE@]

[choices]                  # initial design choices; you can change them during a run
"batch.size" = 3           # how many examples the model sees in one update
"gate.examples" = @GATE@       # how many examples decide whether a proposal is accepted

[limits]
seconds = 60               # how long one run may take
"""

TASK_HEAD = '''"""Runs and scores @WHAT@. The model never sees or edits this file."""

import random

from genopt_tui.task.contract import Context, Example, Result

# The model learns from train; gate decides what is accepted; test stays sealed until export.
FIRST_SEED = {"train": 0, "gate": 1000, "test": 2000}


def examples(split):
    """Replace these with your own: any JSON data. Put each example in one split only."""
    return [Example(f"{split}-{n}", data=FIRST_SEED[split] + n) for n in range(24)]

'''

FUNCTION_TASK = (
    TASK_HEAD
    + '''
def correct_answer(numbers):
    """The largest sum of consecutive numbers. Replace it with a rule or data of your own."""
    ends = range(1, len(numbers) + 1)
    return max(sum(numbers[i:j]) for j in ends for i in range(j))


def run(artifact, example, ctx: Context) -> Result:
    """Call the artifact in its sandbox, then score its answers.

    The model learns from the feedback: say what went wrong.
    """
    rng = random.Random(example.data)
    scores, mistakes = [], []
    for _ in range(8):
        numbers = [rng.randint(-9, 9) for _ in range(rng.randint(1, 6))]
        answer, expected = ctx.call("@RUN@", numbers), correct_answer(numbers)
        scores.append(@POINTS@)
        # Record a step of the trace, which the model may see.
        ctx.step({"numbers": numbers}, action=answer, reward=float(scores[-1]))
        if answer != expected:
            mistakes.append(f"@FUNCTION@({numbers}) returned {answer!r}, expected {expected}")
    return Result(sum(scores) / len(scores), "; ".join(mistakes[:3]) or "All correct.")
'''
)
FUNCTION = '''def @FUNCTION@(numbers):
    """The largest sum of consecutive numbers in a non-empty list of integers."""
    return sum(numbers)
'''

FILES_TASK = (
    TASK_HEAD
    + '''
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def run(artifact, example, ctx: Context) -> Result:
    """Call the artifact in its sandbox, where it can import its other files; score its answers.

    The model learns from the feedback: say what went wrong.
    """
    rng = random.Random(example.data)
    scores, mistakes = [], []
    for _ in range(8):
        counts = [rng.randint(1, 9) for _ in range(rng.randint(2, 3))]
        parts = [
            f"{WORDS[count] if rng.random() < 0.4 else count} {rng.choice(['pears', 'figs'])}"
            for count in counts
        ]
        text = " and ".join(parts)
        answer, expected = ctx.call("@RUN@", text), sum(counts)
        scores.append(@POINTS@)
        # Record a step of the trace, which the model may see.
        ctx.step({"text": text}, action=answer, reward=float(scores[-1]))
        if answer != expected:
            mistakes.append(f"{text!r} returned {answer!r}, expected {expected}")
    return Result(sum(scores) / len(scores), "; ".join(mistakes[:3]) or "All correct.")
'''
)
FILES = '''import re


def @FUNCTION@(text):
    """Count the fruits in a text such as '3 pears and two figs'."""
    return sum(int(number) for number in re.findall(r"\\d+", text))
'''

AGENT_TASK = (
    TASK_HEAD
    + '''
PRICES = {"pears": 3, "figs": 7, "plums": 2, "limes": 5}


def run(artifact, example, ctx: Context) -> Result:
    """Let the agent answer one question, and score the answer.

    The agent calls llm(...); the session's agent_model replies from outside the sandbox.
    """
    rng = random.Random(example.data)
    fruit, count = rng.choice(sorted(PRICES)), rng.randint(2, 40)
    question = f"What do {count} {fruit} cost?"
    answer, expected = ctx.call("@RUN@", question, PRICES), str(count * PRICES[fruit])
    correct = str(answer).strip() == expected
    # Record a step of the trace, which the model may see.
    ctx.step({"question": question}, action=answer, reward=float(correct))
    return Result(@POINTS@, "Correct." if correct else f"Answered {answer!r}, expected {expected}.")
'''
)
AGENT = '''import re


def look_up(prices, fruit):
    """Tool: the price of a fruit."""
    return str(prices.get(fruit.strip(), "unknown"))


def calculate(text):
    """Tool: the product of two numbers in a text such as '3 * 4'."""
    first, second = re.findall(r"\\d+", text)[:2]
    return str(int(first) * int(second))


def @FUNCTION@(question, prices):
    """Let the model use the tools until it answers. llm(...) is a built-in function here."""
    prompt = f"Tools: LOOK UP fruit, CALCULATE a * b. End with ANSWER number.\\n{question}"
    for _ in range(4):
        reply = llm(prompt)
        if "ANSWER" in reply:
            return reply.rpartition("ANSWER")[2].strip(" :.")
        if "LOOK UP" in reply:
            prompt += f"\\n{reply}\\n{look_up(prices, reply.rpartition('LOOK UP')[2])}"
        elif "CALCULATE" in reply:
            prompt += f"\\n{reply}\\n{calculate(reply.rpartition('CALCULATE')[2])}"
    return reply
'''

PROMPT_TASK = '''"""Fills, asks and scores @WHAT@. The model never sees or edits this file."""

from genopt_tui.task.cases import answer_of, fill, is_right
from genopt_tui.task.contract import Context, Example, Result

# Replace these with your own cases. If they are in a .csv or .jsonl file, you need no task.py:
# genopt new --prompt FILE --cases FILE --answer COLUMN
SIZES = {
    "mouse": "small",
    "ant": "small",
    "dog": "medium",
    "sheep": "medium",
    "elephant": "large",
    "whale": "large",
}
# The model learns from train; gate decides what is accepted; test stays sealed until export.
PLACES = {
    "train": ("in a garden", "on a road", "in a zoo", "by a river"),
    "gate": ("in a barn", "at night", "near a wall", "on a hill"),
    "test": ("far away", "in the rain", "under a tree", "at noon"),
}


def examples(split):
    """Put each case in one split only."""
    cases = [(animal, place) for place in PLACES[split] for animal in SIZES]
    questions = [f"A {animal} {place}: how large is it?" for animal, place in cases]
    return [
        Example(f"{split}-{n}", {"question": question}, SIZES[animal])
        for n, (question, (animal, _)) in enumerate(zip(questions, cases))
    ]


def run(artifact, example, ctx: Context) -> Result:
    """Fill in the prompt, ask the session's agent_model, and score the answer in its reply."""
    reply = ctx.llm(fill(artifact["prompt.txt"], example.data))
    answer = answer_of(reply, "choice", set(SIZES.values()))  # the last size named in the reply
    correct = is_right(answer, example.label, "choice")
    # Record a step of the trace, which the model may see.
    ctx.step(example.data, action=reply, reward=float(correct))
    feedback = "Correct." if correct else f"Read as {answer!r}, expected {example.label!r}."
    return Result(@POINTS@, feedback)
'''

COMMAND_SCORE = '''"""Prints the score: the last number or JSON object in the output.

The model cannot edit this file. Check here whatever a solution must satisfy.
"""

import json

from program import pack

ITEMS = [48, 30, 19, 36, 36, 27, 42, 42, 36, 24, 30, 21, 33, 15, 9, 6, 45, 12]

bins = pack(list(ITEMS), 100)
assert sorted(item for items in bins for item in items) == sorted(ITEMS), "lost or repeated items"
assert all(sum(items) <= 100 for items in bins), "an overfull bin"
print(json.dumps({"score": @POINTS@, "feedback": f"{len(bins)} bins: {bins}"}))
'''
COMMAND = '''def pack(items, size):
    """Pack items into bins of the given size; fewer bins are better."""
    return [[item] for item in items]
'''


@dataclass(frozen=True)
class TaskKind:
    """One kind of task.

    `run_question` asks for `run`; `files` maps names to texts. `points` is the expression that
    scores one answer, and `failure` the score of a failed run: (if higher is better, if lower is).
    """

    label: str
    run_question: str
    run: str
    score: str
    documentation: str
    scope: str
    points: tuple[str, str]
    files: Mapping[str, str]
    extra_toml: str = ""
    gate: int = 20
    failure: tuple[str, str] = ("0.0", "100.0")


POINTS_BY_RESULT = ("float(answer == expected)", "abs(answer - expected)")
POINTS_BY_ANSWER = ("float(correct)", "1.0 - correct")
KINDS = {
    "prompt": TaskKind(
        "a prompt",
        "The prompt; {question} is replaced with the case",
        "{question}",
        "share of correct answers",
        "prompt.txt is filled with the case and sent to a model. The answer is the last of the "
        "words small, medium and large in its reply.",
        '"prompt.txt"',
        POINTS_BY_ANSWER,
        {"task.py": PROMPT_TASK, "starts/first/prompt.txt": "@RUN@\n"},
        "agent = true               # the session's agent_model answers the cases\n",
        gate=24,
        failure=("0.0", "1.0"),
    ),
    "function": TaskKind(
        "a Python function",
        "The function to call, MODULE.FUNCTION",
        "solver.solve",
        "share of correct answers",
        "@FUNCTION@(numbers) is called with lists of integers.",
        '"@MODULE@.py:@FUNCTION@"',
        POINTS_BY_RESULT,
        {"task.py": FUNCTION_TASK, "starts/first/@MODULE@.py": FUNCTION},
    ),
    "files": TaskKind(
        "a program of several files",
        "The function to call, MODULE.FUNCTION",
        "main.run",
        "share of correct answers",
        "@RUN@(text) is called. The program may use more Python files.",
        '"*.py"',
        POINTS_BY_RESULT,
        {"task.py": FILES_TASK, "starts/first/@MODULE@.py": FILES},
    ),
    "agent": TaskKind(
        "an agent with tools",
        "The function that answers a question, MODULE.FUNCTION",
        "agent.answer",
        "share of correct answers",
        "@RUN@(question, prices) is called; llm(text) asks a model. "
        "The answer is a number without any words.",
        '"@MODULE@.py"',
        POINTS_BY_ANSWER,
        {"task.py": AGENT_TASK, "starts/first/@MODULE@.py": AGENT},
        "agent = true               # the session's agent_model answers llm(...)\n",
        failure=("0.0", "1.0"),
    ),
    "command": TaskKind(
        "files scored by a command",
        "The command that prints the score",
        "python3 score.py",
        "fraction of the bins that is filled",
        "score.py scores a version: it calls pack(items, size) in program.py.",
        '"program.py"',
        ("sum(ITEMS) / (100 * len(bins))", "len(bins)"),
        {"files/score.py": COMMAND_SCORE, "starts/first/program.py": COMMAND},
        "# The command runs beside the files in files/. If you add examples.txt, {example} in the\n"
        "# command is replaced with one of its lines.\n"
        "command = @COMMAND@\n"
        "deterministic = true       # every run gives the same score, so one is enough\n",
        gate=1,
    ),
}


def write_task(
    folder: Path, kind: str, run: str = "", score: str = "", minimize: bool = False
) -> list[Path]:
    """Write the files of a task of this kind into `folder` and return their paths.

    Raises TaskError before anything is written.
    """
    chosen = KINDS[kind]
    run, score = run.strip() or chosen.run, score.strip() or chosen.score
    module, _, function = run.rpartition(".")
    if (
        chosen.run.count(".") == 1
        and " " not in chosen.run
        and not re.fullmatch(r"[a-z_]\w*\.[A-Za-z_]\w*", run)
    ):
        raise TaskError(
            f"'{run}' is not a function", advice=f"Write MODULE.FUNCTION, for example {chosen.run}"
        )
    side = int(minimize)
    words = {
        "DOCUMENTATION": chosen.documentation,
        "SCOPE": chosen.scope,
        "MODULE": module,
        "FUNCTION": function,
        "COMMAND": json.dumps(run),
        "RUN": run,
        "SCORE": json.dumps(score)[1:-1],
        "POINTS": chosen.points[side],
        "DIRECTION": ("higher", "lower")[side],
        "FAILURE": chosen.failure[side],
        "GATE": str(chosen.gate),
        "KIND": kind,
        "WHAT": chosen.label,
        "NAME": json.dumps(f"{folder.name}: {chosen.label}")[1:-1],
        "DIR": folder.name,
    }
    files = {"task.toml": TOML_HEAD + chosen.extra_toml + TOML_START, **chosen.files}
    written = {
        fill_placeholders(name, words): fill_placeholders(text, words)
        for name, text in files.items()
    }
    write_folder(folder, written)
    return [folder / name for name in written]


def fill_placeholders(text: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text
