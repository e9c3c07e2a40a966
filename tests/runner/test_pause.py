"""A run that cannot go on without a person pauses with the reason, keeps its step, and goes on with
the same step."""

from pathlib import Path

import pytest
from conftest import Make

from genopt_tui.__main__ import run_command
from genopt_tui.session.progress import PAUSED, load_progress
from tests.tiny import ARTIFACT, TASK

QUOTA = "You have hit your usage limit. It resets at 3 pm.\n"


def test_a_quota_notice_pauses_with_its_text_and_costs_no_step(make: Make) -> None:
    bench = make("retry.base=0")
    bench.will_reply(0, QUOTA)
    bench.start(steps=1, mode="auto")
    paused = bench.wait("paused")
    assert "usage limit" in paused.data["why"] and paused.data["code"] == 1
    assert not bench.events("step_ended") and not bench.events("run_finished")
    bench.tell("resume")
    bench.wait("run_finished")
    assert [(s, d) for s, d, _ in bench.outcomes()] == [(0, "start"), (1, "gate")]
    replies = bench.journal.read_replies(1)
    assert [r.complete for r in replies] == [False, True] and "usage limit" in replies[0].text


def test_a_paused_run_outlives_its_runner(make: Make) -> None:
    bench = make("retry.base=0")
    bench.will_reply(0, QUOTA)
    bench.start(steps=1, mode="auto")
    bench.wait("paused")
    bench.kill()
    assert load_progress(bench.journal)[0].state(runner_alive=False) == PAUSED
    bench.tell("resume")
    bench.wait("run_finished")
    assert [d for s, d, _ in bench.outcomes() if s] == ["gate"]


def test_headless_it_ends_with_one_line_and_code_1_and_run_goes_on(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make("retry.base=0")
    bench.will_reply(0, QUOTA)
    assert run_command(["run", str(bench.path), "--steps", "1", "--mode", "auto", "--jsonl"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "usage limit" in told and "genopt run" in told
    assert run_command(["run", str(bench.path)]) == 0
    assert len(bench.events("step_ended")) == 1


def test_another_model_answers_the_step_that_the_first_gave_up(make: Make) -> None:
    bench = make("retry.base=0")
    bench.will_reply(0, QUOTA)
    bench.start(steps=1, mode="auto")
    bench.wait("paused")
    bench.tell("set", pairs=["model=search"])
    bench.tell("resume")
    bench.wait("run_finished")
    replies = bench.journal.read_replies(1)
    assert len(replies) == 2 and replies[1].complete and len(bench.calls()) == 1


@pytest.mark.slow
def test_an_agent_model_that_is_down_pauses_and_is_never_the_artifacts_fault(
    make: Make, task: Path, tmp_path: Path
) -> None:
    (task / "starts" / "plain" / "answer.py").write_text(
        ARTIFACT.replace(
            "return LEVEL + shift", "return LEVEL + len(llm('how far is ' + str(shift)))"
        )
    )
    (task / "task.py").write_text(TASK)
    down = tmp_path / "down"
    down.touch()
    agent = f"agent_model=command:sh -c 'test ! -e {down} || {{ echo the service is down >&2; exit 1; }}; printf ok'"
    bench = make(agent, "gate.examples=2", "batch.size=2", "retry.base=0", "retry.tries=2")
    bench.start(steps=1, mode="auto")
    assert "the service is down" in bench.wait("paused").data["why"]
    assert not bench.events("rollout_finished") and not bench.events("run_finished")
    down.unlink()
    bench.tell("resume")
    bench.wait("run_finished")
    assert {e.data["status"] for e in bench.events("rollout_finished")} == {"ok"}
    assert len(bench.events("step_ended")) == 1
