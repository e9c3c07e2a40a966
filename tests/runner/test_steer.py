"""What a person may do before a prompt is sent, and the same step asked again with a choice
changed."""

import pytest
from conftest import Make

from genopt_tui.errors import SessionError, UsageError


def test_before_sending_the_batch_is_changed_for_this_step_and_the_prompt_itself_is_edited(
    make: Make,
) -> None:
    bench = make()
    bench.start(steps=2, mode="step")
    wanted = bench.wait("decision_wanted", pending="propose")
    preview = bench.events("prompt_preview")[-1].data["messages"]
    bench.tell("stage", step=1, pairs=["batch.size=3"])
    bench.wait("decision_wanted", wanted.id, pending="propose")
    assert len(bench.events("evidence_built")[-1].data["parts"]) == 3
    assert bench.events("prompt_preview")[-1].data["messages"] != preview
    shown = bench.events("prompt_preview")[-1].data["messages"]
    sent = [*shown[:-1], {**shown[-1], "content": shown[-1]["content"] + "\n\nBe bold."}]
    bench.tell("propose", step=1, messages=sent)
    decide = bench.wait("decision_wanted", pending="decide")
    assert bench.calls()[0].endswith("Be bold.")
    bench.tell("approve", step=1, candidate=0)
    bench.wait("decision_wanted", decide.id, pending="propose")
    record = bench.record("1")
    assert record.prompt == sent and record.evidence["set"] == ["batch.size=3"]
    assert len(bench.events("batch_sampled")[-1].data["examples"]) == 2


def test_what_if_asks_the_same_step_again_and_gates_both_on_the_same_examples(make: Make) -> None:
    bench = make()
    bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted")
    bench.tell("hint", text="only for later")
    step = bench.send("whatif", step=1, pairs=["horizon.kind=last", "horizon.steps=1"]).step
    wanted = bench.wait("decision_wanted", bench.events("decision_wanted")[0].id)
    assert wanted.step == step == 2 and sorted(wanted.data["candidates"]) == [0, 1]
    first, second = bench.calls()
    assert "every step" in first and "the last 1 steps" in second and "only for later" not in second
    gates = [e.data for e in bench.events("gate_finished") if e.step == 2]
    examples = [[s["example"] for s in g["scores"]] for g in gates]
    assert len(examples) == 2 and examples[0] == examples[1]
    bench.tell("approve", step=2, candidate=1)
    bench.wait("committed")
    assert bench.record("2b").evidence["set"] == ["horizon.kind=last", "horizon.steps=1"]


def test_what_if_of_a_step_that_is_history_is_an_answer_that_moves_nothing(make: Make) -> None:
    bench = make()
    bench.run(steps=2, mode="auto")
    files = bench.files()
    with pytest.raises((SessionError, UsageError), match="no setting"):
        bench.tell("whatif", step=1, pairs=["horizont.steps=1"])
    bench.tell("whatif", step=1, pairs=["horizon.steps=1", "horizon.kind=first"])
    bench.wait("step_ended", outcome="not-chosen")
    assert bench.files() == files and "what if: better" in bench.record("3a").decision.reason
    assert "LEVEL = 3.0" in bench.calls()[2]
