"""Task folders for a prompt and labelled cases, as `genopt new --prompt` writes them."""

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

MAX_GATE_CASES = 50  # the default; `gate.examples` can be set higher
DEFAULT_SPLIT = {"split_seed": 0, "train": 0.5, "gate": 0.25}

OBJECTIVE = (
    "Change the prompt so that more cases are answered correctly, also cases not shown here. "
    "Give general instructions, never the answers to single cases."
)

TASK_TEMPLATE = '''"""Scores a prompt on labelled cases. Written by genopt; edit it as you like."""

from pathlib import Path

from genopt_tui.task.cases import answer_of, fill, inputs, is_right, read_cases, split_cases
from genopt_tui.task.contract import Context, Example, Result

ANSWER = {answer!r}  # the column with the expected answer
MATCH = {match!r}  # how answers are read and compared: exact, contains, number or choice
CASES = read_cases(Path(__file__).parent / "cases.jsonl")
KNOWN_ANSWERS = sorted({{case[ANSWER].strip() for case in CASES}})


def examples(split, settings):
    """The cases of one split: balanced by answer; identical cases share a split."""
    numbers = split_cases(CASES, ANSWER, settings)[split]
    return [Example(f"case-{{n + 1}}", CASES[n], CASES[n][ANSWER].strip()) for n in numbers]


def run(artifact, example, ctx: Context) -> Result:
    """Fill in the prompt, ask the agent model, and compare its answer with the expected one."""
    case, expected = inputs(example.data, ANSWER), example.data[ANSWER].strip()
    reply = ctx.llm(fill(artifact["prompt.txt"], case))
    answer = answer_of(reply, MATCH, KNOWN_ANSWERS)
    correct = is_right(answer, expected, MATCH)
    ctx.step(case, action=reply, reward=float(correct), answer=answer)
    feedback = f"Wrong: read as {{answer[:200]!r}}, expected {{expected!r}}."
    return Result(float(correct), "Correct." if correct else feedback)
'''

TOML_TEMPLATE = """# A prompt and labelled cases. Written by genopt; edit it as you like,
# then run `genopt check`.
description = {description}
objective = {objective}
documentation = {documentation}
direction = "higher"
failure_score = 0.0        # the score of a case whose rollout failed
best_possible = 1.0
rule = {rule}
score_covers = "the answer to one case"
agent = true               # the session's agent_model answers the cases

[artifact]
files = ["prompt.txt"]     # starts/given/prompt.txt

[starts.given]
description = "The prompt as you gave it"
scope = ["prompt.txt"]     # what the model may edit

[settings.split_seed]
type = "int"
default = 0
help = "Seed of the split into train, gate and test"
[settings.train]
type = "float"
default = 0.5
help = "Share of the cases from which the model learns"
[settings.gate]
type = "float"
default = 0.25
help = "Share of the cases on which proposals are decided; the rest is the sealed test split"

[choices]                  # initial design choices
"batch.size" = {batch}
"gate.examples" = {gate}

[limits]
seconds = 60

[[feedback]]               # hints that depend on the mean score of the batch, best first
at_least = 0.999
text = "All of these are correct: do not change what works."
[[feedback]]
text = "Find what the wrong answers have in common."
"""


@dataclass(frozen=True)
class SplitSummary:
    """A split: its number of cases, and how often each answer occurs, most common first."""

    split: str
    cases: int
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PromptTaskSummary:
    """A prompt task as written: how answers match, the first case as the model sees it, splits."""

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
    """Write a task folder for a prompt and labelled cases. Raises TaskError before writing."""
    template = read_prompt(prompt)
    rows = read_cases(cases)
    check_cases(rows, answer, template)
    chosen = match or guess_match([row[answer] for row in rows])
    check_match(rows, answer, chosen)
    splits = summarize_splits(rows, answer, DEFAULT_SPLIT)
    counts = {summary.split: summary.cases for summary in splits}
    toml = TOML_TEMPLATE.format(
        description=json.dumps(f"{prompt.name} on {len(rows)} cases of {cases.name}"),
        objective=json.dumps(OBJECTIVE),
        documentation=json.dumps(
            "prompt.txt is filled with the columns of the case and sent to a model. "
            f"How its answer is read: {MATCH_DESCRIPTIONS[chosen]}."
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
        return file.read_bytes().decode("utf-8")  # keep line endings: an exported patch must fit
    except OSError as error:
        raise TaskError(f"cannot read {file}", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{file} is not UTF-8 text", str(error), "Save it as UTF-8") from error


def summarize_splits(
    rows: Sequence[Case], answer: str, settings: Mapping[str, Any]
) -> tuple[SplitSummary, ...]:
    """The splits under these settings, with the frequencies of their answers."""
    summaries = []
    for name, numbers in split_cases(rows, answer, settings).items():
        counts = Counter(rows[number][answer].strip() for number in numbers)
        summaries.append(SplitSummary(name, len(numbers), tuple(counts.most_common())))
    return tuple(summaries)


def make_folder_name(text: str) -> str:
    """A folder name made from `text`: letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "task"


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a task folder. Raises TaskError if the folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(
            f"{folder} exists and is not empty", advice="Choose another name, or remove it"
        )
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
