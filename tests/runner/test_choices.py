"""Design choices do what they say: horizons of one's own, what a crash counts, going back to the
best, what was declined."""

from pathlib import Path

import pytest
from conftest import Make

from genopt_tui.config import from_toml, to_toml
from tests.tiny import ARTIFACT, TASK

TWO_HUNKS = (
    "Both ends.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = 6.0\n>>>>>>> REPLACE\n\n"
    "answer.py\n<<<<<<< SEARCH\n    return LEVEL + shift\n=======\n    return LEVEL - 9 + shift\n>>>>>>> REPLACE\n"
)
HORIZON = "def pick(trace, score):\n    print('noise')\n    return [(0, f'score {score:.1f}')] if len(trace) else []\n"


def edit(level: float, old: float = 3.0) -> str:
    return f"Set it.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = {old}\n=======\nLEVEL = {level}\n>>>>>>> REPLACE\n"


def test_a_horizon_of_ones_own_chooses_the_steps_and_is_recorded_by_content(
    make: Make, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(HORIZON)
    bench = make(f"horizon.kind=python:{tmp_path / 'mine.py'}:pick")
    assert bench.run(steps=1, mode="auto").data["code"] == 0
    assert "[shown because: score -" in bench.calls()[0]
    assert len(bench.record("head").evidence["horizon"]["digest"]) == 64


def test_a_horizon_that_fails_ends_the_run_with_its_error(make: Make, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def pick(trace, score):\n    return 1 / 0\n")
    bench = make(f"horizon.kind=python:{tmp_path / 'mine.py'}:pick")
    finished = bench.run(steps=1, mode="auto")
    assert finished.data["code"] == 2 and "ZeroDivisionError" in finished.data["reason"]
    assert bench.calls() == []


def test_what_a_person_left_out_is_told_to_the_model_and_recorded(make: Make) -> None:
    bench = make("memory.size=0")
    bench.will_reply(0, TWO_HUNKS)
    bench.start(steps=2, mode="ask")
    bench.wait("decision_wanted")
    bench.tell("approve", step=1, candidate=0, hunks=[1])
    bench.wait("decision_wanted", bench.wait("step_ended").id)
    assert "+    return LEVEL - 9 + shift" in bench.record("1").proposal.declined
    assert (
        "Parts of it that were declined:" in bench.calls()[1]
        and "LEVEL - 9 + shift" in bench.calls()[1]
    )


def test_an_example_left_out_for_good_comes_back_when_that_is_undone(make: Make) -> None:
    bench = make("batch.size=8")
    bench.tell("examples", excluded={"train-0": "a slip of the pen"})
    bench.run(steps=1, mode="auto")
    for _ in range(2):  # the step, then the design choice before it
        bench.tell("undo")
    bench.run(steps=1, mode="auto")
    sampled = [
        {example for example, _ in event.data["examples"]}
        for event in bench.events("batch_sampled")
    ]
    assert ["train-0" in batch for batch in sampled] == [False, True]


def test_the_best_version_may_be_the_start(make: Make) -> None:
    bench = make("gate.rule=always")
    bench.will_reply(0, edit(1.0))
    finished = bench.run(steps=1, mode="auto")
    assert finished.data["best"]["step"] == 0 and finished.data["best"]["score"] == pytest.approx(
        -6.8975
    )
    assert bench.run(steps=5, until=-6.95).data["reason"].endswith("reached")


def test_after_five_relapses_the_branch_goes_back_to_the_best(make: Make) -> None:
    bench = make("gate.rule=always", "rollback=true")
    for call, level in enumerate([9.0, 3.5, 3.6, 3.7, 3.8, 3.9]):
        old = [3.0, 9.0, 3.5, 3.6, 3.7, 3.8][call]
        bench.will_reply(call, edit(level, old))
    bench.run(steps=7, mode="auto")
    moved = bench.events("moved")
    assert [e.data["act"] for e in moved] == ["rollback"]
    assert "LEVEL = 9.0" in bench.calls()[6] and bench.files()["answer.py"].startswith(
        "LEVEL = 10.0"
    )


@pytest.mark.parametrize(
    ("crash", "mean", "steps"), [("counts", -100.0, 1), ("zero", 0.0, 1), ("free", -100.0, 0)]
)
def test_what_a_crash_counts(make: Make, crash: str, mean: float, steps: int) -> None:
    bench = make(f"crash={crash}")
    bench.will_reply(0, edit(3.0).replace("LEVEL = 3.0\n>>>", "LEVEL = 1 / 0\n>>>"))
    bench.run(steps=1, mode="auto")
    assert bench.events("gate_finished")[0].data["mean"] == mean
    assert bench.events("budget")[-1].data["spent"]["steps"] == steps


def test_answers_to_an_artifact_are_counted_and_never_asked_for_twice(
    make: Make, task: Path
) -> None:
    (task / "starts" / "plain" / "answer.py").write_text(
        ARTIFACT.replace(
            "return LEVEL + shift", "return LEVEL + len(llm('how far is ' + str(shift)))"
        )
    )
    (task / "task.py").write_text(TASK)
    agent = "agent_model=command:printf ok"
    bench = make(agent, "gate.examples=2", "batch.size=1")
    bench.run(steps=1, mode="auto")
    asked = len(bench.events("agent_call"))
    told = bench.events("budget")[-1].data
    assert asked == told["agent"]["calls"] > 0 and told["spent"]["calls"] == asked + len(
        bench.calls()
    )
    questions = [e.data["key"] for e in bench.events("agent_call")]
    bench.kill()
    bench.journal.database.execute("DELETE FROM rollout")
    bench.run(steps=1)
    again = [e.data["key"] for e in bench.events("agent_call")][asked:]
    assert not set(questions) & set(again)


@pytest.mark.parametrize("share", ["agent", "optimizer"])
def test_each_model_has_a_budget_of_its_own(make: Make, task: Path, share: str) -> None:
    (task / "starts" / "plain" / "answer.py").write_text(
        ARTIFACT.replace(
            "return LEVEL + shift", "return LEVEL + len(llm('how far is ' + str(shift)))"
        )
    )
    (task / "task.py").write_text(TASK)
    bench = make(
        "agent_model=command:printf ok",
        "gate.examples=2",
        "batch.size=1",
        f"budget.{share}.calls=1",
    )
    finished = bench.run(steps=5, mode="auto").data
    assert finished["code"] == 3 and f"{share}.calls: " in finished["reason"]
    assert len(bench.calls()) == (1 if share == "optimizer" else 0)
    assert len(bench.events("gate_finished")) == (1 if share == "optimizer" else 0)
    assert (
        share == "optimizer" or len(bench.events("agent_call")) <= 2
    )  # one for each worker: more were never asked


def test_an_undecided_gate_grows_until_it_decides(make: Make) -> None:
    bench = make("gate.examples=4", "gate.most=24")
    assert bench.run(steps=1, mode="auto").data["code"] == 0
    gate = bench.events("gate_finished")[0].data
    # 4 pairs cannot decide at any level, 11 of the same sign can: 8 examples, then repeats
    assert (gate["verdict"], gate["looks"], gate["most"]) == ("better", [4, 11], 24)
    pairs = [(row["example"], row["repeat"]) for row in gate["scores"]]
    assert pairs[:8] == [(f"gate-{i}", 0) for i in range(8)]
    assert pairs[8:] == [(f"gate-{i}", 1) for i in range(3)]
    assert (bench.record("head").scores.looks, bench.record("head").scores.most) == ([4, 11], 24)
    assert bench.events("decided")[0].data["reason"].endswith("11 of up to 24")


def test_a_gate_that_gets_worse_stops_at_its_first_look(make: Make) -> None:
    bench = make("gate.examples=6", "gate.most=24")
    bench.will_reply(0, edit(1.0))
    bench.run(steps=1, mode="auto")
    gate = bench.events("gate_finished")[0].data
    assert (gate["verdict"], gate["looks"]) == ("worse", [6])


def test_equal_repeats_do_not_grow_the_gate_further(make: Make, task: Path) -> None:
    code = TASK.replace("range(8)", "range(2)")
    (task / "task.py").write_text(code)
    bench = make("gate.examples=2", "gate.most=40")
    bench.run(steps=1, mode="auto")
    gate = bench.events("gate_finished")[0].data
    assert gate["verdict"] == "undecided" and len(gate["looks"]) == 2
    tested = [e for e in bench.events("rollout_finished") if e.data["split"] == "test"]
    assert tested == []


def test_choices_of_earlier_versions_with_looks_still_open() -> None:
    choices = from_toml("[gate]\nexamples = 10\nlooks = 3\n")
    assert (choices.gate.examples, choices.gate.most) == (10, 40)
    assert "looks" not in to_toml(choices)


def test_a_run_ends_where_every_gate_example_has_the_best_score(make: Make, task: Path) -> None:
    code = TASK.replace("score=-abs(got - 10)", "score=-float(round(abs(got - 10)))")
    (task / "task.py").write_text(code)
    toml = (task / "task.toml").read_text()
    (task / "task.toml").write_text(toml.replace("[starts", "best_possible = 0.0\n[starts", 1))
    bench = make()
    bench.will_reply(0, edit(10.0))
    finished = bench.run(steps=5, mode="auto").data
    assert finished["reason"].startswith("every gate example scores 0, the best possible")
    assert (finished["steps"], len(bench.calls())) == (1, 1)
