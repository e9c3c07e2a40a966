"""Acts on history as a person does them: the real command line in processes of its own, with a real
runner."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import run_command

TASK = """
from genopt_tui.task.contract import Example, Result


def examples(split):
    return [Example(f"{split}-{i}", data=i) for i in range(6)]


def run(artifact, example, ctx):
    return Result(score=-abs(ctx.call("answer.value", example.data * 0.001) - 10), feedback="")
"""
TOML = """
name = "tiny"
objective = "Reach 10."
deterministic = true
rule = "distance to 10"
failure_score = -100.0
[starts.plain]
[choices]
"gate.examples" = 6
"batch.size" = 1
"""
START = (
    "LEVEL = 3.0\n"
    + "# between\n" * 9
    + "EXTRA = 0.0\n\n\ndef value(x):\n    return LEVEL + EXTRA + x\n"
)
MODEL = r"""
import re, sys
level = float(re.findall(r"LEVEL = ([0-9.]+)", sys.stdin.read())[0])
print(f"Raise it by one.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = {level}\n=======\nLEVEL = {level + 1}\n>>>>>>> REPLACE")
"""
LOOKING = {"log", "status", "show", "ls"}
Genopt = Callable[..., str]


def write_task(folder: Path) -> Path:
    (folder / "starts" / "plain").mkdir(parents=True)
    (folder / "task.toml").write_text(TOML)
    (folder / "task.py").write_text(TASK)
    (folder / "starts" / "plain" / "answer.py").write_text(START)
    return folder


def command(
    home: Path, *words: str, code: int = 0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GENOPT_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "genopt_tui", *words],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task, a home and a session `one` of three accepted steps."""
    root = tmp_path_factory.mktemp("grown")
    write_task(root / "tiny")
    (root / "model.py").write_text(MODEL)
    model = f"model=command:{sys.executable} {root / 'model.py'}"
    home = root / "home"
    command(
        home,
        "new",
        str(root / "tiny"),
        "--name",
        "one",
        "--set",
        model,
        "--set",
        "sandbox=none",
        "--set",
        "workers=1",
    )
    command(home, "run", "one", "--steps", "3", "--mode", "auto")
    command(home, "stop", "one")
    return root


@pytest.fixture
def root(grown: Path, tmp_path: Path) -> Iterator[Path]:
    """The grown folder for one test: its session is put back afterwards."""
    kept = tmp_path / "kept"
    shutil.copytree(grown / "home" / "sessions" / "one", kept)
    yield grown
    command(grown / "home", "stop", "one")
    shutil.rmtree(grown / "home" / "sessions" / "one")
    shutil.copytree(kept, grown / "home" / "sessions" / "one")


@pytest.fixture
def genopt(root: Path) -> Genopt:
    """Run a command in the grown home; what it prints on standard output."""

    def run(*words: str, code: int = 0) -> str:
        if words[0] in LOOKING and not code:
            return looked(root / "home", *words)
        return command(root / "home", *words, code=code).stdout

    return run


def looked(home: Path, *words: str) -> str:
    """What a command that only looks prints; in this process, which saves its start."""
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("GENOPT_HOME", str(home))
        assert run_command([*words]) == 0
    return out.getvalue()


def log(genopt: Genopt, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(genopt("log", "one", "--json", *more))
    return found


def steps(genopt: Genopt) -> list[int]:
    return [row["step"] for row in log(genopt)]


def session(root: Path) -> Path:
    return root / "home" / "sessions" / "one"


def plain_git(path: Path, *words: str) -> str:
    who = ["-c", "user.name=P", "-c", "user.email=p@example.org"]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        ["git", *who, *words], cwd=path, env=env, capture_output=True, text=True, check=True
    ).stdout


def test_rewind_undo_redo_branch_switch_and_tag(genopt: Genopt) -> None:
    genopt("rewind", "one", "1")
    assert steps(genopt) == [1, 0]
    genopt("undo", "one")
    assert steps(genopt) == [3, 2, 1, 0]
    genopt("redo", "one")
    assert steps(genopt) == [1, 0]
    assert {row["kind"] for row in log(genopt, "--all") if row["step"] == 3} == {"abandoned"}
    genopt("branch", "one", "other", "--at", "3")
    genopt("switch", "one", "other")
    assert steps(genopt) == [3, 2, 1, 0]
    genopt("tag", "one", "good", "2")
    genopt("note", "one", "good", "a", "fine", "one")
    row = next(row for row in log(genopt, "--all") if row["step"] == 2)
    assert (row["tags"], row["note"], row["branch"]) == (["good"], "a fine one", "other")
    assert "note: a fine one" in genopt("log", "one")
    genopt("note", "one", "good")
    assert not any(row["note"] for row in log(genopt))
    genopt("undo", "one")  # the tag
    genopt("undo", "one")  # the switch
    assert json.loads(genopt("status", "one", "--json"))["branch"] == "main"
    genopt("rewind", "one", "3", code=2)


