"""What the README tells users of their own files to type works to the letter, in a folder with such
files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sorting import BENCH, SLOW

README = Path(__file__).parent.parent / "README.md"
AGENT = r"""#!PYTHON
import re, sys

asked = sys.stdin.read()


def edit(file, old, new):
    print(f"Better.\n\n{file}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE")


if "How to answer" in asked:  # the optimizer's prompt
    if "Which queue?" in asked:
        edit("prompt.txt", "Which queue?", "Which queue, billing or refund?")
    elif "sorter.py" in asked:
        edit("src/sorter.py", "    values = list(values)", "    return sorted(values)\n    values = list(values)")
    elif "solver.py" in asked:
        best = "max(sum(numbers[i:j]) for i in range(len(numbers)) for j in range(i + 1, len(numbers) + 1))"
        edit("solver.py", "    return sum(numbers)", f"    return {best}")
    else:
        line = '    prompt = f"Tools: LOOK UP fruit, CALCULATE a * b. End with ANSWER number.\\n{question}"'
        edit("agent.py", line, line.replace("End", "One per line. End"))
elif found := re.search(r"What do (\d+) (\w+) cost.(.*)", asked, re.DOTALL):  # the agent's question
    count, fruit, tail = found.groups()
    told = re.findall(r"^\d+$", tail, re.MULTILINE)
    if "One per line." not in asked or "CALCULATE" in tail:
        print("ANSWER", told[-1] if told else "some")
    else:
        print(f"CALCULATE {count} * {told[-1]}" if told else f"LOOK UP {fruit}")
elif "billing or refund" in asked:
    print("Answer:", "refund" if "money" in asked else "billing")
else:
    print("neither of them")
"""


def blocks() -> dict[str, str]:
    """The commands told to each user, by who that is."""
    section = (
        README.read_text(encoding="utf-8").partition("## Your own files")[2].partition("\n## ")[0]
    )
    return dict(re.findall(r"\*\*(My \w+)\*\*.*?```sh\n(.*?)```", section, re.DOTALL))


@pytest.fixture
def user(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A user's repository with all that the README speaks of, and the environment of its shell."""
    folder, programs = tmp_path / "user", tmp_path / "bin"
    (folder / "src").mkdir(parents=True)
    programs.mkdir()
    (programs / "my-agent").write_text(AGENT.replace("PYTHON", sys.executable))
    (programs / "genopt").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genopt_tui "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    (folder / "prompt.txt").write_text("Which queue?\n{text}\n")
    rows = (
        f"{('money back', 'charged')[n % 2]} {n},{('refund', 'billing')[n % 2]}\n"
        for n in range(40)
    )
    (folder / "cases.csv").write_text("text,label\n" + "".join(rows))
    (folder / "src" / "sorter.py").write_text(SLOW)
    (folder / "bench.py").write_text(BENCH)
    (folder / "check.py").write_text(
        "from src.sorter import sort\nassert sort([2, 1, 3]) == [1, 2, 3]\n"
    )
    (folder / "sizes.txt").write_text("".join(f"{n}\n" for n in range(300, 324)))
    who = {
        f"GIT_{role}_{what}": "user@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    path = os.pathsep.join([str(programs), os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, **who, "PATH": path, "PYTHONPATH": str(README.parent)}
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder, environment


def test_each_user_is_told() -> None:
    assert list(blocks()) == ["My prompt", "My function", "My repository", "My agent"]


@pytest.mark.parametrize(
    ("who", "changed"),
    [
        ("My prompt", "prompt.txt"),
        ("My function", ""),
        ("My repository", "src/sorter.py"),
        ("My agent", ""),
    ],
)
@pytest.mark.slow
def test_what_a_user_is_told_works(
    who: str, changed: str, user: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = user
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks()[who]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    told = f"{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == 0, told
    assert "BETTER" in told, told
    diff = (
        ["git", "log", "-p", "--format=", "HEAD~..HEAD"]
        if who == "My repository"
        else ["git", "diff"]
    )
    if changed:
        after = subprocess.run(
            diff, cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert f"+++ b/{changed}" in after and after.count("+++ ") == 1
