"""Coming back to a run that went on alone."""

from pathlib import Path

import pytest
from conftest import visit
from sample import AT, Stage

from genopt_tui.ui import kept, past
from genopt_tui.ui.screens.compare import CompareScreen
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
        assert "1 steps: 1 rejected" in lines[0] and "the gate was used 1 times" in "\n".join(lines)
        await person.press("c")
        await person.until(lambda: isinstance(person.app.screen, CompareScreen))


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