@pytest.mark.slow
def test_a_hand_edit_is_gated_and_a_conflict_is_shown_to_be_edited(
    genopt: Genopt, root: Path
) -> None:
    file = session(root) / "artifact" / "answer.py"
    file.write_text(file.read_text().replace("LEVEL = 6.0", "LEVEL = 9.0"))
    genopt("accept-edits", "one")
    head = log(genopt)[0]
    assert (head["decision"], head["verdict"], head["base_score"] < head["score"]) == (
        "manual",
        "better",
        True,
    )
    genopt("rewind", "one", "1")
    assert "edit them in" in genopt("revive", "one", "4")
    assert "<<<<<<< head" in file.read_text() and "LEVEL = 9.0" in file.read_text()
    genopt("accept-edits", "one", code=2)
    genopt("revive", "one", "4", code=2)  # the open conflict is not overwritten
    file.write_text(START.replace("LEVEL = 3.0", "LEVEL = 9.0"))
    genopt("accept-edits", "one")
    assert log(genopt)[0]["step"] == 5
    assert plain_git(session(root), "status", "--porcelain") == ""


@pytest.mark.slow
def test_hunks_are_measured_and_picked_one_by_one(genopt: Genopt, root: Path) -> None:
    file = session(root) / "artifact" / "answer.py"
    both = (
        file.read_text()
        .replace("LEVEL = 6.0", "LEVEL = 8.0")
        .replace("EXTRA = 0.0", "EXTRA = -1.0")
    )
    file.write_text(both)
    genopt("accept-edits", "one")
    found = json.loads(genopt("hunks", "one", "head", "--json"))
    assert [round(h["worth"], 6) for h in found["hunks"]] == [2.0, -1.0]
    assert [h["verdict"] for h in found["hunks"]] == ["better", "worse"]
    genopt("rewind", "one", "3")
    genopt("mode", "ask", "one")
    genopt("pick", "one", "4", "--hunks", "7", code=2)
    genopt("pick", "one", "4", "--hunks", "1")
    status = json.loads(genopt("status", "one", "--json"))
    assert status["step"] == 5
    wait_for(genopt, "waiting")
    genopt("approve", "one")
    wait_for(genopt, "idle", "finished")
    text = plain_git(session(root), "show", "HEAD:artifact/answer.py")
    assert "LEVEL = 8.0" in text and "EXTRA = 0.0" in text


def wait_for(genopt: Genopt, *states: str) -> None:
    for _ in range(1000):
        if json.loads(genopt("status", "one", "--json"))["state"] in states:
            return
        time.sleep(0.05)
    raise AssertionError(f"the session did not become {states}")


@pytest.mark.slow
def test_lines_are_blamed_and_text_is_found(genopt: Genopt) -> None:
    lines = json.loads(genopt("blame", "one", "answer.py", "--json"))
    assert (lines[0]["text"], lines[0]["step"], lines[0]["change"]) == (
        "LEVEL = 6.0",
        3,
        pytest.approx(1.0),
    )
    assert lines[1]["step"] == 0
    found = json.loads(genopt("search", "one", "level = 5.0", "--json"))
    assert [(row["step"], row["where"]) for row in found] == [(3, "diff"), (2, "diff")]
    assert [row["where"] for row in json.loads(genopt("search", "one", "raise", "--json"))] == [
        "subject"
    ] * 3
    assert json.loads(genopt("search", "one", "nowhere", "--json", code=1)) == []
    genopt("blame", "one", "none.py", code=2)


def test_compare_has_the_fields_of_the_contract_within_and_across_sessions(
    genopt: Genopt, root: Path
) -> None:
    found = json.loads(genopt("compare", "one", "start", "head", "--json"))
    wanted = "a b mean_a mean_b difference interval p verdict test confidence better worse same n"
    assert set(wanted.split()) <= found.keys()
    assert (found["verdict"], found["better"], found["n"]) == ("better", 6, 6)
    assert found["difference"] == pytest.approx(3.0)
    genopt("new", "--from", "one@1", "--name", "two", "--set", "sandbox=none")
    across = json.loads(genopt("compare", "one@3", "two@head", "--json"))
    assert across["verdict"] == "worse" and across["difference"] == pytest.approx(-2.0)
    same = json.loads(genopt("compare", "one", "2", "2", "--json"))
    assert (same["verdict"], same["same"], same["difference"]) == ("undecided", 6, 0.0)


