"""What the loop doctor says of a run that goes on is shown, and stands in the log."""

from pathlib import Path

from conftest import visit
from sample import Stage

from genopt_tui.session.journal import Journal
from genopt_tui.ui.screens.log import format_events

WARNING = "meta-overfitting: over the last 5 versions train went 1 to 5, gate 5 to [1]."


async def test_a_warning_is_shown_and_kept_in_the_log(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        stage.roll_out()
        stage.event("notice", candidate=None, text="estimate: a step takes a second", path=None)
        stage.event("notice", candidate=None, text=WARNING, path=None, level="warning")
        await person.until(lambda: WARNING in person.said, "the warning")
        assert "estimate" not in person.said
    journal = Journal(session, durable=False)
    told = [str(line) for line in format_events(journal.read_events(kinds=["notice"]))]
    journal.close()
    assert len(told) == 2 and WARNING in told[1]
