"""Coming back to a run that went on alone."""

from pathlib import Path

import pytest
from conftest import visit
from sample import AT, Stage

from genopt_tui.session.history.notes import record_opening
from genopt_tui.session.history.repository import Repository
from genopt_tui.ui import preferences
from genopt_tui.ui.screens.away_summary import AwaySummaryScreen, find_start
from genopt_tui.ui.screens.compare import EXAMPLES, CompareScreen
from genopt_tui.ui.state import history_loader
from genopt_tui.ui.widgets.line_source import to_plain_text


def leave(session: Path, event: int) -> None:
    remembered = preferences.load_preferences()
    remembered.left[str(session)] = {"at": AT, "event": event, "mode": "auto"}
    preferences.save_preferences(remembered)


async def test_it_says_what_happened_and_goes_on_with_one_key(session: Path, stage: Stage) -> None:
    leave(session, stage.journal.last_event_id())
    stage.to_decision()
    stage.event("step_ended", outcome="rejected", counts=True)
    stage.journal.append_event(
        0, "run_finished", reason="no better version in 8 steps", code=0, steps=1, best=None
    )
    async with visit(session) as person:
        await person.until(
            lambda: isinstance(person.app.screen, AwaySummaryScreen) and person.app.screen.ready
        )
        screen = person.app.screen
        assert isinstance(screen, AwaySummaryScreen)
        assert "no better version in 8 steps" in str(screen.about.content)
        lines = [to_plain_text(screen.view.get_line(y)) for y in range(len(screen.view.source))]
        assert lines[0].startswith("1 step: 1 rejected")
        assert "(used " in lines[1] and lines[1].endswith("test: sealed")
        await person.press("c")
        await person.until(lambda: isinstance(person.app.screen, CompareScreen))


async def test_it_names_accepted_steps_and_how_often_the_test_split_was_opened(
    session: Path, stage: Stage
) -> None:
    leave(session, stage.journal.last_event_id())
    for step, outcome in ((8, "gate"), (9, "approved"), (10, "undecided")):
        stage.journal.append_event(step, "step_ended", outcome=outcome, counts=True)
    with Repository.open(session) as repository:
        record_opening(repository, repository.head(), "export")
    async with visit(session) as person:
        await person.until(
            lambda: isinstance(person.app.screen, AwaySummaryScreen) and person.app.screen.ready
        )
        screen = person.app.screen
        assert isinstance(screen, AwaySummaryScreen)
        lines = [to_plain_text(screen.view.get_line(y)) for y in range(len(screen.view.source))]
        assert lines[0].startswith("3 steps: 2 accepted, 1 undecided")
        assert "test: opened 1 time" in lines[1]
        await person.press("f")
        await person.until(
            lambda: isinstance(person.app.screen, CompareScreen) and person.app.screen.ready
        )
        compared = person.app.screen
        assert isinstance(compared, CompareScreen) and compared.page == EXAMPLES
        assert compared.sides[1].commit == person.main.snapshot.best


async def test_nothing_is_said_when_no_step_ended_meanwhile(session: Path, stage: Stage) -> None:
    stage.to_decision()
    leave(session, stage.journal.last_event_id())
    async with visit(session) as person:
        assert person.app.screen is person.main
    assert person.app.preferences.left[str(session)]["event"] == stage.journal.last_event_id()


async def test_a_history_that_is_read_in_pieces_is_awaited(
    session: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_loader, "CHUNK_SIZE", 2)
    leave(session, stage.journal.last_event_id())
    stage.to_decision()
    stage.event("step_ended", outcome="rejected", counts=True)
    async with visit(session) as person:
        await person.until(
            lambda: isinstance(person.app.screen, AwaySummaryScreen) and person.app.screen.ready
        )
        assert find_start(person.main.snapshot)
