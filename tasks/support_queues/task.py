"""Messages to a shop and the queue each belongs to: the model answers the filled prompt, the answer
is compared."""

from pathlib import Path

from genopt_tui.task.cases import answer_of, fill, inputs, is_right, read_cases, split_cases
from genopt_tui.task.contract import Context, Example, Result

CASES = read_cases(Path(__file__).parent / "cases.jsonl")
QUEUES = sorted({case["queue"] for case in CASES})


def examples(split: str, settings: dict) -> list[Example]:
    """Cases of one split, stratified by queue."""
    return [
        Example(f"case-{n + 1}", CASES[n], CASES[n]["queue"])
        for n in split_cases(CASES, "queue", settings)[split]
    ]


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Fill the prompt, ask, compare."""
    shown, expected = inputs(example.data, "queue"), example.data["queue"]
    reply = ctx.llm(fill(artifact["prompt.txt"], shown))
    answer = answer_of(reply, "choice", QUEUES)
    right = is_right(answer, expected, "choice")
    ctx.step(shown, action=reply, reward=float(right), answer=answer)
    return Result(
        float(right), "Right." if right else f"Wrong: read as {answer!r}, expected {expected!r}."
    )
