"""Where the questions come from: a folder in the official repository's layout, or the public hub copy."""

import json
import os
from functools import cache
from pathlib import Path

from genopt_tui.errors import TaskError

HUB = "hubert233/BigBenchExtraHard"
BOTH_WAYS = (
    "Set GENOPT_BBEH_DIR to a copy of the official repository (it holds benchmark_tasks/bbeh_*/task.json), "
    f"or allow network access once so that `datasets` can fetch {HUB}"
)


@cache
def load(task: str) -> list[tuple[str, str]]:
    """(question, target) of a task in file order. Raises TaskError where neither source is at hand."""
    if folder := os.environ.get("GENOPT_BBEH_DIR"):
        return _from_folder(Path(folder), task)
    return _from_hub(task)


def _from_folder(folder: Path, task: str) -> list[tuple[str, str]]:
    for below in ("benchmark_tasks", "bbeh/benchmark_tasks"):
        file = folder / below / f"bbeh_{task}" / "task.json"
        if file.is_file():
            return [(row["input"], row["target"]) for row in json.loads(file.read_text(encoding="utf-8"))["examples"]]
    raise TaskError("BBEH is not here", f"GENOPT_BBEH_DIR holds no benchmark_tasks/bbeh_{task}/task.json", BOTH_WAYS)


def _from_hub(task: str) -> list[tuple[str, str]]:
    import datasets

    try:
        rows = datasets.load_dataset(HUB, split=task)
    except (OSError, ValueError) as error:
        raise TaskError("BBEH is not here", f"{HUB} could not be fetched", BOTH_WAYS) from error
    return [(row["input"], row["target"]) for row in rows]
