"""The key reference says what the table of actions says."""

from pathlib import Path

from genopt_tui.ui.actions import ACTIONS
from genopt_tui.ui.footers import ALWAYS, HERE, LAST, PANES, STATES
from genopt_tui.ui.reference import reference

KEYS = Path(__file__).parents[2] / "genopt_tui" / "ui" / "KEYS.md"


def test_the_reference_is_made_from_the_table() -> None:
    assert KEYS.read_text(encoding="utf-8") == reference(), "python -m genopt_tui.ui.reference > genopt_tui/ui/KEYS.md"


def test_footers_name_actions_that_there_are() -> None:
    known = {action.id for action in ACTIONS}
    rows = [*STATES.values(), *PANES.values(), *ALWAYS.values()]
    named = {name for row in rows for one in row.split() for name in one.split("+")}
    assert named | set(LAST) | {name for name, _ in HERE} <= known


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
