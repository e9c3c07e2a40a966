"""The key reference says what the table of actions says."""

from pathlib import Path

from genopt_tui.ui.actions.footer import (
    PANE_ACTIONS,
    PANE_LABELS,
    PERMANENT_ACTIONS,
    SECONDARY_ACTIONS,
    STATE_ACTIONS,
)
from genopt_tui.ui.actions.key_reference import build_key_reference
from genopt_tui.ui.actions.table import ACTIONS

KEYS = Path(__file__).parents[3] / "genopt_tui" / "ui" / "KEYS.md"


def test_the_reference_is_made_from_the_table() -> None:
    assert KEYS.read_text(encoding="utf-8") == build_key_reference(), (
        "python -m genopt_tui.ui.actions.key_reference > genopt_tui/ui/KEYS.md"
    )


def test_footers_name_actions_that_there_are() -> None:
    known = {action.id for action in ACTIONS}
    rows = [*STATE_ACTIONS.values(), *PANE_ACTIONS.values(), *SECONDARY_ACTIONS.values()]
    named = {name for row in rows for one in row.split() for name in one.split("+")}
    assert named | set(PERMANENT_ACTIONS) | {name for name, _ in PANE_LABELS} <= known


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
