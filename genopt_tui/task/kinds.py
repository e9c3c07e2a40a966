"""What `genopt task init` writes: for each kind of task at most three short files that run as they
are and teach by comments.

In the texts `@MODULE@`, `@FUNCTION@`, `@RUN@`, `@SCORE@`, `@DIRECTION@`, `@FAILURE@` and `@POINTS@`
are replaced.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.errors import TaskError
from genopt_tui.task.scaffold import write_folder

TOML_HEAD = """# A task: what is optimized, how it is scored, what the model is told. Try it: genopt task try @DIR@; examine it: genopt check @DIR@
description = "@NAME@"
objective = "Improve the @KIND@, also for examples not shown here. The score: @SCORE@."   # what the model is told to achieve
documentation = "@TELLS@"
direction = "@DIRECTION@"      # higher or lower is better
failure_score = @FAILURE@      # of a run that failed by the artifact's fault: as bad as can be
rule = "@SCORE@"               # shown with every score
"""
TOML_START = """
[starts.first]             # its files lie in starts/first/; further starts: another table, another folder
description = "Where it begins"
scope = [@SCOPE@]          # what may be edited: "FILE", "FILE:FUNCTION", or "*.py" (new files too)

[choices]                  # design choices to begin with; every one can be changed while it runs
"batch.size" = 3           # examples shown to the model in one update
"gate.examples" = @GATE@       # examples on which a proposal is scored before it counts

[limits]
seconds = 60               # of one run
"""

TASK_HEAD = '''"""How @WHAT@ is run and scored. This file is yours alone: the model never sees it or touches it."""

import random

from genopt_tui.task.contract import Context, Example, Result

FIRST = {"train": 0, "gate": 1000, "test": 2000}  # evidence comes from train; gate decides; test is kept for the end


def examples(split):
    """Replace these by your own: any data that can be written as JSON. No example may be in two splits."""
    return [Example(f"{split}-{n}", data=FIRST[split] + n) for n in range(24)]

'''

FUNCTION_TASK = (
    TASK_HEAD
    + '''
def right_answer(numbers):
    """The largest sum of neighbours. What your function should do is decided here, or read from your data."""
    return max(sum(numbers[i:j]) for i in range(len(numbers)) for j in range(i + 1, len(numbers) + 1))


def run(artifact, example, ctx: Context) -> Result:
    """One run: call the artifact (it runs in a sandbox), score what comes back, and say why: feedback is what is learned from."""
    rng = random.Random(example.data)
    points, wrong = [], []
    for _ in range(8):
        numbers = [rng.randint(-9, 9) for _ in range(rng.randint(1, 6))]
        got, wanted = ctx.call("@RUN@", numbers), right_answer(numbers)
        points.append(@POINTS@)
        ctx.step({"numbers": numbers}, action=got, reward=float(points[-1]))  # one step of the trace that the model may see
        if got != wanted:
            wrong.append(f"@FUNCTION@({numbers}) gave {got!r}, right is {wanted}")
    return Result(sum(points) / len(points), "; ".join(wrong[:3]) or "All right.")
'''
)
FUNCTION = '''def @FUNCTION@(numbers):
    """The largest sum of neighbours in a list of whole numbers that is not empty."""
    return sum(numbers)
'''

FILES_TASK = (
    TASK_HEAD
    + '''
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def run(artifact, example, ctx: Context) -> Result:
    """One run: call the artifact's entry (it runs in a sandbox and may import its other files), score it, and say why."""
    rng = random.Random(example.data)
    points, wrong = [], []
    for _ in range(8):
        counts = [rng.randint(1, 9) for _ in range(rng.randint(2, 3))]
        text = " and ".join(f"{WORDS[c] if rng.random() < 0.4 else c} {rng.choice(['pears', 'figs'])}" for c in counts)
        got, wanted = ctx.call("@RUN@", text), sum(counts)
        points.append(@POINTS@)
        ctx.step({"text": text}, action=got, reward=float(points[-1]))  # one step of the trace that the model may see
        if got != wanted:
            wrong.append(f"{text!r} gave {got!r}, right is {wanted}")
    return Result(sum(points) / len(points), "; ".join(wrong[:3]) or "All right.")
