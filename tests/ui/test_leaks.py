"""Steps and visits leave nothing behind."""

import gc
from pathlib import Path

import pytest
from conftest import visit
from rounds import files, visits, widgets
from sample import NEXT, Stage, commit_version

from genopt_tui.session.history.repository import Repository


@pytest.mark.slow
async def test_steps_with_visits_to_every_screen_leave_no_widget_and_no_file(
    session: Path, stage: Stage
) -> None:
    """Textual's footer leaks a widget for each key at each change of focus; so would a screen that
    something holds on to."""
    async with visit(session, (120, 35)) as person:
        held = []
        for _ in range(3):
            for _ in range(2):
                stage.to_decision()
                await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
                stage.event("step_ended", outcome="rejected", counts={})
                stage.step += 1
                await person.until(lambda: not person.main.snapshot.pending, "its end")
            await visits(person.pilot)
            person.app.clear_notifications()
            await person.pilot.pause()
            held.append((widgets(person.app), files()))
        assert held[-1][0] <= held[1][0], held
        await person.until(
            lambda: files() <= held[1][1], "the end of what a thread has open for a moment"
        )


async def test_what_is_garbage_when_a_version_comes_is_not_kept_for_good(
    session: Path, stage: Stage
) -> None:
    """A history is taken out of the collector's sight while it loads; later that would keep all
    garbage of the moment."""
    async with visit(session, (120, 35)) as person:
        held = gc.get_freeze_count()
        with Repository.open(session) as repository:
            commit_version(repository, NEXT, 3, 15.6, 9.0)
        stage.event("moved")
        await person.until(
            lambda: "3" in {row.label for row in person.main.snapshot.rows}, "the version"
        )
        assert gc.get_freeze_count() <= held
