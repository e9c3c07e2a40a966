"""The checks that every change passes: style, types, directions of imports."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        pytest.param(["mypy"], marks=pytest.mark.slow),
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_check_runs_clean(command: list[str]) -> None:
    result = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_top_level_holds_only_what_was_agreed() -> None:
    agreed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "constraints.txt",
        ".gitignore",
        ".ci",
        "genopt_tui",
        "tasks",
        "themes",
        "tests",
        "sessions",
    }
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:  # a source archive has no git
        pytest.skip("not a git checkout")
    assert {name.split("/")[0] for name in tracked.stdout.splitlines()} <= agreed


def test_constraints_pin_what_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        Requirement(text)
        for text in sum(project["optional-dependencies"].values(), project["dependencies"])
    ]
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    pins = {pin.name: pin for pin in map(Requirement, lines)}
    for asked in wanted:
        if asked.name != project["name"]:
            (pin,) = pins[asked.name].specifier
            assert pin.operator == "==" and pin.version in asked.specifier, asked
