"""Coming back to a run that went on alone."""

from pathlib import Path

import pytest
from conftest import visit
from sample import AT, Stage

from genopt_tui.session.notes import opened
from genopt_tui.session.repository import Repository
from genopt_tui.ui import kept, past
from genopt_tui.ui.screens.compare import EXAMPLES, CompareScreen
from genopt_tui.ui.screens.returned import ReturnedScreen, beginning
from genopt_tui.ui.widgets.lines import plain


def leave(session: Path, event: int) -> None:
    remembered = kept.load()
    remembered.left[str(session)] = {"at": AT, "event": event, "mode": "auto"}
    kept.save(remembered)


async def test_it_says_what_happened_and_goes_on_with_one_key(session: Path, stage: Stage) -> None:
    leave(session, stage.journal.last_event())
    stage.to_decision()
    stage.event("step_ended", outcome="rejected", counts=True)
    stage.journal.event(0, "run_finished", reason="no better version in 8 steps", code=0, steps=1, best=None)
    async with visit(session) as person:
        await person.until(lambda: isinstance(person.app.screen, ReturnedScreen) and person.app.screen.ready)
        screen = person.app.screen
        assert isinstance(screen, ReturnedScreen)
        assert "no better version in 8 steps" in str(screen.about.content)
        lines = [plain(screen.view.line(y)) for y in range(len(screen.view.source))]
        assert lines[0].startswith("1 step: 1 rejected")
        assert "(used " in lines[1] and lines[1].endswith("test: sealed")
        await person.press("c")
        await person.until(lambda: isinstance(person.app.screen, CompareScreen))


async def test_it_names_accepted_steps_and_how_often_the_test_split_was_opened(session: Path, stage: Stage) -> None:
    leave(session, stage.journal.last_event())
    for step, outcome in ((8, "gate"), (9, "approved"), (10, "undecided")):
        stage.journal.event(step, "step_ended", outcome=outcome, counts=True)
    with Repository.open(session) as repository:
        opened(repository, repository.head(), "export")
    async with visit(session) as person:
        await person.until(lambda: isinstance(person.app.screen, ReturnedScreen) and person.app.screen.ready)
        screen = person.app.screen
        assert isinstance(screen, ReturnedScreen)
        lines = [plain(screen.view.line(y)) for y in range(len(screen.view.source))]
        assert lines[0].startswith("3 steps: 2 accepted, 1 undecided")
        assert "test: opened 1 time" in lines[1]
        await person.press("f")
        await person.until(lambda: isinstance(person.app.screen, CompareScreen) and person.app.screen.ready)
        compared = person.app.screen
        assert isinstance(compared, CompareScreen) and compared.page == EXAMPLES
        assert compared.sides[1].commit == person.main.snapshot.best


async def test_nothing_is_said_when_no_step_ended_meanwhile(session: Path, stage: Stage) -> None:
    stage.to_decision()
    leave(session, stage.journal.last_event())
    async with visit(session) as person:
        assert person.app.screen is person.main
    assert person.app.kept.left[str(session)]["event"] == stage.journal.last_event()


async def test_a_history_that_is_read_in_pieces_is_awaited(
    session: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "PIECE", 2)
    leave(session, stage.journal.last_event())
    stage.to_decision()
    stage.event("step_ended", outcome="rejected", counts=True)
    async with visit(session) as person:
        await person.until(lambda: isinstance(person.app.screen, ReturnedScreen) and person.app.screen.ready)
        assert beginning(person.main.snapshot)