def test_the_rule_stands_wherever_a_score_does(genopt: Genopt) -> None:
    for words in (
        ["show", "one", "2"],
        ["matrix", "one"],
        ["curve", "one"],
        ["compare", "one", "1", "2"],
    ):
        assert "distance to 10" in genopt(*words), words
    assert {row["rule"] for row in log(genopt)} == {"distance to 10", ""}
    assert [row["rule"] for row in log(genopt) if row["score"] is None] == [""], (
        "only the start has no score of its own"
    )
    assert json.loads(genopt("status", "one", "--json"))["learning"] == "interactive", (
        "one example an update"
    )
    (told,) = json.loads(genopt("curve", "one", "--json"))["sessions"]
    assert told["rule"] == "distance to 10"
    assert (
        [round(p["raw"]) for p in told["points"]]
        == [round(p["best"]) for p in told["points"]]
        == [-7, -6, -5, -4]
    )
    assert [p["calls"] for p in told["points"]] == [0, 1, 2, 3] and told["points"][3][
        "rollouts"
    ] > 12


@pytest.mark.slow
def test_a_live_runner_scores_what_compare_lacks(genopt: Genopt, root: Path) -> None:
    shutil.rmtree(session(root) / ".genopt")
    genopt("run", "one", "--steps", "1", "--mode", "ask", "--detach")
    wait_for(genopt, "waiting")
    found = json.loads(genopt("compare", "one", "start", "1", "--json"))
    assert found["verdict"] == "better"
    assert json.loads(genopt("status", "one", "--json"))["state"] == "waiting"
    rows = json.loads(genopt("matrix", "one", "--json"))
    assert [v["step"] for v in rows["versions"]] == [0, 1, 2, 3] and not rows["losses"]


@pytest.mark.slow
def test_a_changed_task_is_marked_and_versions_are_scored_again(genopt: Genopt, root: Path) -> None:
    code = root / "tiny" / "task.py"
    try:
        code.write_text(TASK.replace("- 10", "- 5"))
        assert json.loads(genopt("status", "one", "--json"))["task"]["changed"]
        rows = json.loads(genopt("rescore", "one", "--json"))["versions"]
        assert {row["name"]: round(row["mean"]) for row in rows} == {
            "start": -2,
            "best": -1,
            "head": -1,
        }
        genopt("exclude", "one", "gate-0", "it", "leaks", "the", "answer")
        genopt("run", "one", "--steps", "1", "--mode", "auto")
        marked = log(genopt, "--all")
        assert any(row["task_changed"] for row in marked)
        record = json.loads(genopt("show", "one", str(marked[0]["version"]), "--json"))
        assert "gate-0" not in {row["example"] for row in record["scores"]["rows"]}
        assert "it leaks the answer" in plain_git(session(root), "show", "HEAD:genopt.toml")
    finally:
        code.write_text(TASK)


def test_external_git_is_noticed_while_a_runner_lives_and_nothing_is_fought(
    genopt: Genopt, root: Path
) -> None:
    genopt("run", "one", "--steps", "1", "--mode", "ask", "--detach")
    wait_for(genopt, "waiting")
    file = session(root) / "artifact" / "answer.py"
    file.write_text(file.read_text().replace("LEVEL = 6.0", "LEVEL = 9.5"))
    plain_git(session(root), "commit", "-q", "-a", "-m", "by plain git")
    wait_for(genopt, "running", "idle", "finished")
    rows = log(genopt, "--all")
    assert "superseded" in {row["decision"] for row in rows}
    assert any(row["subject"] == "by plain git" for row in rows)
    assert "LEVEL = 9.5" in file.read_text()


@pytest.mark.slow
def test_a_bundle_opens_on_another_machine_after_consent(
    genopt: Genopt, root: Path, tmp_path: Path
) -> None:
    genopt("note", "one", "2", "remember")
    told = command(root / "home", "export", "one", "--bundle", str(tmp_path / "one.bundle")).stderr
    assert "versions with prompts, replies and evidence" in told
    elsewhere = tmp_path / "home"
    (root / "tiny").rename(root / "away")
    try:
        told = command(elsewhere, "clone", str(tmp_path / "one.bundle")).stderr
        assert "genopt trust one" in told
        assert "not made on this machine" in command(elsewhere, "run", "one", code=2).stderr
        assert (
            "not made on this machine"
            in command(elsewhere, "compare", "one", "1", "2", code=2).stderr
        )
        there = json.loads(command(elsewhere, "log", "one", "--all", "--json").stdout)
        assert [(r["version"], r["note"]) for r in there] == [
            (r["version"], r["note"]) for r in log(genopt, "--all")
        ]
        command(elsewhere, "trust", "one")
        command(elsewhere, "set", "one", "sandbox=none")
        scored = json.loads(command(elsewhere, "eval", "one", "3", "--json").stdout)
        assert scored["mean"] == pytest.approx(-3.9975, abs=0.01)
        assert (
            json.loads(command(elsewhere, "status", "one", "--json").stdout)["task"]["changed"]
            is False
        )
        command(elsewhere, "stop", "one")
    finally:
        (root / "away").rename(root / "tiny")