'''
)
FILES = '''import re


def @FUNCTION@(text):
    """How many fruits a text such as '3 pears and two figs' speaks of."""
    return sum(int(number) for number in re.findall(r"\\d+", text))
'''

AGENT_TASK = (
    TASK_HEAD
    + '''
PRICES = {"pears": 3, "figs": 7, "plums": 2, "limes": 5}


def run(artifact, example, ctx: Context) -> Result:
    """One run: the agent may ask the model (llm), which is answered outside its sandbox by the session's agent_model."""
    rng = random.Random(example.data)
    fruit, count = rng.choice(sorted(PRICES)), rng.randint(2, 40)
    question = f"What do {count} {fruit} cost?"
    got, wanted = ctx.call("@RUN@", question, PRICES), str(count * PRICES[fruit])
    right = str(got).strip() == wanted
    ctx.step({"question": question}, action=got, reward=float(right))  # one step of the trace that the model may see
    return Result(@POINTS@, "Right." if right else f"It answered {got!r}, right is {wanted}.")
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
    """Let the model use the tools until it answers; llm(...) is a global here."""
    said = f"Tools: LOOK UP fruit, CALCULATE a * b. End with ANSWER number.\\n{question}"
    for _ in range(4):
        reply = llm(said)
        if "ANSWER" in reply:
            return reply.rpartition("ANSWER")[2].strip(" :.")
        if "LOOK UP" in reply:
            said += f"\\n{reply}\\n{look_up(prices, reply.rpartition('LOOK UP')[2])}"
        elif "CALCULATE" in reply:
            said += f"\\n{reply}\\n{calculate(reply.rpartition('CALCULATE')[2])}"
    return reply
'''

PROMPT_TASK = '''"""How the prompt is filled, answered and scored. This file is yours alone: the model never sees it or touches it."""

from genopt_tui.task.cases import answer_of, fill, is_right
from genopt_tui.task.contract import Context, Example, Result

# Replace these by your own cases. From a .csv or .jsonl file: genopt new --prompt FILE --cases FILE --answer COLUMN
SIZES = {"mouse": "small", "ant": "small", "elephant": "large", "whale": "large", "dog": "medium", "sheep": "medium"}
PLACES = {
    "train": ("in a garden", "on a road", "in a zoo", "by a river"),
    "gate": ("in a barn", "at night", "near a wall", "on a hill"),
    "test": ("far away", "in the rain", "under a tree", "at noon"),
}


def examples(split):
    """No case may be in two splits: evidence comes from train, gate decides, test is kept for the end."""
    cases = [(animal, place) for place in PLACES[split] for animal in SIZES]
    return [Example(f"{split}-{n}", {"question": f"A {a} {p}: how large is it?"}, SIZES[a]) for n, (a, p) in enumerate(cases)]


def run(artifact, example, ctx: Context) -> Result:
    """One run: fill the prompt, ask the session's agent_model, read the answer, score it, and say why."""
    reply = ctx.llm(fill(artifact["prompt.txt"], example.data))
    answer = answer_of(reply, "choice", set(SIZES.values()))  # the last known answer in the reply
    right = is_right(answer, example.label, "choice")
    ctx.step(example.data, action=reply, reward=float(right))  # one step of the trace that the model may see
    return Result(@POINTS@, "Right." if right else f"Read as {answer!r}, right is {example.label!r}.")
'''

COMMAND_SCORE = '''"""Prints the score; the last number or JSON object counts. The model never touches this file: put what must hold here."""

import json

from program import packed

ITEMS = [48, 30, 19, 36, 36, 27, 42, 42, 36, 24, 30, 21, 33, 15, 9, 6, 45, 12]

