"""Your own files in one line: from a prompt or a repository to a patch that applies, and what bad
input says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import run_command
from tests.sorting import BENCH, SLOW

AGENT = '''
import sys
asked = sys.stdin.read()
if "How to answer" in asked:  # the optimizer's prompt
    print("""Name the queues.

prompt.txt
<<<<<<< SEARCH
Which queue?
=======
Which queue, billing or refund?
>>>>>>> REPLACE
""")
elif "billing or refund" in asked:
    print("Answer:", "refund" if "money" in asked else "billing")
else:
    print("neither of them")
'''
SORTER = '''
print("""Use the built-in.

src/sorter.py
<<<<<<< SEARCH
    for _ in values:
        for i in range(len(values) - 1):
            if values[i + 1] < values[i]:
                values[i : i + 2] = values[i + 1], values[i]
    return values
=======
    return sorted(values)
>>>>>>> REPLACE
""")
'''
TEST = "from src.sorter import sort\nassert sort([2, 1, 3]) == [1, 2, 3]\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the present one."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def cases(count: int, answer: str = "") -> str:
    """CSV of messages and their queue."""
    rows = (
        f'"{("money back", "charged")[n % 2]}, case {n}",{answer or ("refund", "billing")[n % 2]}\n'
        for n in range(count)
    )
    return "text,queue\n" + "".join(rows)


def git(*arguments: str) -> str:
    own = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", *own, *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_prompt_and_cases_become_a_better_prompt(here: Path, capsys: Any, tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(AGENT)
    (here / "prompt.txt").write_text("Which queue?\n{text}\n")
    (here / "cases.csv").write_text(cases(200))
    model = f"command:{sys.executable} {agent}"
    wanted = [
        "new",
        "--prompt",
        "prompt.txt",
        "--cases",
        "cases.csv",
        "--answer",
        "queue",
        "--name",
        "mine",
    ]
    wanted += ["--model", model, "--set", "gate.examples=8", "--set", "batch.size=2", "--json"]
    assert run_command([*wanted, "--steps", "1", "--mode", "auto"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["start"] == "given"
    assert "train 100 cases: refund 50%, billing 50%" in told.err
    assert (
        "sealed" in told.err and "compared by choice" in told.err and "expected: refund" in told.err
    )
    assert "0 -> 1" in told.err
    assert run_command(["export", "mine", "--patch", str(tmp_path / "better.patch")]) == 0
    git("init", "-q")
    git("apply", str(tmp_path / "better.patch"))
    assert "billing or refund" in (here / "prompt.txt").read_text()


def repository(here: Path) -> None:
    """A repository with a slow function, its test and a timing script, a large input and something
    ignored."""
    (here / "src").mkdir()
    (here / "src" / "sorter.py").write_text(SLOW)
    (here / "bench.py").write_text(BENCH)
    (here / "check.py").write_text(TEST)
    (here / ".gitignore").write_text("*.secret\n")
    (here / "key.secret").write_text("not for models")
    with (here / "large.bin").open("wb") as file:
        file.truncate(9 * 1024**2)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")


@pytest.mark.slow
def test_a_repository_becomes_faster_and_its_tree_is_never_touched(
    here: Path, capsys: Any, tmp_path: Path, home: Path
) -> None:
    repository(here)
    (tmp_path / "sizes").write_text("".join(f"{n}\n" for n in range(60, 84)))
    (tmp_path / "model.py").write_text(SORTER)
    wanted = [
        "new",
        "--edit",
        "src/sorter.py",
        "--run",
        f"{sys.executable} bench.py {{example}}",
        "--minimize",
        "--name",
        "s",
    ]
    wanted += [
        "--examples",
        str(tmp_path / "sizes"),
        "--check",
        f"{sys.executable} check.py",
        "--metric",
        "took ([0-9.e-]+)",
    ]
    wanted += [
        "--model",
        f"command:{sys.executable} {tmp_path / 'model.py'}",
        "--steps",
        "1",
        "--mode",
        "auto",
    ]
    assert run_command(wanted) == 0
    out, told = capsys.readouterr()
    assert "BETTER" in out and "a time: versions take turns" in told
    assert (
        "lower is better" in told and "self-reported" in told and "train 12, gate 6, test 6" in told
    )
    files = home / "tasks" / "s" / "files"
    assert (files / "large.bin").is_symlink() and (files / "bench.py").is_file()
    assert not (files / "key.secret").exists() and not (files / "src" / "sorter.py").exists()
    assert run_command(["status", "s"]) == 0
    assert "score: self-reported" in capsys.readouterr().out
    assert git("status", "--porcelain") == "" and (here / "src" / "sorter.py").read_text() == SLOW
    assert run_command(["export", "s", "--patch", str(tmp_path / "faster.patch")]) == 0
    git("am", "-q", str(tmp_path / "faster.patch"))
    assert "sorted(values)" in (here / "src" / "sorter.py").read_text()


def test_faster_and_wrong_never_wins(here: Path, capsys: Any, tmp_path: Path) -> None:
    repository(here)
    (tmp_path / "model.py").write_text(SORTER.replace("return sorted(values)", "return values"))
    wanted = [
        "new",
        "--edit",
        "src/sorter.py",
        "--run",
        f"{sys.executable} bench.py 60",
        "--minimize",
        "--name",
        "s",
    ]
    wanted += ["--check", f"{sys.executable} check.py", "--metric", "took ([0-9.e-]+)"]
    assert (
        run_command([*wanted, "--model", f"command:{sys.executable} {tmp_path / 'model.py'}"]) == 0
    )
    assert run_command(["run", "s", "--steps", "1", "--mode", "auto"]) == 0
    out = capsys.readouterr().out
    assert "invalid" in out and "BETTER" not in out


@pytest.mark.slow
def test_a_subfolder_of_a_repository_is_patched_where_it_lies(
    here: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    (here / "part").mkdir()
    (here / "part" / "score.py").write_text("LEVEL = 3\nprint(LEVEL)\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    monkeypatch.chdir(here / "part")
    wanted = [
        "new",
        "--edit",
        "score.py",
        "--run",
        f"{sys.executable} score.py",
        "--name",
        "s",
        "--model",
        "search",
    ]
    assert run_command([*wanted, "--set", "gate.rule=always"]) == 0
    assert run_command(["run", "s", "--steps", "1", "--mode", "auto"]) == 0
    assert run_command(["export", "s", "head", "--patch", str(tmp_path / "p")]) == 0
    monkeypatch.chdir(here)
    git("apply", str(tmp_path / "p"))
    assert "LEVEL = 3\n" not in (here / "part" / "score.py").read_text()


@pytest.mark.slow
def test_what_prints_no_number_is_timed_where_less_is_better(
    here: Path, capsys: Any, home: Path
) -> None:
    (here / "run.py").write_text("LEVEL = 1\nsum(range(LEVEL))\n")
    assert (
        run_command(["new", "--edit", "run.py", "--run", SHELL, "--minimize", "--name", "s"]) == 0
    )
    told = capsys.readouterr().err
    assert "the seconds that the command takes" in told and "a time: versions take turns" in told
    toml = (home / "tasks" / "s" / "task.toml").read_text()
    assert 'source = "seconds"' in toml and 'measure = "time"' in toml
    (here / "run.py").write_text("raise SystemExit(1)\n")
    assert run_command(["eval", "s", "--artifact", str(here), "--json"]) in (0, 1)
    assert {row["status"] for row in json.loads(capsys.readouterr().out)["scores"]} == {"error"}


@pytest.mark.slow
def test_a_version_that_falls_silent_has_no_score(here: Path, capsys: Any, tmp_path: Path) -> None:
    (here / "run.py").write_text("print(0.5)\n")
    assert run_command(["new", "--edit", "run.py", "--run", SHELL, "--name", "s"]) == 0
    assert "the score: the last number printed; higher" in capsys.readouterr().err
    (here / "run.py").write_text("print('all is well')\n")
    run_command(["eval", "s", "--artifact", str(here), "--json"])
    assert {row["status"] for row in json.loads(capsys.readouterr().out)["scores"]} == {"invalid"}


def test_what_could_not_run_is_refused_before_anything_is_made(
    here: Path, home: Path, capsys: Any
) -> None:
    (here / "run.py").write_text("print(3)\n")
    assert run_command(["new", "--edit", "run.py", "--run", SHELL, "--steps", "1"]) == 2
    assert "no model is set" in refused(capsys, home)
    assert (
        run_command(
            ["new", "--edit", "run.py", "--run", SHELL, "--mode", "auto", "--model", "search"]
        )
        == 2
    )
    assert "--mode goes with --steps" in refused(capsys, home)


PROMPT = ["--prompt", "p.txt", "--cases", "c.csv", "--answer", "queue"]
BAD_PROMPTS: dict[
    str, tuple[list[str], str, str, str]
] = {  # arguments, prompt, cases, what is said
    "no file": (["--prompt", "none.txt", *PROMPT[2:]], "{text}", cases(20), "cannot read none.txt"),
    "no cases": (
        [*PROMPT[:3], "none.csv", *PROMPT[4:]],
        "{text}",
        cases(20),
        "cannot read none.csv",
    ),
    "no column": ([*PROMPT[:5], "quue"], "{text}", cases(20), "Did you mean queue"),
    "no placeholder": (PROMPT, "{txt}", cases(20), "Did you mean text"),
    "one label": (PROMPT, "{text}", cases(20, "refund"), "a constant would be perfect"),
    "too few": (PROMPT, "{text}", cases(5), "too few"),
    "not text": (PROMPT, "{text}", "text,queue\n\udcff,a\n", "not UTF-8"),
    "no answer named": (PROMPT[:4], "{text}", cases(20), "--prompt needs --answer"),
    "stray option": ([*PROMPT, "--minimize"], "{text}", cases(20), "--minimize goes with --edit"),
    "two at once": (["atari/pong", *PROMPT], "{text}", cases(20), "do not go together"),
    "unknown setting": ([*PROMPT, "--set", "gate.exmples=1"], "{text}", cases(20), "gate.examples"),
}


@pytest.mark.parametrize("name", BAD_PROMPTS)
def test_bad_prompts_and_cases_say_so_in_one_line(
    name: str, here: Path, home: Path, capsys: Any
) -> None:
    arguments, prompt, text, said = BAD_PROMPTS[name]
    (here / "p.txt").write_text(prompt)
    (here / "c.csv").write_text(text, errors="surrogateescape")
    assert run_command(["new", *arguments]) == 2
    assert refused(capsys, home).find(said) >= 0


SHELL = f"{sys.executable} run.py"
BAD_COMMANDS: dict[str, tuple[list[str], str, str]] = {  # arguments, the program, what is said
    "no score": (["--run", SHELL], "print('done'); raise SystemExit(2)", "no score"),
    "nan": (["--run", SHELL], "print('nan')", "gives no score"),
    "json nan": (["--run", SHELL], "print('{\"score\": NaN}')", "gives no score"),
    "wrong type": (["--run", SHELL], 'print(\'{"score": "high"}\')', "gives no score"),
    "no such program": (["--run", "no-such-program-here"], "", "not found"),
    "missing package": (["--run", SHELL], "import no_such_package", "no_such_package"),
    "endless output": (
        ["--run", SHELL],
        "while True: print('x' * 10000)",
        "gives no score (output)",
    ),
    "endless": (
        ["--run", SHELL, "--set", "limits.seconds=1"],
        "while True: pass",
        "gives no score (timeout)",
    ),
    "metric not found": (["--run", SHELL, "--metric", "score: (.*)"], "print(3)", "gives no score"),
    "metric is none": (["--run", SHELL, "--metric", "("], "print(3)", "not a regular expression"),
    "metric without group": (["--run", SHELL, "--metric", "score"], "print(3)", "has no group"),
    "check fails": (["--run", SHELL, "--check", "false"], "print(3)", "check"),
    "no command": ([], "print(3)", "--edit needs --run"),
    "no examples": (["--run", SHELL + " {example}"], "print(3)", "Give --examples"),
    "examples unused": (["--run", SHELL, "--examples", "run.py"], "print(3)", "Put {example}"),
    "no examples file": (
        ["--run", SHELL + " {example}", "--examples", "none"],
        "print(3)",
        "cannot read none",
    ),
    "no edited file": (["--edit", "rum.py", "--run", SHELL], "print(3)", "Did you mean run.py"),
    "unset check": (["--run", SHELL, "--check", "no-such-test"], "print(3)", "not found"),
    "check hangs": (
        ["--run", SHELL, "--check", "sleep 99", "--set", "limits.seconds=1"],
        "print(3)",
        "(timeout)",
    ),
    "group that may be missing": (
        ["--run", SHELL, "--metric", "done(\\d)?"],
        "print('done')",
        "found None",
    ),
    "endless in number": (
        ["--run", SHELL, "--metric", "is (\\w+)"],
        "print('is inf')",
        "the score is inf",
    ),
    "quoted example": (
        ["--run", SHELL + " '{example}'", "--examples", "run.py"],
        "print(3)",
        "Remove the quotes",
    ),
    "few examples": (
        ["--run", SHELL + " {example}", "--examples", "run.py"],
        "print(3)" + "".join(f"\n# {n}" for n in range(9)),
        "the gate could never accept an edit: 10 examples give it",
    ),
    "equal examples": (
        ["--run", SHELL + " {example}", "--examples", "run.py"],
        "print(3)" + 9 * "\n# equal",
        "Give more different examples",
    ),
    "empty edit": (["--edit", "", "--run", SHELL], "print(3)", "--edit is empty"),
    "empty run": (["--run", " "], "print(3)", "--run is empty"),
    "no function": (["--edit", "run.py:solve", "--run", SHELL], "print(3)", "defines no solve"),
    "no network": (
        ["--run", SHELL],
        "import socket; socket.create_connection(('192.0.2.1', 9))",
        "sandbox.network=true",
    ),
    "outside": (["--edit", "../model.py", "--run", SHELL], "print(3)", "fits no file"),
}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_bad_commands_say_so_in_one_line(name: str, here: Path, home: Path, capsys: Any) -> None:
    arguments, program, said = BAD_COMMANDS[name]
    (here / "run.py").write_text(program + "\n")
    own = [] if "--edit" in arguments else ["--edit", "run.py"]
    assert run_command(["new", *own, *arguments]) == 2
    assert refused(capsys, home).find(said) >= 0
    assert [file.name for file in here.iterdir()] == ["run.py"]


def refused(capsys: Any, home: Path) -> str:
    """The one line that was said; neither a task nor a session is left."""
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if line.startswith("genopt: ")]
    assert len(lines) == 1 and "Traceback" not in told.err, told.err
    assert not list((home / "tasks").glob("*")) and not list((home / "sessions").glob("*/.git"))
    return lines[0]


def test_a_command_that_writes_into_the_users_tree_is_stopped(
    here: Path, home: Path, capsys: Any
) -> None:
    (here / "run.py").write_text(f"open({str(here / 'left.txt')!r}, 'w').write('x')\nprint(3)\n")
    run_command(["new", "--edit", "run.py", "--run", SHELL])
    assert not (here / "left.txt").exists()


def test_odd_trees_are_taken_as_they_are(here: Path, home: Path, capsys: Any) -> None:
    """Links that lead in circles or nowhere, a pipe, names of all kinds, a file that may not be
    read, line ends of another system."""
    (here / "my files").mkdir()
    (here / "my files" / "run 'it'.py").write_bytes(b"LEVEL = 3\r\nprint(LEVEL)\r\n")
    (here / ".gitignore").write_text("*.txt\n!kept.txt\n")
    for name in ("left.txt", "kept.txt", 'gr\u00fc\u00df $x "q".dat', "\udcff\udcfe.dat"):
        (here / name).write_text("x")
    (here / "loop").symlink_to(".")
    (here / "everything").symlink_to("/")
    (here / "dangling").symlink_to("nowhere")
    os.mkfifo(here / "pipe")
    run = f"{sys.executable} 'my files/run '\"'it'\"'.py'"
    wanted = [
        "new",
        "--edit",
        str(here / "my files" / "run 'it'.py"),
        "--run",
        run,
        "--name",
        "s",
        "--model",
        "search",
    ]
    assert (
        run_command([*wanted, "--set", "gate.rule=always", "--steps", "1", "--mode", "auto"]) == 0
    )
    assert "scores 3" in capsys.readouterr().err
    files = home / "tasks" / "s" / "files"
    assert {file.name for file in files.iterdir()} == {
        ".gitignore",
        "kept.txt",
        'gr\u00fc\u00df $x "q".dat',
        "\udcff\udcfe.dat",
    }
    assert run_command(["export", "s", "head", "--patch", str(here / "p")]) == 0
    git("init", "-q")
    git("apply", "p")
    assert b"\r\nprint(LEVEL)\r\n" in (here / "my files" / "run 'it'.py").read_bytes()


def test_what_leads_out_or_has_no_printable_name_is_not_edited(
    here: Path, home: Path, capsys: Any
) -> None:
    (here.parent / "other.py").write_text("print(3)")
    (here / "link.py").symlink_to("../other.py")
    assert run_command(["new", "--edit", "link.py", "--run", SHELL]) == 2
    assert "leads out of this folder" in refused(capsys, home)
    (here / "\udcff.py").write_text("print(3)")
    assert run_command(["new", "--edit", "*.py", "--run", SHELL]) == 2
    assert "no printable name" in refused(capsys, home)


def test_examples_reach_the_command_to_the_letter(here: Path, home: Path, capsys: Any) -> None:
    lines = [
        "$(touch pwned)",
        "; touch pwned",
        "`id` | cat",
        "'\"",
        "* ?",
        "a\tb",
        "-x",
        "gr\u00fc\u00df",
    ]
    (here / "run.py").write_text(f"import sys\nprint({lines!r}.index(sys.argv[1]))\n")
    (here / "examples").write_text("\ufeff" + "\r\n".join(lines))
    assert (
        run_command(
            [
                "new",
                "--edit",
                "run.py",
                "--run",
                SHELL + " {example}",
                "--examples",
                "examples",
                "--set",
                "gate.rule=always",
                "--name",
                "s",
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert run_command(["eval", "s", "--split", "train", "--examples", "4", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert len(scores) == 4 and all(row["example"] == f"ex-{row['score'] + 1:g}" for row in scores)


def test_a_start_that_fails_may_still_come_to_print_a_number(
    here: Path, home: Path, capsys: Any
) -> None:
    (here / "run.py").write_text("raise SystemExit(1)\n")
    assert run_command(["new", "--edit", "run.py", "--run", SHELL, "--name", "s"]) == 0
    assert 'source = "any"' in (home / "tasks" / "s" / "task.toml").read_text()


@pytest.mark.slow
def test_a_hundred_thousand_cases_are_dealt_out(here: Path, capsys: Any) -> None:
    (here / "p.txt").write_text("{text}")
    (here / "c.csv").write_text(cases(100_000))
    assert run_command(["new", *PROMPT, "--name", "big", "--json"]) == 0
    told = capsys.readouterr().err
    assert "50000 cases" in told and "25000 cases" in told
    assert run_command(["check", "big", "--json"]) == 0
    codes = {f["code"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert "no-agent-model" in codes and "label-balance" in codes and "overlap" not in codes
