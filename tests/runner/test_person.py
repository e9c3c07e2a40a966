"""A person beside the model: asks once more for a step that waits, or gives the replies."""

from pathlib import Path

import pytest
from conftest import Bench, Make

from genopt_tui.__main__ import run_command

Output = pytest.CaptureFixture[str]


def block(new: float) -> str:
    return f"answer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = {new}\n>>>>>>> REPLACE\n"


def test_asked_again_the_model_gives_one_candidate_more_and_either_may_be_taken(make: Make) -> None:
    bench = make()
    bench.will_reply(1, f"Be bold.\n\n{block(8.0)}")
    bench.start(steps=1, mode="ask")
    first = bench.wait("decision_wanted")
    assert first.data["candidates"] == [0]
    bench.tell("hint", text="be bold")
    bench.tell("again", step=first.step)
    second = bench.wait("decision_wanted", first.id)
    assert (second.step, second.data["candidates"]) == (first.step, [0, 1])
    assert "be bold" not in bench.calls()[0] and "be bold" in bench.calls()[1]
    bench.tell("approve", step=second.step, candidate=1)
    bench.wait("run_finished")
    assert bench.files()["answer.py"].startswith("LEVEL = 8.0")
    assert [d for s, d, _ in bench.outcomes() if s] == ["approved", "not-chosen"] and len(
        bench.calls()
    ) == 2


def test_a_person_is_the_model_and_a_refused_reply_comes_back_to_the_person(
    make: Make, tmp_path: Path, capsys: Output
) -> None:
    bench = make("model=manual")
    bench.start(steps=1, mode="auto")
    asked = bench.wait("notice", candidate=0)
    assert "LEVEL = 3.0" in Path(asked.data["path"]).read_text()
    reply(bench, "raise it a little")
    assert bench.wait("edit_refused").data["why"]
    repair = bench.wait("notice", asked.id, candidate=0)
    assert repair.data["path"] != asked.data["path"]
    text = f"Raise it.\n\n{block(4.0)}"
    (tmp_path / "reply.md").write_text(text)
    reply(bench, str(tmp_path / "reply.md"))
    bench.wait("run_finished")
    record = bench.record("1")
    assert record.model == "manual" and record.decision.decision == "gate"
    assert [a.reply for a in record.attempts] == ["raise it a little", text]
    assert bench.files()["answer.py"].startswith("LEVEL = 4.0")
    capsys.readouterr()
    reply(bench, "too late", code=2)
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and "waited for" in told.err


def reply(bench: Bench, text: str, *, code: int = 0) -> None:
    assert run_command(["reply", str(bench.path), text]) == code


def test_a_step_that_nobody_waited_for_is_asked_again_later(make: Make) -> None:
    bench = make()
    assert bench.run(steps=1, mode="ask", no_wait=True).data["code"] == 4
    first = bench.events("decision_wanted")[-1]
    bench.tell("again", step=1)
    assert bench.wait("decision_wanted", first.id).data["candidates"] == [0, 1]
    bench.tell("approve", step=1, candidate=0)
    bench.wait("step_ended")
    assert [d for s, d, _ in bench.outcomes() if s] == ["approved", "not-chosen"]


def test_what_a_person_asks_for_ends_once_where_the_budget_is_spent(make: Make) -> None:
    bench = make("budget.calls=1")
    assert bench.run(steps=1, mode="auto").data["code"] == 0
    ended = bench.journal.last_event_id()
    bench.tell("whatif", step=1, pairs=["batch.size=1"])
    assert bench.wait("run_finished", ended).data["code"] == 3
    bench.gone()
    assert len(bench.events("run_finished")) == 2 and len(bench.calls()) == 1
