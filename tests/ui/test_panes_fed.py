"""What the store reads for the panes of a real session: scores of starts, the marked version's
traces, writers of lines, candidates."""

from pathlib import Path

from conftest import visit
from sample import AT, Stage, chunks

from genopt_tui.session.history.repository import Repository
from genopt_tui.task.rollout import RolloutResult, TraceStep


async def test_a_start_shows_the_score_that_a_run_gave_it(session: Path, stage: Stage) -> None:
    with Repository.open(session) as repository:
        start = repository.resolve("start")
    async with visit(session) as person:
        row = next(row for row in person.main.snapshot.rows if row.commit == start)
        assert row.score == -20.0, "as the base of another version"
        stage.journal.append_event(
            0,
            "scored",
            version=start,
            mean=-19.0,
            stderr=0.4,
            n=10,
            failed=0,
            complete=True,
            scores=[],
            fingerprint="task",
        )
        await person.until(
            lambda: any(r.commit == start and r.score == -19.0 for r in person.main.snapshot.rows),
            "a score",
        )


async def test_traces_of_the_marked_version_and_blame_are_read(session: Path, stage: Stage) -> None:
    stage.start()
    stage.roll_out()
    with Repository.open(session) as repository:
        start = repository.resolve("start")
        tree = repository.artifact_tree(start)
    steps = [TraceStep(i, {"ball": {"x": i, "y": 7}}, 3, 0.0) for i in range(50)]
    result = RolloutResult("seed-1", 0, "train", "ok", -20.0, 0.5, steps=50, trace=chunks(steps))
    stage.journal.store_rollout("other", 1, tree, result, traced=True)
    async with visit(session, (160, 45)) as person:
        await person.until(lambda: person.main.snapshot.traces, "traces")
        person.main.history_pane.go_to_version(start)
        await person.press("1", "m")
        await person.until(lambda: person.main.snapshot.mark_label, "the mark")
        assert [(t.example, t.steps) for t in person.main.snapshot.marked_traces] == [
            ("seed-1", 50)
        ]
        await person.press("3", "v")
        await person.until(
            lambda: "beside start (-20)" in str(person.main.pane(3).border_title),
            "both side by side",
        )
        await person.press("2", "w")
        await person.until(lambda: person.main.snapshot.version.blame, "the writers")
        assert dict(person.main.snapshot.version.blame) == {
            "policy.py": ("start", "start", "1 +29 up")
        }


async def test_decision_applies_to_the_chosen_candidate(session: Path, stage: Stage) -> None:
    stage.to_decision()
    edit = {
        "tree": stage.base_tree,
        "files": ["policy.py"],
        "hunks": 1,
        "added": 1,
        "removed": 0,
        "reasoning": "other",
    }
    stage.event("edit_parsed", candidate=1, attempt=0, because=[], expects=[], **edit)
    stage.event("decision_wanted", pending="decide", candidates=[0, 1], since=AT)
    async with visit(session) as person:
        await person.until(lambda: len(person.main.snapshot.proposals) == 2, "two candidates")
        await person.look()
        await person.press("5", "}")
        await person.until(lambda: person.main.snapshot.proposal.number == 1, "the other candidate")
        await person.look()
        await person.press("a")
        kind, data = await person.command(stage)
        assert (kind, data["candidate"]) == ("approve", 1)
