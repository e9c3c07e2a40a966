"""Timed tasks: versions are measured alternately, alone and afresh, and count by their ratio."""

import json
from pathlib import Path

import pytest
from conftest import Make

from genopt_tui.__main__ import run_command as genopt

TASK = """
from genopt_tui.task.contract import Example, Result
def examples(split):
    return [Example(f"{split}-{i}", data=i) for i in range(6)]
def run(artifact, example, ctx):
    return Result(ctx.call("answer.value", example.data * 0.001))
"""


def lowered(old: float, new: float) -> str:
    return f"Faster.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = {old}\n=======\nLEVEL = {new}\n>>>>>>> REPLACE\n"


@pytest.fixture
def timed(task: Path) -> None:
    toml = (
        (task / "task.toml")
        .read_text()
        .replace('name = "tiny"', 'name = "tiny"\nmeasure = "time"\ndirection = "lower"')
    )
    (task / "task.toml").write_text(toml)
    (task / "task.py").write_text(TASK)


@pytest.mark.usefixtures("timed")
def test_a_timed_version_counts_by_its_ratio_to_the_start(make: Make) -> None:
    bench = make()
    for call, (old, new) in enumerate([(3.0, 1.5), (1.5, 1.2), (1.2, 4.0)]):
        bench.will_reply(call, lowered(old, new))
    bench.run(steps=3, mode="auto")
    assert [(d, s) for _, d, s in bench.outcomes()] == [
        ("start", None),
        ("gate", pytest.approx(0.5, abs=0.01)),
        ("gate", pytest.approx(0.4, abs=0.01)),
        ("rejected", pytest.approx(1.33, abs=0.02)),
    ]
    gates = [event.data for event in bench.events("gate_finished")]
    assert [g["verdict"] for g in gates] == ["better", "better", "worse"]
    assert gates[1]["ratio"] == pytest.approx(0.8, abs=0.01)
    low, high = gates[1]["ratio_interval"]
    assert low <= gates[1]["ratio"] <= high < 1
    assert gates[1]["scores"][0]["seconds"] == [1.5, 1.2]
    assert gates[1]["n"] == 6


@pytest.mark.usefixtures("timed")
def test_base_and_candidate_alternate_and_nothing_is_cached(make: Make) -> None:
    bench = make("workers=4")
    bench.will_reply(0, lowered(3.0, 1.5))
    bench.run(steps=1, mode="auto")
    ran = [e for e in bench.events("rollout_finished") if e.step == 1 and e.data["split"] == "gate"]
    assert not any(e.data["cached"] for e in ran)
    sides = ["new" if e.data.get("candidate") == 0 else "base" for e in ran]
    assert sides == ["base", "new", "new", "base"] * 3
    assert [e.data["example"] for e in ran[::2]] == [f"gate-{i}" for i in range(6)]


@pytest.mark.usefixtures("timed")
def test_a_version_that_fails_is_worse_however_fast(make: Make) -> None:
    bench = make()
    bench.will_reply(
        0,
        "Skip.\n\nanswer.py\n<<<<<<< SEARCH\n    return LEVEL + shift\n=======\n"
        "    return 1 / (shift and LEVEL and 100)\n>>>>>>> REPLACE\n",
    )
    bench.run(steps=1, mode="auto")
    (gate,) = bench.events("gate_finished")
    assert (gate.data["verdict"], gate.data["failed"]) == ("worse", 1)
    assert bench.outcomes()[1][1] == "rejected"


BROKEN = "Break.\n\nanswer.py\n<<<<<<< SEARCH\n    return LEVEL + shift\n=======\n    return 1 / 0\n>>>>>>> REPLACE\n"


@pytest.mark.usefixtures("timed")
def test_a_version_that_never_gives_a_time_is_rejected(make: Make) -> None:
    bench = make()
    bench.will_reply(0, BROKEN)
    bench.run(steps=1, mode="auto")
    (gate,) = bench.events("gate_finished")
    assert (gate.data["verdict"], gate.data["mean"], gate.data["n"]) == ("worse", None, 0)
    assert bench.outcomes()[1][1:] == ("rejected", None)
    assert "6 of 6 failed" in bench.events("rejected")[0].data["reason"]


@pytest.mark.usefixtures("timed")
def test_of_several_the_one_with_a_time_is_taken(make: Make) -> None:
    bench = make("candidates=2", "gate.rule=always")
    bench.will_reply(0, BROKEN)
    bench.will_reply(1, lowered(3.0, 2.0))
    bench.run(steps=1, mode="auto")
    assert [(d, s) for _, d, s in bench.outcomes()][:2] == [
        ("start", None),
        ("always", pytest.approx(2 / 3, abs=0.01)),
    ]


@pytest.mark.usefixtures("timed")
def test_an_export_counts_a_timed_version_anew_in_the_same_unit(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make()
    bench.will_reply(0, lowered(3.0, 1.5))
    bench.run(steps=1, mode="auto")
    assert (
        genopt(
            ["export", str(bench.path), "best", "--to", str(bench.path.parent / "out"), "--json"]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert [told[key]["mean"] for key in ("recorded", "fresh", "test")] == pytest.approx(
        [0.5] * 3, abs=0.01
    )