bins = packed(list(ITEMS), 100)
assert sorted(item for content in bins for item in content) == sorted(ITEMS), "an item is missing or there twice"
assert all(sum(content) <= 100 for content in bins), "a bin is too full"
print(json.dumps({"score": @POINTS@, "feedback": f"{len(bins)} bins: {bins}"}))
'''
COMMAND = '''def packed(items, size):
    """Put items into bins of a size; fewer bins are better."""
    return [[item] for item in items]
'''


@dataclass(frozen=True)
class TaskKind:
    """One kind of task. `run` is asked for with `how`; `files` maps a name to its text; `points` is
    one score, (higher, lower)."""

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


POINTS_BY_RESULT = ("float(got == wanted)", "abs(got - wanted)")
POINTS_BY_ANSWER = ("float(right)", "1.0 - right")
KINDS = {
    "prompt": TaskKind(
        "a prompt",
        "The prompt; {question} stands for the case",
        "{question}",
        "share of right answers",
        "prompt.txt is filled with the case and sent to a model; the last of the words small, medium and large in its reply counts.",
        '"prompt.txt"',
        POINTS_BY_ANSWER,
        {"task.py": PROMPT_TASK, "starts/first/prompt.txt": "@RUN@\n"},
        "agent = true               # answered by the session's agent_model\n",
        gate=24,
        failure=("0.0", "1.0"),
    ),
    "function": TaskKind(
        "a Python function",
        "The function that is called, MODULE.FUNCTION",
        "solver.solve",
        "share of right answers",
        "@FUNCTION@(numbers) is called with lists of whole numbers.",
        '"@MODULE@.py:@FUNCTION@"',
        POINTS_BY_RESULT,
        {"task.py": FUNCTION_TASK, "starts/first/@MODULE@.py": FUNCTION},
    ),
    "files": TaskKind(
        "a program of several files",
        "The function that is called, MODULE.FUNCTION",
        "main.run",
        "share of right answers",
        "@RUN@(text) is called. The program may be spread over further Python files.",
        '"*.py"',
        POINTS_BY_RESULT,
        {"task.py": FILES_TASK, "starts/first/@MODULE@.py": FILES},
    ),
    "agent": TaskKind(
        "an agent with tools",
        "The function that answers a question, MODULE.FUNCTION",
        "agent.answer",
        "share of right answers",
        "@RUN@(question, prices) is called; llm(text) asks a model. The answer is a number without any words.",
        '"@MODULE@.py"',
        POINTS_BY_ANSWER,
        {"task.py": AGENT_TASK, "starts/first/@MODULE@.py": AGENT},
        "agent = true               # llm(...) is answered by the session's agent_model\n",
        failure=("0.0", "1.0"),
    ),
    "command": TaskKind(
        "files scored by a command",
        "The command that prints the score",
        "python3 score.py",
        "filled share of the bins",
        "A version is scored by running score.py, which calls packed(items, size) in program.py.",
        '"program.py"',
        ("sum(ITEMS) / (100 * len(bins))", "len(bins)"),
        {"files/score.py": COMMAND_SCORE, "starts/first/program.py": COMMAND},
        "command = @COMMAND@   # files/ lies beside the artifact when it runs; {example} would be replaced by a line of examples.txt\n"
        "deterministic = true       # one run says it all\n",
        gate=1,
    ),
}


def write_task(
    folder: Path, kind: str, run: str = "", score: str = "", minimize: bool = False
) -> list[Path]:
    """Write the files of a task of this kind into `folder`; what was written. Raises TaskError and
    writes nothing then."""
    chosen = KINDS[kind]
    run, score = run.strip() or chosen.run, score.strip() or chosen.score
    module, _, function = run.rpartition(".")
    if (
        chosen.run.count(".") == 1
        and " " not in chosen.run
        and not re.fullmatch(r"[a-z_]\w*\.[A-Za-z_]\w*", run)
    ):
        raise TaskError(
            f"'{run}' is no function", advice=f"Write MODULE.FUNCTION, for example {chosen.run}"
        )
    side = int(minimize)
    words = {
        "TELLS": chosen.documentation,
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
