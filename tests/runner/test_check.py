"""The loop doctor through `genopt check`: each planted fault of a small broken task is found, and a
clean one gets no warning."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import run_command

TASK = """
import math, random, time
from genopt_tui.task.contract import Example, Result

LABELS = {labels}
FIRST = {first}


def examples(split, settings):
    return [Example(f"{{split}}-{{n}}", {data}, LABELS[split][n % len(LABELS[split])]) for n in range({count})]


def run(artifact, example, ctx):
    rng = random.Random({seed})
    total = 0.0
    for _ in range({steps}):
        obs = {{"ball": rng.random(), "paddle": rng.random(){more}}}
        action = ctx.call("policy.act", obs)
        total += {reward}
        ctx.step(obs, action=action, reward=action - obs["ball"])
    return Result({score}, "Move closer.")
"""
TOML = """
objective = "Follow the ball."
documentation = '{documentation}'
failure_score = 0.0
best_possible = 1.0
{top}
[starts.first]
scope = {scope}
[choices]
"gate.examples" = 12
{choices}
[[feedback]]
at_least = {threshold}
text = "Nearly: polish act_now."
[[feedback]]
text = "Look at act_now."
"""
POLICY = "def act(obs):\n    return act_now(obs)\n\n\ndef act_now(obs):\n    return 0.5\n"
CLEAN = {
    "labels": {"train": "abc", "gate": "abc", "test": "abc"},
    "first": {"train": 0, "gate": 100, "test": 200},
    "data": "FIRST[split] + n",
    "count": "12",
    "seed": "example.data",
    "steps": "25",
    "more": "",
    "reward": '1 - abs(action - obs["ball"])',
    "score": "total / 25",
    "documentation": 'obs["ball"] is the ball, obs["paddle"] the paddle.',
    "top": "",
    "scope": '["policy.py:act_now"]',
    "choices": "",
    "threshold": "0.95",
    "policy": POLICY,
}


@dataclass
class Fault:
    """What is changed of the clean task, and how the check is called."""

    changes: dict[str, Any]
    pairs: list[str] = field(default_factory=list)
    code: int = 0
    level: str = "warning"


FAULTS = {
    "constant-answer": Fault(
        {"labels": {"train": "aaaaaaaaaab", "gate": "aaaaaaaaabc", "test": "abc"}}
    ),
    "one-label": Fault({"labels": {"train": "a", "gate": "abc", "test": "abc"}}),
    "overlap": Fault({"first": {"train": 0, "gate": 6, "test": 200}}),
    "repeated-examples": Fault({"data": "FIRST[split] + n // 2"}),
    "gate-too-small": Fault({"score": "rng.random() * 0.9", "choices": "", "top": "effect = 0.05"}),
    "gate-of-one": Fault({}, ["gate.examples=1"]),
    "deterministic-repeats": Fault({"choices": '"gate.repeats" = 2'}),
    "seed-ignored": Fault(
        {"seed": "7", "policy": POLICY.replace("return 0.5", "return obs['paddle']")}
    ),
    "start-does-one-thing": Fault({"seed": "7"}, level="info"),
    "at-ceiling": Fault({"score": "1.0"}),
    "at-constant": Fault({"score": 'float(example.label == "a")', "steps": "1"}),
    "start-fails": Fault(
        {"policy": "def act(obs):\n    return obs['boat']\n\n\ndef act_now(obs):\n    return 0.5\n"}
    ),
    "trace-too-long": Fault({"steps": "400"}, ["evidence.context=2000"]),
    "values-cut": Fault(
        {"more": ', "noise": "x" * 70000', "steps": "2"}, ["evidence.detail=trace"]
    ),
    "unknown-fields": Fault(
        {
            "documentation": 'obs["ball"] is the ball, obs["paddle"] the paddle, safe_lanes its lanes.'
        }
    ),
    "undocumented-fields": Fault({"documentation": 'obs["ball"] is the ball.'}),
    "null-differs": Fault({"score": "math.tanh(time.monotonic() / 1e6)"}),
    "stages-passed": Fault({"threshold": "0.1"}),
    "time-budget": Fault({}, ["budget.steps=100000", "budget.minutes=0.01"]),
    "scope-excludes-feedback": Fault({"scope": '["policy.py:act"]'}),
    "empty-split": Fault(
        {"labels": {"train": "abc", "gate": "", "test": "abc"}, "count": "len(LABELS[split]) * 4"},
        code=1,
    ),
    "not-run": Fault({"score": "1 / 0", "steps": "0"}, code=1),
}


def write(folder: Path, changes: dict[str, Any]) -> str:
    parts = {**CLEAN, **changes}
    (folder / "starts" / "first").mkdir(parents=True)
    (folder / "task.py").write_text(TASK.format(**parts))
    (folder / "task.toml").write_text(TOML.format(**parts))
    (folder / "starts" / "first" / "policy.py").write_text(parts["policy"])
    return str(folder)


def findings(capsys: Any, folder: str, *pairs: str, code: int = 0) -> list[dict[str, str]]:
    capsys.readouterr()
    sets = [word for pair in (*pairs, "workers=2") for word in ("--set", pair)]
    assert run_command(["check", folder, "--json", *sets]) == code
    found = json.loads(capsys.readouterr().out)["findings"]
    assert all({"code", "level", "message", "advice"} == set(finding) for finding in found)
    return list(found)


def test_a_clean_task_gets_no_warning(tmp_path: Path, capsys: Any) -> None:
    found = findings(capsys, write(tmp_path / "clean", {}))
    assert [f for f in found if f["level"] != "info"] == []
    codes = {f["code"] for f in found}
    assert {
        "label-balance",
        "noise",
        "null-control",
        "step-time",
        "crash-policy",
        "template",
    } <= codes


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.slow
def test_a_planted_fault_is_found(code: str, tmp_path: Path, capsys: Any) -> None:
    fault = FAULTS[code]
    found = findings(capsys, write(tmp_path / code, fault.changes), *fault.pairs, code=fault.code)
    level = "error" if fault.code else fault.level
    assert {f["level"] for f in found if f["code"] == code} == {level}, found


def test_a_session_is_held_against_its_best(tmp_path: Path, capsys: Any) -> None:
    folder = write(tmp_path / "own", {})
    assert (
        run_command(
            ["new", folder, "--name", "s", "--model", "search", "--set", "gate.rule=always"]
        )
        == 0
    )
    assert run_command(["run", "s", "--steps", "2", "--mode", "auto"]) == 0
    assert "stage-constant" in {f["code"] for f in findings(capsys, "s")}


def test_what_is_known_is_not_run_again(tmp_path: Path, capsys: Any) -> None:
    folder = write(tmp_path / "own", {})
    assert run_command(["new", folder, "--name", "s", "--model", "search"]) == 0
    before = {f["code"]: f["message"] for f in findings(capsys, "s")}
    assert run_command(["log", "s"]) == 0
    after = {f["code"]: f["message"] for f in findings(capsys, "s")}
    assert before["noise"] == after["noise"]
