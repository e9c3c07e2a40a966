"""A task whose extra is not installed: one line says what, why and what to do; nothing else needs that extra."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = "import sys\nfor name in ('scipy', 'sklearn', 'pandas'): sys.modules[name] = None\n"
TASK = """
import scipy
def examples(split):
    return []
def run(artifact, example, ctx):
    return 0.0
"""


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python in which none of the optional packages can be imported."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(WITHOUT)
    return dict(os.environ) | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "without"), os.getcwd()])
    }


def genopt(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "genopt_tui", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["new", "eval", "check"])
def test_what_is_missing_is_said_in_one_line(command: str, without: dict[str, str]) -> None:
    for task, package, extra in (
        ("mlagentbench/diabetes", "pandas", "tabular"),
        ("circle_packing", "scipy", "science"),
    ):
        done = genopt(without, command, task)
        said = f"genopt: {task} needs {package}: it is not installed. Run: pip install 'genopt-tui[{extra}]'\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_task_of_ones_own_that_imports_it_says_the_same(
    tmp_path: Path, without: dict[str, str]
) -> None:
    (tmp_path / "own" / "starts" / "plain").mkdir(parents=True)
    (tmp_path / "own" / "starts" / "plain" / "answer.py").write_text("X = 1\n")
    (tmp_path / "own" / "task.toml").write_text(
        'objective = "x"\nfailure_score = 0.0\n[starts.plain]\n'
    )
    (tmp_path / "own" / "task.py").write_text(TASK)
    done = genopt(without, "eval", str(tmp_path / "own"))
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert (
        "own needs scipy: it is not installed. Run: pip install 'genopt-tui[science]'"
        in done.stderr
    )


def test_doctor_names_what_is_optional(without: dict[str, str]) -> None:
    found = {
        f["code"]: f for f in json.loads(genopt(without, "doctor", "--json").stdout)["findings"]
    }
    for package, extra in (
        ("pandas", "tabular"),
        ("scikit-learn", "tabular"),
        ("scipy", "science"),
    ):
        assert found[package]["level"] == "info"
        assert found[package]["advice"] == f"Run: pip install 'genopt-tui[{extra}]'"


def test_the_demos_task_and_the_interface_need_none_of_them(without: dict[str, str]) -> None:
    done = genopt(without, "eval", "atari/pong", "--examples", "1", "--json")
    assert (done.returncode, json.loads(done.stdout)["failed"]) == (0, 0), done.stderr
    interface = [sys.executable, "-c", "import genopt_tui.ui.app, genopt_tui.runner.__main__"]
    subprocess.run(interface, env=without, check=True)
