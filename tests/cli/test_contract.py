"""The command line as a contract: documents, exit codes, one-line errors, and what is imported
before it is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from genopt_tui.__main__ import run_command

TOML = 'name = "tiny"\nobjective = "Reach 10."\nfailure_score = -100.0\n[starts.plain]\n[choices]\n"gate.examples" = 6\n'
TASK = """
from genopt_tui.task.contract import Example, Result
def examples(split):
    return [Example(f"{split}-{i}", data=i) for i in range(6)]
def run(artifact, example, ctx):
    return Result(score=-abs(ctx.call("answer.value", example.data * 0.001) - 10))
"""


@pytest.fixture
def task(tmp_path: Path) -> str:
    folder = tmp_path / "tiny"
    (folder / "starts" / "plain").mkdir(parents=True)
    (folder / "task.toml").write_text(TOML)
    (folder / "task.py").write_text(TASK)
    (folder / "starts" / "plain" / "answer.py").write_text(
        "LEVEL = 3.0\n\n\ndef value(x):\n    return LEVEL + x\n"
    )
    return str(folder)


def document(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> object:
    capsys.readouterr()
    assert run_command(list(arguments)) == code
    return json.loads(capsys.readouterr().out)


def test_a_session_from_new_to_compare(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = document(
        capsys, "new", task, "--name", "s", "--model", "search", "--set", "sandbox=none", "--json"
    )
    assert isinstance(made, dict) and {"session", "path", "head", "start"} <= made.keys()
    assert run_command(["run", "s", "--steps", "2", "--mode", "auto", "--jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all({"at", "step", "kind"} <= line.keys() for line in lines)
    assert {
        "run_started",
        "batch_sampled",
        "rollout_finished",
        "reply_delta",
        "reply_finished",
        "run_finished",
    } <= {line["kind"] for line in lines}
    status = document(capsys, "status", "s", "--json")
    assert isinstance(status, dict) and status["state"] == "finished" and status["step"] == 2
    assert {
        "state",
        "branch",
        "head",
        "step",
        "mode",
        "budget",
        "pending",
        "runner_pid",
    } <= status.keys()
    log = document(capsys, "log", "s", "--all", "--json")
    assert isinstance(log, list) and len(log) == 3
    assert {
        "version",
        "step",
        "parent",
        "branch",
        "decision",
        "score",
        "n",
        "subject",
        "cost",
    } <= log[0].keys()
    show = document(capsys, "show", "s", log[0]["version"], "--json")
    wanted = {"step", "evidence", "prompt", "reply", "proposal", "scores", "decision", "usage"}
    assert isinstance(show, dict) and wanted <= show.keys()
    scored = document(capsys, "eval", "s", "best", "--json")
    assert isinstance(scored, dict) and scored["n"] == 6 and scored["failed"] == 0
    compared = document(capsys, "compare", "s", "start", log[0]["version"], "--json")
    assert isinstance(compared, dict) and compared["n"] == 6 and "verdict" in compared


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "nothing-here", "1"],
        ["eval", "no/such-task"],
        ["new", "no/such-task"],
        ["run", "--mode", "x"],
        ["nope"],
    ],
)
def test_wrong_calls_give_one_line_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, genopt_tui.__main__ as m; m.run_command(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "git", "litellm", "textual", "numpy", "scipy", "jinja2", "platformdirs"}
    assert not heavy & set(done.stdout.split("\n")[-2].split())


def test_a_presets_start_is_the_start(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(task)
    (folder / "starts" / "good").mkdir()
    (folder / "starts" / "good" / "answer.py").write_text("def value(x):\n    return 10.0\n")
    more = '[starts.good]\n[presets.easy]\n[presets.easy.set]\n"start" = "good"\n'
    (folder / "task.toml").write_text(TOML.replace("[choices]", more + "[choices]"))
    for options in (["--preset", "easy"], ["--set", "start=good"], ["good"]):
        assert run_command(["eval", task, *options, "--set", "sandbox=none", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["mean"] == 0.0
    assert run_command(["new", task, "--preset", "easy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["start"] == "good"


def test_a_runner_that_dies_at_once_each_time_ends_the_wait(
    task: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command(["new", task, "--name", "s", "--model", "search"]) == 0
    monkeypatch.setattr("genopt_tui.cli.requests.MISSING_POLLS", 4)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert run_command(["run", "s", "--steps", "1"]) == 1
    assert "the runner has ended" in capsys.readouterr().err
