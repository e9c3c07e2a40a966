"""Where the questions come from: a folder in the official repository's layout, or the public hub
copy."""

import json
import os
from functools import cache
from pathlib import Path

from genopt_tui.errors import TaskError

HUB = "hubert233/BigBenchExtraHard"
SOURCE_ADVICE = (
    "Set GENOPT_BBEH_DIR to a copy of the official repository "
    "(it holds benchmark_tasks/bbeh_*/task.json), "
    f"or allow network access once so that `datasets` can fetch {HUB}"
)


@cache
def load_questions(task: str) -> list[tuple[str, str]]:
    """(question, target) of a task in file order. Raises TaskError where neither source is at
    hand."""
    if folder := os.environ.get("GENOPT_BBEH_DIR"):
        return _load_from_folder(Path(folder), task)
    return _load_from_hub(task)


def _load_from_folder(folder: Path, task: str) -> list[tuple[str, str]]:
    for below in ("benchmark_tasks", "bbeh/benchmark_tasks"):
        file = folder / below / f"bbeh_{task}" / "task.json"
        if file.is_file():
            return [
                (row["input"], row["target"])
                for row in json.loads(file.read_text(encoding="utf-8"))["examples"]
            ]
    raise TaskError(
        "BBEH is not here",
        f"GENOPT_BBEH_DIR holds no benchmark_tasks/bbeh_{task}/task.json",
        SOURCE_ADVICE,
    )


def _load_from_hub(task: str) -> list[tuple[str, str]]:
    import datasets

    try:
        rows = datasets.load_dataset(HUB, split=task)
    except (OSError, ValueError) as error:
        raise TaskError("BBEH is not here", f"{HUB} could not be fetched", SOURCE_ADVICE) from error
    return [(row["input"], row["target"]) for row in rows]
