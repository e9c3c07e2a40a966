"""Errors of the machine: unwritable folders, full disks, closed streams and streams in ASCII."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENOPT = [sys.executable, "-m", "genopt_tui"]


def run(*words: str, stdout: str = "", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run genopt, with standard output to the file `stdout` if one is given."""
    with open(stdout or os.devnull, "wb") as file:
        return subprocess.run(
            [*GENOPT, *words],
            stdout=file if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        )


@pytest.mark.parametrize("words", [["ls"], ["new", "edit_distance", "--model", "search"]])
def test_an_unwritable_folder_is_named_with_a_remedy(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(*words, GENOPT_HOME=str(tmp_path / "file" / "home"))
    error = result.stderr.decode()
    assert result.returncode == 1
    assert str(tmp_path / "file") in error and "Set GENOPT_HOME" in error
    assert "report it" not in error and error.count("\n") == 1


def test_a_full_disk_is_an_error_of_the_machine() -> None:
    result = run("tasks", stdout="/dev/full")
    assert result.returncode == 1
    assert b"No space left" in result.stderr and b"report it" not in result.stderr
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    command = f'"{sys.executable}" -m genopt_tui tasks --json {closed}'
    result = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0 and result.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_fits_any_encoding(encoding: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    task = home / "tasks" / "mine"
    (task / "starts" / "first").mkdir(parents=True)
    (task / "starts" / "first" / "a.py").write_text("X = 1\n")
    toml = 'description = "größe 漢字 😀"\nobjective = "o"\nfailure_score = 0\n[starts.first]\n'
    (task / "task.toml").write_text(toml, encoding="utf-8")
    variables = {"GENOPT_HOME": str(home), "PYTHONIOENCODING": encoding}
    lines = run("tasks", **variables)
    assert lines.returncode == 0 and b"mine" in lines.stdout
    document = json.loads(run("tasks", "--json", **variables).stdout.decode(encoding))
    assert "größe 漢字 😀" in [entry.get("description") for entry in document]
