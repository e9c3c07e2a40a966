"""Whole steps with a real runner, pool, sandbox setting, git and a program as the model."""

import pytest
from conftest import Make

from genopt_tui.config import DesignChoices
from genopt_tui.errors import SessionError
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.progress import load_progress


def test_auto_accepts_what_the_gate_calls_better(make: Make) -> None:
    bench = make()
    finished = bench.run(steps=2, mode="auto")
    assert finished.data["code"] == 0 and finished.data["steps"] == 2
    assert bench.files()["answer.py"].startswith("LEVEL = 5.0\n")
    assert [d for _, d, _ in bench.outcomes()] == ["start", "gate", "gate"]
    record = bench.record("head")
    with_tree = [e for e in bench.events("committed") if e.step == 2]
    assert record.scores.tree == with_tree[0].data["tree"]
    assert record.scores.mean == pytest.approx(
        -4.8975
    ) and record.scores.base_mean == pytest.approx(-5.8975)
    assert len(bench.calls()) == 2 and record.attempts[0].reply.startswith("Raise the level to 5.0")
    assert finished.data["best"]["step"] == 2


def test_a_worse_proposal_is_kept_and_the_base_is_not_scored_again(make: Make) -> None:
    bench = make()
    bench.will_reply(
        0,
        "Lower it.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = 1.0\n>>>>>>> REPLACE\n",
    )
    bench.run(steps=2, mode="auto")
    assert [(s, d) for s, d, _ in bench.outcomes()] == [(0, "start"), (1, "rejected"), (2, "gate")]
    ran = [
        e
        for e in bench.events("rollout_finished")
        if e.data["split"] == "gate" and not e.data["cached"]
    ]
    assert len(ran) == 3 * 6  # start, and two proposals, on six gate examples


def test_a_person_decides_and_a_reason_reaches_the_next_prompt(make: Make) -> None:
    bench = make("memory.size=0")
    bench.start(steps=3, mode="ask")
    bench.wait("decision_wanted")
    with pytest.raises(SessionError, match="not the one in flight"):
        bench.tell("approve", step=9, candidate=0)
    bench.tell("reject", step=1, candidate=0, reason="too small a step, be bold")
    second = bench.wait("decision_wanted", bench.wait("step_ended").id)
    bench.tell("hint", text="look at the feedback")
    bench.tell("approve", step=second.step, candidate=0)
    bench.wait("decision_wanted", second.id)
    assert "too small a step, be bold" in bench.calls()[1]
    assert (
        "look at the feedback" not in bench.calls()[1]
        and "look at the feedback" in bench.calls()[2]
    )
    assert [d for s, d, _ in bench.outcomes() if s] == ["rejected", "approved"]
    assert bench.record("1a").decision.reason == "too small a step, be bold"


def test_some_hunks_are_a_new_candidate_that_is_gated_before_it_is_committed(make: Make) -> None:
    bench = make()
    two = (
        "Both ends.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = 6.0\n>>>>>>> REPLACE\n\n"
        "answer.py\n<<<<<<< SEARCH\n    return LEVEL + shift\n=======\n    return LEVEL - 9 + shift\n>>>>>>> REPLACE\n"
    )
    bench.will_reply(0, two)
    bench.start(steps=1, mode="ask")
    assert bench.wait("edit_parsed").data["hunks"] == 2
    bench.wait("decision_wanted")
    files = {"answer.py": bench.files()["answer.py"].replace("3.0", "6.0")}
    bench.tell("approve", step=1, candidate=0, hunks=[1])
    committed = bench.wait("committed")
    bench.wait("run_finished")
    record = bench.record("head")
    assert record.decision.decision == "edited" and record.scores.mean == pytest.approx(-3.8975)
    assert record.scores.tree == committed.data["tree"] and bench.files() == files
    assert [d for s, d, _ in bench.outcomes() if s] == ["edited", "not-chosen"]


def test_an_edit_is_committed_unmeasured_without_a_score_where_the_person_says_so(
    make: Make,
) -> None:
    bench = make()
    bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted")
    files = {"answer.py": bench.files()["answer.py"].replace("3.0", "9.0")}
    bench.tell("approve", step=1, candidate=0, files=files, unmeasured=True)
    assert bench.wait("committed").data["score"] is None
    bench.wait("run_finished")
    assert bench.versions(everything=False)[0].score is None


