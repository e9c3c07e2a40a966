"""The status line says what the scores rest on."""

from dataclasses import replace
from pathlib import Path

from conftest import visit
from sample import Stage

from genopt_tui.task.rollout import RolloutResult
from genopt_tui.ui.panes.status_lines import list_score_conditions
from genopt_tui.ui.state.snapshot import SessionInfo, Snapshot


def test_a_command_reports_its_own_score() -> None:
    session = SessionInfo(
        "s",
        "/s",
        model="search",
        sandbox="bwrap+seccomp shared",
        rule="seconds; score: self-reported",
    )
    assert list_score_conditions(Snapshot(session))[:2] == (
        "score: self-reported",
        "bwrap+seccomp shared",
    )
    assert "scores: seconds" in list_score_conditions(Snapshot(session))
    assert "scores: share of right answers" in list_score_conditions(
        Snapshot(replace(session, rule="share of right answers"))
    )
    assert "score: self-reported" not in list_score_conditions(
        Snapshot(replace(session, rule="share of right answers"))
    )


def test_missing_sandbox_is_shown_and_unknown_one_is_not() -> None:
    assert "no sandbox" in list_score_conditions(Snapshot(SessionInfo("s", "/s", sandbox="none")))
    assert list_score_conditions(Snapshot(SessionInfo("s", "/s", sandbox="auto")))[1] == ""


async def test_sandbox_is_that_of_the_last_rollout(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        stage.event(
            "batch_sampled",
            base=stage.base,
            tree=stage.base_tree,
            examples=[["seed-1", 0]],
            epoch=0,
        )
        result = RolloutResult("seed-1", 0, "train", "ok", 1.0, 0.5, sandbox="landlock+seccomp")
        stage.journal.store_rollout("key", stage.step, stage.base_tree, result, traced=False)
        await person.until(lambda: "landlock+seccomp" in person.line("status"), "what it ran in")
