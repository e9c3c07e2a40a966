"""A score and what it was made under belong together, whatever changes meanwhile."""

from pathlib import Path

from conftest import Make


def test_a_task_that_was_edited_while_a_decision_waited_is_scored_anew(
    make: Make, task: Path
) -> None:
    bench = make("mode=ask")
    bench.start(steps=2, mode="ask")
    bench.wait("decision_wanted")
    before = bench.journal.read_rollouts(bench.events("gate_finished")[-1].data["tree"], "gate")
    code = (task / "task.py").read_text()
    (task / "task.py").write_text(code.replace("score=-abs(got - 10)", "score=-2 * abs(got - 10)"))
    bench.tell("approve")
    bench.until(lambda: len(bench.events("gate_finished")) == 2, "the second gate")
    fresh = [row for row in bench.journal.read_rollouts(before[0].tree, "gate")]
    prints = {row.key.partition("/")[0] for row in fresh}
    assert len(prints) == 2, "the base of step 2 was scored again under the task as it is"
    first, second = [
        event.data["conditions"]["fingerprint"] for event in bench.events("gate_finished")
    ]
    assert first != second
    assert bench.record("1").fingerprint == first


def test_a_record_names_what_its_scores_ran_under(make: Make) -> None:
    bench = make()
    bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted")
    conditions = bench.events("gate_finished")[-1].data["conditions"]
    bench.tell("set", pairs=["limits.memory=123456789"])
    bench.tell("approve")
    bench.wait("step_ended")
    record = bench.record("1")
    assert record.fingerprint == conditions["fingerprint"]
    assert record.settings["limits"]["memory"] != 123456789
