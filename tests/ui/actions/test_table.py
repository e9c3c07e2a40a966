"""Every action of the table is done once by its key; a new action without a line here fails."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from conftest import Visit, visit
from sample import NEXT, Stage

from genopt_tui.ui.actions.dispatch import build_handlers
from genopt_tui.ui.actions.host import ActionHost
from genopt_tui.ui.actions.table import ACTIONS, rebind_keys
from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.screens.compare import CompareScreen
from genopt_tui.ui.screens.design import DesignScreen, SettingsScreen
from genopt_tui.ui.screens.help import HelpScreen
from genopt_tui.ui.screens.hunk_picker import HunkPickerScreen
from genopt_tui.ui.screens.log import LogScreen
from genopt_tui.ui.screens.matrix import MatrixScreen
from genopt_tui.ui.screens.plot import PlotScreen
from genopt_tui.ui.widgets.diff_view import DiffView

Seen = Callable[[Visit], Any]
WIDTH_1 = 54
"""Cells within the frame of History before anybody changes it."""


@dataclass(frozen=True)
class Case:
    """`keys` pressed in a `state` (plain, decide, propose) lead to what `seen` looks for."""

    keys: str
    seen: Seen
    state: str = "plain"


def screen(kind: type) -> Seen:
    return lambda person: isinstance(person.app.screen, kind)


def command(kind: str) -> Seen:
    """A command of this kind was left."""
    return lambda person: any(c.kind == kind for c in person.stage.journal.read_commands())  # type: ignore[attr-defined]


def pane(number: int) -> Seen:
    return lambda person: person.main.active == number


def row(index: int) -> Seen:
    return lambda person: person.main.history_pane.row_list.cursor == index


def told(text: str) -> Seen:
    return lambda person: text in person.said


def view(number: int) -> Callable[[Visit], Any]:
    return lambda person: person.main.pane(number).view  # type: ignore[attr-defined]


CASES: dict[str, Case] = {
    "run": Case("p", command("run")),
    "step": Case("s", command("run")),
    "mode": Case("M", screen(dialogs.ChoiceDialog)),
    "hint": Case("i", screen(dialogs.HintDialog)),
    "design": Case("d", screen(DesignScreen)),
    "approve": Case("a", command("approve"), "decide"),
    "reject": Case("r", screen(dialogs.TextDialog), "decide"),
    "approve_unmeasured": Case("5 bracket space A y", command("approve"), "decide"),
    "edit": Case("e", told("Nothing was changed"), "decide"),
    "edit_in_place": Case("5 E", lambda person: person.main.active == 5, "decide"),
    "again": Case("R", screen(dialogs.ChoiceDialog), "decide"),
    "whatif": Case("W", screen(dialogs.TextDialog), "decide"),
    "which_hunk": Case("5 D", told("one hunk"), "decide"),
    "toggle": Case(
        "5 bracket space", lambda person: person.main.get_kept_hunks() == set(), "decide"
    ),
    "next": Case("1 right_square_bracket", row(1)),
    "prev": Case(
        "1 left_square_bracket", lambda person: person.main.history_pane.row_list.cursor > 0
    ),
    "exclude": Case("1 x", told("not in History")),
    "pin": Case("1 asterisk", told("not in History")),
    "undo": Case("u", command("undo")),
    "redo": Case("U", command("redo")),
    "rewind": Case("1 G t", screen(dialogs.ChoiceDialog)),
    "branch": Case("1 G b", screen(dialogs.TextDialog)),
    "mark": Case("1 G m", lambda person: person.main.mark),
    "compare": Case("1 j c", screen(CompareScreen)),
    "compare_other": Case("1 j K", told("There is no other session")),
    "switch": Case("S", told("there is no other branch")),
    "tag": Case("1 G T", screen(dialogs.TextDialog)),
    "note": Case("1 G o", screen(dialogs.TextDialog)),
    "revive": Case("1 V", screen(dialogs.ChoiceDialog)),
    "pick": Case("1 j C", screen(HunkPickerScreen)),
    "take_edits": Case("H", told("no file of the artifact's folder was edited")),
    "rescore": Case("J", screen(dialogs.ChoiceDialog)),
    "export": Case("1 j O", screen(dialogs.ChoiceDialog)),
    "best": Case("1 G B", row(1)),
    "plot": Case("P", screen(PlotScreen)),
    "matrix": Case("X", screen(MatrixScreen)),
    "pane_1": Case("5 1", pane(1)),
    "pane_2": Case("2", pane(2)),
    "pane_3": Case("3", pane(3)),
    "pane_4": Case("4", pane(4)),
    "pane_5": Case("5", pane(5)),
    "next_pane": Case("1 tab", pane(2)),
    "previous_pane": Case("1 shift+tab", pane(5)),
    "zoom": Case("z", lambda person: person.main.zoomed),
    "down": Case("1 j", row(1)),
    "up": Case("1 j k", row(0)),
    "left": Case("4 l h", lambda person: person.main.pane(4).tab == 0),  # type: ignore[attr-defined]
    "right": Case("4 h l", lambda person: person.main.pane(4).tab == 1),  # type: ignore[attr-defined]
    "page_down": Case("1 pagedown", row(2)),
    "page_up": Case("1 G pageup", row(0)),
    "top": Case("1 G g", row(0)),
    "bottom": Case("1 G", row(2)),
    "open": Case("1 G enter", lambda person: person.main.snapshot.is_historical),
    "search": Case("slash", screen(dialogs.TextDialog)),
    "find_next": Case("1 slash s t a r t enter n", row(2)),
    "find_prev": Case("1 slash s t a r t enter N", row(2)),
    "copy": Case("1 j y", told("commit copied")),
    "next_tab": Case("1 right_curly_bracket", told("not in History")),
    "prev_tab": Case("1 left_curly_bracket", told("not in History")),
    "filter": Case("1 f", told("search for something first")),
    "step_back": Case("1 comma", told("not in History")),
    "step_on": Case("1 full_stop", told("not in History")),
    "shorter": Case("1 G less_than_sign", row(0)),
    "longer": Case("1 greater_than_sign", row(2)),
    "more": Case("1 plus", lambda person: person.main.pane(1).size.width > WIDTH_1),
    "less": Case("1 minus", lambda person: person.main.pane(1).size.width < WIDTH_1),
    "raw": Case("5 w", lambda person: person.main.pane(5).showing_raw, "decide"),  # type: ignore[attr-defined]
    "whole_prompt": Case("4 v", lambda person: view(4)(person).id == "prompt", "decide"),
    "log": Case("at", screen(LogScreen)),
    "settings": Case("f3", screen(SettingsScreen)),
    "palette": Case("ctrl+p", lambda person: "Palette" in type(person.app.screen).__name__),
    "theme": Case("f2", lambda person: "Palette" in type(person.app.screen).__name__),
    "help": Case("question_mark", screen(HelpScreen)),
    "back": Case("z escape", lambda person: not person.main.zoomed),
    "put_aside": Case("ctrl+z", told("put aside")),
    "leave": Case("q", screen(dialogs.ChoiceDialog), "decide"),
}


async def decide(person: Visit, stage: Stage) -> None:
    """Bring the session to a decision that may be taken."""
    stage.to_decision()
    await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
    await person.until(
        lambda: person.main.active == 5 and person.main.query_one(DiffView).ready, "the edit"
    )
    await person.look()


def test_every_action_has_a_case() -> None:
    assert {action.id for action in ACTIONS} == set(CASES)


@pytest.fixture(autouse=True)
def a_terminal_to_give_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor can be started though the application draws nowhere."""
    monkeypatch.setattr(GenoptApp, "suspend", lambda app: nullcontext())
    monkeypatch.setattr(GenoptApp, "action_suspend_process", lambda app: app.notify("put aside"))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.slow
