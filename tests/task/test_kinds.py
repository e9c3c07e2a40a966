"""`genopt task init`: each kind runs as it is and passes the doctor; `task try` shows what the
model would see."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import run_command
from genopt_tui.errors import TaskError
from genopt_tui.task.kinds import KINDS, write_task

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
AGENT = """
import re, sys
asked = sys.stdin.read()
if found := re.search(r"What do (\\d+) (\\w+) cost.(.*)", asked, re.DOTALL):
    count, fruit, tail = found.groups()
    told = re.findall(r"^\\d+$", tail, re.MULTILINE)
    if not told:
        print("LOOK UP", fruit)
    elif "CALCULATE" not in tail:
        print("CALCULATE", count, "*", told[-1])
    else:
        print("ANSWER", told[-1] if int(count) % 2 else "some")
else:
    print("small" if "mouse" in asked or "ant " in asked else "large")
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_each_kind_is_three_files_and_passes_the_check(
    kind: str, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    folder = tmp_path / kind
    assert run_command(["task", "init", str(folder), "--edit", kind]) == 0
    assert len([file for file in folder.rglob("*") if file.is_file()]) == 3
    capsys.readouterr()
    answered = ["--set", f"agent_model=command:{sys.executable} {tmp_path / 'agent.py'}"]
    assert run_command(["check", str(folder), "--json", *answered]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [f for f in found if f["level"] != "info"] == []


def test_answers_of_the_three_questions_are_taken(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "own"
    wanted = ["--edit", "function", "--run", "lib.best", "--score", 'mean "error"', "--minimize"]
    assert run_command(["task", "init", str(folder), *wanted]) == 0
    assert "def best(" in (folder / "starts" / "first" / "lib.py").read_text()
    capsys.readouterr()
    assert run_command(["task", "try", str(folder)]) == 0
    told = capsys.readouterr()
    assert "returned" in told.out and "SEARCH" in told.out and 'mean "error"' in told.err
    assert run_command(["eval", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["direction"] == "lower"


def test_on_a_terminal_three_questions_are_asked(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "genopt_tui", "task", "init", "mine"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT
    )
    os.close(theirs)
    told = b""
    for question, answer in (
        (b"What is edited?", b"function\n"),
        (b"How is it run?", b"lib.best\n"),
        (b"What is the", b"\n"),
    ):
        while question not in told:
            told += os.read(ours, 4096)
        os.write(ours, answer)
    while b"next: genopt task try mine" not in told:
        told += os.read(ours, 4096)
    os.close(ours)
    assert process.wait() == 0
    assert b"prompt, function, files, agent, command" in told and b"[solver.solve]" in told
    assert "def best(" in (tmp_path / "mine" / "starts" / "first" / "lib.py").read_text()
    assert 'rule = "share of correct answers"' in (tmp_path / "mine" / "task.toml").read_text()


def test_nothing_is_written_over_and_nothing_guessed(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(TaskError, match="not empty"):
        write_task(tmp_path, "function")
    with pytest.raises(TaskError, match="not a function"):
        write_task(tmp_path / "new", "function", "solve it")
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run_command(["task", "init", str(tmp_path / "new")]) == 2
    assert "Give --edit" in capsys.readouterr().err
