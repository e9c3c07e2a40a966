"""`genopt tasks TASK` tells starts part by part, where two differ in more than one, and what
presets change."""

from typing import Any

import pytest

from genopt_tui.__main__ import run_command


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            "atari/asterix",
            ["task.sticky = 0.0 (default 0.25)", "task.episode = life (default game)"],
        ),
        (
            "bbeh/boardgame_qa",
            ["task.scoring = strict (default official)", "task.split = paper (default shuffled)"],
        ),
        (
            "mlagentbench/diabetes",
            ["task.split = paper (default rows)", "crash = free (default counts)"],
        ),
    ],
)
def test_a_task_is_told_in_full(task: str, told: list[str], capsys: Any) -> None:
    assert run_command(["tasks", task]) == 0
    said = capsys.readouterr().out
    assert all(line in said for line in [*told, "gate.rule = always (default better)"])
    assert ("differs from" in said) == (task != "mlagentbench/diabetes"), (
        "its two starts differ in structure alone"
    )
    assert all(part in said for part in ("structure", "documentation", "code"))
