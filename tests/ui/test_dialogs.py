"""Keys of questions: moving works in each of them as everywhere."""

import pytest

from genopt_tui.ui.screens.dialogs import ChoiceDialog, ask_leave, choose_mode, confirm


@pytest.mark.parametrize(
    "dialog",
    [
        choose_mode("ask"),
        ask_leave("ask"),
        ask_leave("auto", "proposal 3", paused=True),
        confirm("Sure?", "It happens.", "do it"),
    ],
)
def test_no_choice_shadows_a_key_that_moves(dialog: ChoiceDialog) -> None:
    assert not {choice.key for choice in dialog.choices} & set("hjkl")
