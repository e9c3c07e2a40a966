"""Writing task folders: the one-line forms of `genopt new` and `genopt task init` write what a person could have written."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.errors import TaskError
from genopt_tui.task.cases import HOW, Match, check_cases, fill, guess_match, read_cases
from genopt_tui.task.splits import stratified

PROMPT_TASK = '''"""A prompt and labelled cases. Written by genopt; yours to change."""

from pathlib import Path

from genopt_tui.task.cases import answer_of, fill, is_right, read_cases
from genopt_tui.task.contract import Context, Example, Result
from genopt_tui.task.splits import stratified

ANSWER = {answer!r}
MATCH = {match!r}
SHARES = {{"train": 0.5, "gate": 0.25, "test": 0.25}}
CASES = read_cases(Path(__file__).parent / "cases.jsonl")
KNOWN = sorted({{case[ANSWER] for case in CASES}})


def examples(split, settings):
    """Cases of one split: stratified on the answer, equal cases on one side."""
    inputs = [tuple(v for k, v in case.items() if k != ANSWER) for case in CASES]
    splits = stratified([case[ANSWER] for case in CASES], inputs, settings["split_seed"], SHARES)
    return [Example(f"case-{{n}}", case, case[ANSWER]) for n, (case, s) in enumerate(zip(CASES, splits), 1) if s == split]


def run(artifact, example, ctx: Context) -> Result:
    """Fill the prompt, ask the agent model, compare the answer."""
    expected = example.data[ANSWER]
    reply = ctx.llm(fill(artifact["prompt.txt"], {{k: v for k, v in example.data.items() if k != ANSWER}}))
    answer = answer_of(reply, MATCH, KNOWN)
    right = is_right(answer, expected, MATCH)
    ctx.step({{k: v for k, v in example.data.items() if k != ANSWER}}, action=reply, reward=float(right), answer=answer)
    return Result(float(right), "Right." if right else f"Wrong: read as {{answer[:200]!r}}, expected {{expected!r}}.")
'''

PROMPT_TOML = """# A prompt and labelled cases. Written by genopt; yours to change. `genopt check` reads it.
description = {description}
objective = "Change the prompt so that more cases are answered right, also ones not shown here: general instructions, never single answers."
documentation = {documentation}
direction = "higher"
failure_score = 0.0        # of a case whose rollout failed
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

[choices]                  # design choices to begin with
"batch.size" = {batch}
"gate.examples" = {gate}

[limits]
seconds = 60

[[feedback]]               # staged hints by the batch's mean score, best first
at_least = 1.0
text = "All of these are right: change nothing that works."
[[feedback]]
text = "Find what the wrong cases have in common."
"""


@dataclass(frozen=True)
class SplitCard:
    """What a split looks like: number of cases and the answers' counts, most common first."""

    split: str
    cases: int
    answers: tuple[tuple[str, int], ...]


def prompt_task(folder: Path, prompt: Path, cases: Path, answer: str, match: Match | None = None) -> list[SplitCard]:
    """Write a task folder for a prompt and labelled cases; returns what the splits hold. Raises TaskError and writes nothing then."""
    try:
        template = prompt.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"cannot read {prompt}", str(error)) from error
    rows = read_cases(cases)
    check_cases(rows, answer, template)
    chosen = match or guess_match([row[answer] for row in rows])
    cards = _cards(rows, answer)
    counts = {card.split: card.cases for card in cards}
    toml = PROMPT_TOML.format(
        description=json.dumps(f"{prompt.name} on {len(rows)} cases of {cases.name}"),
        documentation=json.dumps(
            f"prompt.txt is filled with the case's columns and sent to a model. How its answer is read: {HOW[chosen]}."
        ),
        rule=json.dumps(f"accuracy, {chosen} match"),
        batch=min(8, counts["train"]),
        gate=counts["gate"],
    )
    _write(
        folder,
        {
            "task.toml": toml,
            "task.py": PROMPT_TASK.format(answer=answer, match=chosen),
            "cases.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
            "starts/given/prompt.txt": template,
        },
    )
    return cards


def preview(prompt: Path, cases: Path) -> str:
    """The prompt filled with the first case: what the agent model will be asked."""
    return fill(prompt.read_text(encoding="utf-8"), read_cases(cases)[0])


def folder_name(text: str) -> str:
    """`text` as the name of a folder: letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "task"


def _cards(rows: Sequence[dict[str, str]], answer: str) -> list[SplitCard]:
    inputs = [tuple(value for key, value in row.items() if key != answer) for row in rows]
    splits = stratified([row[answer] for row in rows], inputs, 0, {"train": 0.5, "gate": 0.25, "test": 0.25})
    cards = []
    for name in ("train", "gate", "test"):
        held = [row[answer] for row, split in zip(rows, splits, strict=True) if split == name]
        cards.append(SplitCard(name, len(held), tuple(Counter(held).most_common())))
    return cards


def _write(folder: Path, files: dict[str, str]) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise TaskError(f"{folder} exists and is not empty", advice="Give another name with --name, or remove it")
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
