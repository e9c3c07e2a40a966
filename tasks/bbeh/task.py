"""BIG-Bench Extra Hard as tasks: the question goes to the model behind the artifact's template, or
to its program."""

import random

from bbeh_data import load_questions
from bbeh_split import assign_splits
from scoring import is_right_official, is_right_strict

from genopt_tui.task.contract import Context, Example, Result

MAX_PIECE_CHARS = 1_900  # a trace shortens longer texts


def examples(split: str, settings: dict) -> list[Example]:
    """Questions of one split, shuffled by the split's seed (in file order for the paper's). Raises
    TaskError without data."""
    questions = load_questions(settings["member"])
    chosen = assign_splits(
        [target for _, target in questions],
        [text for text, _ in questions],
        settings["split"],
        settings["split_seed"],
    )
    order = list(range(len(questions)))
    if settings["split"] == "shuffled":
        random.Random(settings["split_seed"]).shuffle(order)
    return [
        Example(
            f"q{number:03d}",
            {"question": questions[number][0], "target": questions[number][1]},
            questions[number][1],
        )
        for number in order
        if chosen[number] == split
    ]


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Ask, extract, score by both rules; the setting `scoring` says which one counts."""
    question, target = example.data["question"], example.data["target"]
    if "solver.py" in artifact:
        answer, reply = ctx.call("solver.solve", question), ""
    else:
        template = artifact["prompt.txt"]
        reply = ctx.llm(template + question)
        answer = ctx.call("extract.extract_answer", template, question, reply)
    answer = answer if isinstance(answer, str) else str(answer)
    verdicts = {
        "official": is_right_official(answer, target),
        "strict": is_right_strict(answer, target),
    }
    right = verdicts[ctx.settings["scoring"]]
    ctx.step(
        {"question": split_text(question), "reply": split_text(reply)},
        action=answer,
        reward=float(right),
    )
    return Result(
        float(right),
        _format_feedback(right, answer, target, verdicts),
        {name: float(value) for name, value in verdicts.items()},
    )


def split_text(text: str) -> str | list[str]:
    """Split a long text into pieces that a trace does not shorten, at line or word ends."""
    pieces: list[str] = []
    while len(text) > MAX_PIECE_CHARS:
        end = (
            max(
                text.rfind("\n", 1, MAX_PIECE_CHARS),
                text.rfind(" ", MAX_PIECE_CHARS // 2, MAX_PIECE_CHARS),
            )
            + 1
            or MAX_PIECE_CHARS
        )
        pieces, text = [*pieces, text[:end]], text[end:]
    return [*pieces, text] if pieces else text


def _format_feedback(right: bool, answer: str, target: str, verdicts: dict[str, bool]) -> str:
    feedback = (
        "The answer is right: no change needed."
        if right
        else f"Wrong: the answer was {answer!r}, expected is {target!r}. "
        "Change the prompt or the program."
    )
    official, strict = (_format_verdict(verdicts[rule]) for rule in ("official", "strict"))
    if official != strict:
        feedback += f" (official rule: {official}; strict rule: {strict})"
    return feedback


def _format_verdict(right: bool) -> str:
    return "right" if right else "wrong"
