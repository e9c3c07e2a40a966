"""A small task: a number in the artifact decides the score, which is best at ten."""

from pathlib import Path

TOML = """
name = "tiny"
description = "Reach a number"
objective = "Make value() return a number close to 10."
failure_score = -100.0
[starts.plain]
description = "A bad number"
[choices]
"batch.size" = 2
"gate.examples" = 6
"gate.most" = 6
"""
TASK = """
from genopt_tui.task.contract import Example, Result

FIRST = {"train": 0, "gate": 100, "test": 200}


def examples(split):
    return [Example(f"{split}-{i}", data=FIRST[split] + i) for i in range(8)]


def run(artifact, example, ctx):
    got = ctx.call("answer.value", example.data * 0.001)
    ctx.step(observation={"shift": example.data}, action=got, reward=-abs(got - 10))
    return Result(score=-abs(got - 10), feedback=f"off by {got - 10:.3f}")
"""
ARTIFACT = (
    "LEVEL = 3.0\n" + "# a line between\n" * 9 + "\n\ndef value(shift):\n    return LEVEL + shift\n"
)


def write(folder: Path, artifact: str = ARTIFACT) -> Path:
    """Write the task below `folder`; its own folder."""
    task = folder / "tiny"
    (task / "starts" / "plain").mkdir(parents=True)
    (task / "task.toml").write_text(TOML)
    (task / "task.py").write_text(TASK)
    (task / "starts" / "plain" / "answer.py").write_text(artifact)
    return task