@pytest.mark.slow
def test_a_plain_clone_has_versions_and_the_refspec_brings_the_rest(
    genopt: Genopt, root: Path, tmp_path: Path
) -> None:
    genopt("branch", "one", "other", "--at", "1")
    genopt("rewind", "one", "2")
    plain_git(tmp_path, "clone", "-q", str(session(root)), "copy")
    command(root / "home", "open", str(tmp_path / "copy"))
    assert plain_git(tmp_path / "copy", "branch", "--format=%(refname:short)").split() == [
        "main",
        "other",
    ]
    assert plain_git(tmp_path / "copy", "status", "--porcelain") == ""
    shown = json.loads(command(root / "home", "show", str(tmp_path / "copy"), "2", "--json").stdout)
    assert shown["reply"]
    plain_git(tmp_path / "copy", "fetch", "-q", "origin", "+refs/genopt/*:refs/genopt/*")
    there = json.loads(
        command(root / "home", "log", str(tmp_path / "copy"), "--all", "--json").stdout
    )
    assert {row["version"] for row in there} == {row["version"] for row in log(genopt, "--all")}


def test_the_log_is_rebuilt_from_git_alone(genopt: Genopt, root: Path) -> None:
    genopt("rewind", "one", "2")
    before = log(genopt, "--all")
    genopt("stop", "one")
    shutil.rmtree(session(root) / ".genopt")
    assert log(genopt, "--all") == before
    (session(root) / ".git" / "genopt" / "best.json").unlink(missing_ok=True)
    assert json.loads(genopt("ls", "--json"))[0]["best"]["step"] == 3


def test_an_export_is_scored_anew_and_openings_are_counted(
    genopt: Genopt, root: Path, tmp_path: Path
) -> None:
    assert json.loads(genopt("status", "one", "--json"))["test_openings"] == 0
    genopt("export", "one", "--patch", str(tmp_path / "nowhere" / "a.patch"), code=2)
    found = json.loads(genopt("export", "one", "best", "--to", str(tmp_path / "out"), "--json"))
    assert found["recorded"]["mean"] == pytest.approx(found["fresh"]["mean"])
    assert found["test"]["n"] == 6 and found["gate_uses"] == 3
    assert (tmp_path / "out" / "answer.py").read_text().startswith("LEVEL = 6.0")
    genopt("eval", "one", "start", "--split", "test", "--json")
    assert json.loads(genopt("status", "one", "--json"))["test_openings"] == 2
    assert [row["test_openings"] for row in log(genopt)] == [1, 0, 0, 1]
    patch = genopt("export", "one", "--patch", "-")
    assert patch.count("Subject: ") == 3
    genopt(
        "export", "one", "--branch", "improved", code=2
    )  # nobody knows where the files came from


def test_files_of_a_repository_go_back_to_the_commit_they_came_from(tmp_path: Path) -> None:
    users, home = tmp_path / "users", tmp_path / "home"
    (users / "sub").mkdir(parents=True)
    (users / "sub" / "level.py").write_text("LEVEL = 3\n\n\n\nprint(f'score: {LEVEL}')\n")
    plain_git(users, "init", "-q", "-b", "main")
    plain_git(users, "add", ".")
    plain_git(users, "commit", "-q", "-m", "mine")
    came_from = plain_git(users, "rev-parse", "HEAD").strip()
    words = [
        "new",
        "--edit",
        "level.py",
        "--run",
        f"{sys.executable} level.py",
        "--metric",
        "score: ([0-9.]+)",
    ]
    command(home, *words, "--name", "mine", "--set", "sandbox=none", cwd=users / "sub")
    plain_git(users, "commit", "-q", "--allow-empty", "-m", "later")
    edited = home / "sessions" / "mine" / "artifact" / "level.py"
    edited.write_text(edited.read_text().replace("LEVEL = 3", "LEVEL = 4"))
    command(home, "accept-edits", "mine")
    command(home, "export", "mine", "head", "--branch", "improved")
    assert plain_git(users, "rev-parse", "improved~1").strip() == came_from
    assert plain_git(users, "show", "improved:sub/level.py").startswith("LEVEL = 4")
    assert plain_git(users, "status", "--porcelain") == ""
    assert (
        "has a branch 'improved' already"
        in command(home, "export", "mine", "--branch", "improved", code=2).stderr
    )
    assert json.loads(command(home, "status", "mine", "--json").stdout)["test_openings"] == 1
    command(home, "stop", "mine")