def test_a_refused_edit_goes_back_twice_and_is_kept_as_refused(make: Make) -> None:
    bench = make()
    for call, words in enumerate(
        ["The level looks low.", "It returns a sum; all is well there.", "Raise it."]
    ):
        bench.will_reply(call, f"{words}\n")
    bench.run(steps=2, mode="auto")
    assert len(bench.calls()) == 4 and "could not be applied" in bench.calls()[1]
    assert "Evidence: what happened" not in bench.calls()[1]
    assert [d for s, d, _ in bench.outcomes() if s] == ["refused", "gate"]
    assert len(bench.record("1a").attempts) == 3


def test_candidates_stand_side_by_side_and_the_best_is_taken(make: Make) -> None:
    bench = make("candidates=2")
    bench.will_reply(
        1,
        "More.\n\nanswer.py\n<<<<<<< SEARCH\nLEVEL = 3.0\n=======\nLEVEL = 8.0\n>>>>>>> REPLACE\n",
    )
    bench.run(steps=1, mode="auto")
    assert bench.files()["answer.py"].startswith("LEVEL = 8.0")
    assert [d for s, d, _ in bench.outcomes() if s] == ["gate", "not-chosen"]


def test_mode_step_waits_before_the_prompt_is_sent_and_leaves_out_what_was_dropped(
    make: Make,
) -> None:
    bench = make()
    bench.start(steps=1, mode="step")
    bench.wait("decision_wanted", pending="propose")
    parts = bench.events("evidence_built")[-1].data["parts"]
    dropped, kept = parts[0]["example"], parts[1]["example"]
    assert bench.calls() == []
    bench.tell("propose", step=1, dropped=[dropped])
    bench.wait("decision_wanted", pending="decide")
    assert (
        f"rollout of example {kept}" in bench.calls()[0]
        and f"rollout of example {dropped}" not in bench.calls()[0]
    )


def test_a_steps_budget_ends_with_code_3_and_warns_before(make: Make) -> None:
    bench = make("budget.steps=2")
    assert bench.run(mode="auto").data["code"] == 3
    assert bench.run(mode="auto").data["code"] == 3
    assert len(bench.events("step_ended")) == 2
    assert bench.events("budget")[-1].data["warning"]


def test_a_decision_that_is_not_waited_for_ends_with_code_4_and_can_be_made_later(
    make: Make,
) -> None:
    bench = make()
    assert bench.run(steps=1, mode="ask", no_wait=True).data["code"] == 4
    bench.gone()
    bench.tell("approve", step=1, candidate=0)
    assert bench.wait("step_ended").data["outcome"] == "approved"
    assert len(bench.calls()) == 1


def test_a_head_moved_by_plain_git_supersedes_the_proposal(make: Make) -> None:
    from genopt_tui.session.git import cli

    bench = make()
    bench.start(steps=2, mode="ask")
    bench.wait("decision_wanted")
    cli.run_git(["commit", "-q", "--allow-empty", "-m", "by hand"], bench.path)
    bench.wait("step_ended", outcome="superseded")
    kept = [v for v in bench.versions() if v.decision == "superseded"]
    assert len(kept) == 1 and bench.record(kept[0].commit).attempts[0].reply


def test_where_no_branch_is_checked_out_no_step_begins(make: Make) -> None:
    from genopt_tui.session.git import cli

    bench = make()
    cli.run_git(["checkout", "-q", "--detach"], bench.path)
    assert "no branch is checked out" in bench.run(steps=1, mode="auto").data["reason"]
    assert not bench.calls() and not bench.events("batch_sampled")
    assert load_progress(bench.journal)[0].state(True) == "failed"
    bench.tell("switch", name="main")
    file = bench.path / "artifact" / "answer.py"
    file.write_text(file.read_text().replace("LEVEL = 3.0", "LEVEL = 3.5"))
    bench.tell("accept-edits")
    bench.wait("step_ended", outcome="manual")
    assert load_progress(bench.journal)[0].state(True) == "idle", "the error is over"
    assert bench.run(steps=1, mode="auto").data["reason"] == "1 step done"


