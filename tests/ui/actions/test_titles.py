"""The palette: every action is found by the words that a person may type."""

import pytest
from textual.content import Content
from textual.fuzzy import Matcher

from genopt_tui.ui.actions.context import ActionContext
from genopt_tui.ui.actions.table import ACTIONS, ACTIONS_BY_ID
from genopt_tui.ui.actions.titles import TITLES, choose_title
from genopt_tui.ui.palette import TITLE_WIDTH, add_key, rank_action
from genopt_tui.ui.state.snapshot import SessionInfo, Snapshot


def find(query: str) -> list[str]:
    """Ids of the actions that the palette lists, the best first."""
    matcher = Matcher(query)
    ranks = {
        action.id: rank_action(query, action, matcher.match(TITLES[action.id][0]))
        for action in ACTIONS
    }
    return [name for name in sorted(ranks, key=lambda name: -ranks[name]) if ranks[name]]


def test_every_action_has_a_title() -> None:
    assert set(TITLES) == set(ACTIONS_BY_ID)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_an_action_is_found_by_id_label_and_title(action: object) -> None:
    assert isinstance(action, type(ACTIONS[0]))
    for query in filter(None, (action.id, action.label, TITLES[action.id][0])):
        assert action.id in find(query)[:8], query


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("approve", "approve"),
        ("accept", "approve"),
        ("reject", "reject"),
        ("quit", "leave"),
        ("exit", "leave"),
        ("diff", "compare"),
        ("zoom", "zoom"),
        ("export", "export"),
        ("judge", "rescore"),
        ("pause", "run"),
        ("rewind", "rewind"),
    ],
)
def test_the_first_hit_is_the_act_that_the_word_names(query: str, wanted: str) -> None:
    assert find(query)[0] == wanted


def test_the_key_stands_at_the_right_of_the_title() -> None:
    action = ACTIONS_BY_ID["approve"]
    title = choose_title(action, ActionContext(Snapshot(SessionInfo("pong", "/pong"))))
    line = add_key(Content(title), action).plain
    assert line.startswith("Approve the proposal ") and line.index("a", TITLE_WIDTH) == TITLE_WIDTH