async def test_an_action(
    session: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)
    case = CASES[name]
    async with visit(session) as person:
        person.stage = stage  # type: ignore[attr-defined]
        if case.state == "decide":
            await decide(person, stage)
        for key in case.keys.split():
            await person.press("right_square_bracket" if key == "bracket" else key)
        await person.until(lambda: case.seen(person), name)


async def test_an_edit_of_the_person_is_shown_and_sent_whole(
    session: Path, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/reflect/mirror/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    async with visit(session) as person:
        stage.to_decision()
        await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
        await person.look()
        await person.press("e")
        await person.until(lambda: "not run for your edit" in person.line("gate"))
        await person.press("A", "y")
        kind, data = await person.command(stage)
        assert kind == "approve" and data["unmeasured"] is True
        assert data["files"] == {"policy.py": NEXT["policy.py"].replace("reflect", "mirror")}


def test_keys_can_be_given_to_other_actions_and_clashes_are_told() -> None:
    try:
        assert rebind_keys({"nonsense": "x"}) == ["keys.nonsense: there is no such action"]
        assert rebind_keys({"approve": "f5"}) == []
        assert next(a for a in ACTIONS if a.id == "approve").display_key == "f5"
        (problem,) = rebind_keys({"approve": "r"})
        assert problem == "keys.approve: r means reject already"
    finally:
        rebind_keys({})


def test_every_action_is_carried_out_by_a_pane_or_has_a_handler() -> None:
    handlers = build_handlers(cast(ActionHost, SimpleNamespace(go_to_pane=lambda number: None)))
    by_screen = {action.id for action in ACTIONS if not action.pane_act} | {"search"}
    assert set(handlers) == by_screen


async def test_approving_without_a_gate_asks_first(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        await decide(person, stage)
        await person.press("5", "right_square_bracket", "space", "A")
        assert isinstance(person.app.screen, dialogs.ChoiceDialog)
        await person.press("escape")
        assert not stage.journal.read_commands()
        await person.press("A", "y")
        kind, data = await person.command(stage)
        assert kind == "approve" and data["unmeasured"] is True
