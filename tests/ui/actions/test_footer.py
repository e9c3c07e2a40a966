"""The footer names few keys, and only those that do something here and now."""

from pathlib import Path

from conftest import visit
from sample import Stage

from genopt_tui.ui.actions.footer import MAX_KEYS, select_footer_actions
from genopt_tui.ui.pane_layout import PANE_NAMES


async def test_at_most_eight_keys_and_all_of_them_work(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        for state in ("idle", "decide"):
            if state == "decide":
                stage.to_decision()
                await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
                await person.until(lambda: person.main.active == 5, "its pane")
            for number in PANE_NAMES:
                person.main.go_to_pane(number)
                await person.pilot.pause()
                context = person.main.context()
                keys = [a for group in select_footer_actions(context) for a in group]
                assert len(keys) <= MAX_KEYS
                assert [a.id for a in keys if a.why_not(context)] == []
                assert [a.id for a in keys[-2:]] == ["leave", "help"]