def test_a_rewind_ends_the_step_in_flight_and_undo_brings_the_version_back(make: Make) -> None:
    bench = make()
    bench.start(steps=2, mode="ask")
    bench.wait("decision_wanted")
    bench.tell("approve", step=1, candidate=0)
    bench.wait("decision_wanted", bench.wait("committed").id)
    bench.tell("rewind", version="start")
    assert bench.files()["answer.py"].startswith("LEVEL = 3.0")
    assert "superseded" in [d for _, d, _ in bench.outcomes()]
    bench.tell("stop")
    assert bench.tell("undo").startswith("rewind is taken back: main is at 1 (")
    assert bench.files()["answer.py"].startswith("LEVEL = 4.0")


@pytest.mark.parametrize(("scope", "told"), [("line", [True, False]), ("session", [True, True])])
def test_memory_keeps_what_a_rewind_left_behind(make: Make, scope: str, told: list[bool]) -> None:
    bench = make(f"memory.scope={scope}", name=scope)
    bench.run(steps=2, mode="auto")
    bench.tell("rewind", version="start")
    bench.run(steps=1, mode="auto")
    asked = bench.calls()[-1]
    assert [f"Step {step}" in asked for step in (1, 2)] == told
    assert "left behind by a rewind" in asked


def test_a_pause_lets_the_model_call_finish_and_keeps_its_reply(make: Make) -> None:
    bench = make()
    bench.pace(0.15)
    bench.start(steps=1, mode="auto")
    bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
    bench.tell("pause")
    reply = bench.wait("reply_finished")
    assert reply.data["complete"] and not bench.events("gate_finished")
    bench.tell("resume")
    bench.wait("run_finished")
    assert len(bench.calls()) == 1 and bench.outcomes()[-1][1] == "gate"


def test_a_changed_design_choice_is_one_commit_before_the_next_step(make: Make) -> None:
    bench = make()
    bench.run(steps=1, mode="auto")
    bench.tell("set", pairs=["batch.size=1", "horizon.steps=7"])
    bench.run(steps=1, mode="auto")
    assert [(s, d) for s, d, _ in bench.outcomes()] == [
        (0, "start"),
        (1, "gate"),
        (2, "design"),
        (3, "gate"),
    ]
    assert len(bench.events("batch_sampled")[-1].data["examples"]) == 1


def test_a_design_choice_that_waits_is_undone_and_redone_in_its_turn(make: Make) -> None:
    bench = make()
    bench.run(steps=1, mode="auto")
    bench.tell("set", pairs=["batch.size=1"])
    bench.tell("branch", name="aim")
    assert bench.tell("undo").startswith("branch is taken back")
    assert bench.tell("redo").startswith("branch is done again")
    bench.tell("set", pairs=["horizon.steps=7"])
    assert bench.tell("undo").startswith("horizon.steps=7 is taken back")
    assert bench.tell("redo").startswith("horizon.steps=7 counts")
    assert bench.tell("undo").startswith("horizon.steps=7 is taken back")
    bench.run(steps=1, mode="auto")
    with Repository.open(bench.path) as repository:
        choices = repository.read_choices(repository.head())
    assert (choices.batch.size, choices.horizon.steps) == (1, DesignChoices().horizon.steps)


def test_a_rejected_edit_is_revived_through_the_gate(make: Make) -> None:
    bench = make()
    bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted")
    bench.tell("reject", step=1, reason="not now")
    bench.wait("run_finished")
    kept = bench.events("rejected")[0].data
    bench.tell("revive", version=kept["version"])  # however it is named
    wanted = bench.wait("decision_wanted", bench.events("run_finished")[-1].id)
    bench.tell("approve", step=wanted.step, candidate=0)
    made = bench.wait("committed")
    assert (
        made.data["subject"]
        == f"step {made.step}: revive 1a: {kept['subject'].removeprefix('step 1: ')}"
    )
    assert bench.files()["answer.py"].startswith("LEVEL = 4.0") and len(bench.calls()) == 1


def test_what_a_run_will_take_is_said_before_the_first_request(make: Make) -> None:
    bench = make("model=search")
    bench.run(steps=2, mode="auto")
    said = [e for e in bench.events("notice") if e.data["text"].startswith("estimate: ")]
    assert len(said) == 1 and said[0].id < bench.events("reply_finished")[0].id
    assert (
        "1 calls" in said[0].data["text"]
        and "; 2 steps: " in said[0].data["text"]
        and "$0.00" in said[0].data["text"]
    )
