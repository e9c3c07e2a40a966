"""Writing task folders from prompts and cases: `genopt new --prompt` writes what a person could
have written."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genopt_tui.errors import TaskError
from genopt_tui.task.cases import (
    MATCH_DESCRIPTIONS,
    Case,
    Match,
    check_cases,
    check_match,
    fill,
    guess_match,
    inputs,
    read_cases,
    split_cases,
)

MAX_GATE_CASES = 50  # cases that decide at most, unless a person asks for more
DEFAULT_SPLIT = {"split_seed": 0, "train": 0.5, "gate": 0.25}

TASK_TEMPLATE = '''"""A prompt and labelled cases. Written by genopt; yours to change."""

from pathlib import Path

from genopt_tui.task.cases import answer_of, fill, inputs, is_right, read_cases, split_cases
from genopt_tui.task.contract import Context, Example, Result

ANSWER = {answer!r}  # the column that holds the expected answer
MATCH = {match!r}  # exact, contains, number or choice: how answers are read and compared
CASES = read_cases(Path(__file__).parent / "cases.jsonl")
KNOWN = sorted({{case[ANSWER].strip() for case in CASES}})


def examples(split, settings):
    """Cases of one split: stratified on the answer, equal cases on one side."""
    chosen = split_cases(CASES, ANSWER, settings)[split]
    return [Example(f"case-{{n + 1}}", CASES[n], CASES[n][ANSWER].strip()) for n in chosen]


def run(artifact, example, ctx: Context) -> Result:
    """Fill the prompt, ask the agent model, compare its answer with the expected one."""
    shown, expected = inputs(example.data, ANSWER), example.data[ANSWER].strip()
    reply = ctx.llm(fill(artifact["prompt.txt"], shown))
    answer = answer_of(reply, MATCH, KNOWN)
    right = is_right(answer, expected, MATCH)
    ctx.step(shown, action=reply, reward=float(right), answer=answer)
    return Result(float(right), "Right." if right else f"Wrong: read as {{answer[:200]!r}}, expected {{expected!r}}.")
'''

TOML_TEMPLATE = """# A prompt and labelled cases. Written by genopt; yours to change. `genopt check` reads it.
description = {description}
objective = "Change the prompt so that more cases are answered right, also ones not shown here: general instructions, never single answers."
documentation = {documentation}
direction = "higher"
failure_score = 0.0        # of a case whose rollout failed
best_possible = 1.0
rule = {rule}
score_covers = "the answer to one case"
agent = true               # cases are answered by the session's agent_model

[artifact]
files = ["prompt.txt"]     # starts/given/prompt.txt

[starts.given]
description = "The prompt as it was given"
scope = ["prompt.txt"]     # what the model may edit

[settings.split_seed]
type = "int"
default = 0
help = "Seed of the split into train, gate and test"
[settings.train]
type = "float"
default = 0.5
help = "Share of the cases that evidence comes from"
[settings.gate]
type = "float"
default = 0.25
help = "Share of the cases that decide; the rest is the test split, sealed until export"

[choices]                  # design choices to begin with
"batch.size" = {batch}
"gate.examples" = {gate}

[limits]
seconds = 60

[[feedback]]               # staged hints by the batch's mean score, best first
at_least = 0.999
text = "All of these are right: change nothing that works."
[[feedback]]
text = "Find what the wrong cases have in common."
"""


@dataclass(frozen=True)
class SplitSummary:
    """What a split looks like: number of cases and the answers' counts, most common first."""

    split: str
    cases: int
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PromptTaskSummary:
    """What was made of a prompt and its cases: the rule, the first case as the model will see it,
    the splits."""

    match: Match
    guessed: bool
    first_prompt: str
    first_answer: str
    splits: tuple[SplitSummary, ...]

    @property
    def match_description(self) -> str:
        return MATCH_DESCRIPTIONS[self.match]


def write_prompt_task(
    folder: Path, prompt: Path, cases: Path, answer: str, match: Match | None = None
) -> PromptTaskSummary:
    """Write a task folder for a prompt and labelled cases. Raises TaskError and writes nothing
    then."""
    template = read_prompt(prompt)
    rows = read_cases(cases)
    check_cases(rows, answer, template)
    chosen = match or guess_match([row[answer] for row in rows])
    check_match(rows, answer, chosen)
    splits = summarize_splits(rows, answer, DEFAULT_SPLIT)
    counts = {card.split: card.cases for card in splits}
    toml = TOML_TEMPLATE.format(
        description=json.dumps(f"{prompt.name} on {len(rows)} cases of {cases.name}"),
        documentation=json.dumps(
            f"prompt.txt is filled with the case's columns and sent to a model. How its answer is read: {MATCH_DESCRIPTIONS[chosen]}."
        ),
        rule=json.dumps(f"accuracy, {chosen} match"),
        batch=min(8, counts["train"]),
        gate=min(MAX_GATE_CASES, counts["gate"]),
    )
    write_folder(
        folder,
        {
            "task.toml": toml,
            "task.py": TASK_TEMPLATE.format(answer=answer, match=chosen),
            "cases.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
            "starts/given/prompt.txt": template,
        },
    )
    return PromptTaskSummary(
        chosen, match is None, fill(template, inputs(rows[0], answer)), rows[0][answer], splits
    )


def read_prompt(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # line ends as they are: a patch has to fit
    except OSError as error:
        raise TaskError(f"cannot read {file}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8 text", str(error), "Save it as UTF-8") from error


def summarize_splits(
    rows: Sequence[Case], answer: str, settings: Mapping[str, Any]
) -> tuple[SplitSummary, ...]:
    """The splits under these settings, with the balance of answers."""
    cards = []
    for name, numbers in split_cases(rows, answer, settings).items():
        counts = Counter(rows[number][answer].strip() for number in numbers)
        cards.append(SplitSummary(name, len(numbers), tuple(counts.most_common())))
    return tuple(cards)


def make_folder_name(text: str) -> str:
    """`text` as the name of a folder: letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "task"


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write a task folder at once. Raises TaskError where the folder holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(
            f"{folder} exists and is not empty", advice="Give another name, or remove it"
        )
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
