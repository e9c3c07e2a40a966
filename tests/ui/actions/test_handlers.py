"""What comes of the keys, on a session with a history: the command that is left, or what stands on
the screen afterwards."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Visit, visit
from story import Scene, make_story
from textual.geometry import Offset

from genopt_tui.session.commands import CommandResult
from genopt_tui.ui.panes.clickable_line import ClickableLine
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.screens.help import HelpScreen
from genopt_tui.ui.widgets.bars import KeyHints, Tabs
from genopt_tui.ui.widgets.diff_view import DiffView
from genopt_tui.ui.widgets.safe_text import PlainText


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def session(tmp_path: Path, told: Path) -> Path:
    return shutil.copytree(told, tmp_path / told.name, symlinks=True)


@pytest.fixture
def scene(session: Path) -> Iterator[Scene]:
    with Scene(session) as live:
        yield live


def names(text: str) -> list[str]:
    """The keys that type a text."""
    odd = {" ": "space", "=": "equals_sign", ".": "full_stop", "-": "minus", "_": "underscore"}
    return [odd.get(character, character) for character in text]


class Guest(Visit):
    """A person at the main screen whose commands are answered by `scene`."""

    scene: Scene

    async def left(self, *keys: str) -> tuple[str, dict[str, Any]]:
        """The command that these keys leave."""
        await self.press(*keys)
        return await self.command(self.scene)

    async def nothing_left(self, *keys: str) -> None:
        await self.press(*keys)
        assert not self.scene.journal.read_commands()


@asynccontextmanager
async def deciding(session: Path, scene: Scene) -> AsyncIterator[Guest]:
    """Step 6 waits for a decision on an edit of two hunks."""
    async with visit(session) as person:
        scene.start()
        scene.roll_out()
        scene.show_evidence()
        scene.ask()
        scene.edit()
        scene.gate()
        scene.want()
        guest = Guest(person.app, person.pilot)
        guest.scene = scene
        await guest.until(lambda: guest.main.snapshot.pending == "decide", "a decision")
        await guest.until(lambda: guest.main.query_one(DiffView).ready, "the edit is shown")
        await guest.until(lambda: guest.main.active == 5, "the pane of the decision")
        await guest.look()
        yield guest


async def test_a_decision_says_exactly_what_was_shown(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        assert await guest.left("a") == ("approve", {"step": 6, "candidate": 0, "tree": scene.tree})
        await guest.press("right_square_bracket", "space")
        assert "not run for 1 of 2 hunks" in guest.line("gate")
        assert await guest.left("a") == (
            "approve",
            {"step": 6, "candidate": 0, "tree": scene.tree, "hunks": [2]},
        )
        kind, data = await guest.left("A", "y")
        assert kind == "approve" and data["unmeasured"] is True and data["hunks"] == [2]


@pytest.mark.slow
async def test_an_edit_in_place_can_be_dropped_again(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        scored = guest.line("gate")
        await guest.press("E", "x", "ctrl+s")
        assert "not run for your edit" in guest.line("gate")
        await guest.press("escape", "y")
        assert guest.line("gate") == scored
        assert await guest.left("a") == ("approve", {"step": 6, "candidate": 0, "tree": scene.tree})


async def test_a_rejection_asks_for_a_reason_and_escape_keeps_it_waiting(
    session: Path, scene: Scene
) -> None:
    async with deciding(session, scene) as guest:
        await guest.nothing_left("r", *names("too"), "escape")
        kind, data = await guest.left("r", *names("too bold"), "enter")
        assert (kind, data) == ("reject", {"step": 6, "candidate": 0, "reason": "too bold"})
        kind, data = await guest.left("r", "enter")
        assert (kind, data) == ("reject", {"step": 6, "candidate": 0})  # no reason was given


@pytest.mark.slow
async def test_asking_again_says_the_price_first(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        await guest.press("R")
        text = " ".join(str(p.content) for p in guest.app.screen.query(PlainText))
        assert "$0.0123" in text and "4820 tokens in, 240 out" in text
        await guest.nothing_left("n")
        assert await guest.left("R", "y") == ("again", {"step": 6})


async def test_what_if_asks_the_same_step_with_another_choice(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        await guest.press("W")
        assert guest.app.screen.query_one("Input").placeholder == "horizon.steps=1"  # type: ignore[attr-defined]
        kind, data = await guest.left(*names("horizon.steps=1 batch.size=5"), "enter")
        assert (kind, data) == ("whatif", {"step": 6, "pairs": ["horizon.steps=1", "batch.size=5"]})


async def test_hints_and_modes(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        assert await guest.left("i", *names("aim low"), "enter") == (
            "hint",
            {"text": "aim low"},
        )
        assert await guest.left("i", *names("aim"), "tab", "enter") == (
            "hint",
            {"text": "aim", "always": True},
        )
        assert await guest.left("M", "o") == ("mode", {"mode": "auto"})
        await guest.nothing_left("M", "escape")
        await guest.nothing_left("M", "a")


@pytest.mark.slow
async def test_acts_on_history_say_what_will_happen(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        rows = {row.label: row for row in guest.main.snapshot.rows}
        await guest.press("1", "G")
        await guest.until(lambda: guest.main.history_pane.row == rows["start"], "the start")
        await guest.press("t")
        text = " ".join(str(p.content) for p in guest.app.screen.query(PlainText))
        assert (
            "main goes from 3 back to start" in text
            and "step in flight (6) ends as superseded" in text
        )
        await guest.nothing_left("escape")
        kind, data = await guest.left("t", "y")
        assert (kind, data["version"]) == ("rewind", rows["start"].commit)
        kind, data = await guest.left("b", *names("low"), "enter")
        assert (kind, data) == ("branch", {"name": "low", "at": rows["start"].commit})
        assert (await guest.left("u"))[0] == "undo"
        assert (await guest.left("U"))[0] == "redo"


@pytest.mark.slow
async def test_leaving_asks_what_becomes_of_the_run(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        for key in ("q", "ctrl+q", "ctrl+c"):
            await guest.press(key)
            assert isinstance(guest.app.screen, dialogs.ChoiceDialog), key
            await guest.nothing_left("escape")
        await guest.press("q", "o")
        assert [(c.kind, c.data) for c in scene.journal.read_commands()] == [
            ("mode", {"mode": "auto"})
        ]
        assert (
            guest.app.exit_message
            == "pong waits for you: proposal 6, then the gate decides. genopt open pong"
        )


@pytest.mark.slow
async def test_leaving_a_paused_run_says_that_it_is_and_goes_on_only_where_asked(
    session: Path, scene: Scene
) -> None:
    for key, left, farewell in (
        ("p", [], "pong paused."),
        ("r", ["resume"], "pong goes on."),
        ("o", ["mode", "resume"], ""),
    ):
        for command in scene.journal.read_commands():
            scene.journal.finish_command(command, CommandResult())
        async with visit(session) as person:
            scene.start()
            scene.journal.append_event(0, "paused", why="a person paused the run")
            await person.until(
                lambda person=person: person.main.snapshot.state == "paused", "paused"
            )
            await person.until(
                lambda person=person: person.main.snapshot.alive, "its runner is seen"
            )
            await person.press("q")
            assert "leave it paused" in " ".join(
                str(p.content) for p in person.app.screen.query(PlainText)
            )
            await person.press(key)
            assert [c.kind for c in scene.journal.read_commands()] == left
            assert person.app.exit_message.startswith(farewell)


@pytest.mark.slow
async def test_examples_are_left_out_and_pinned(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        await guest.press("4", "h", "g")
        kind, data = await guest.left("asterisk")
        assert kind == "examples" and data["pinned"] == ["seed-1"]
        await guest.press("x", *names("broken"), "enter")
        kind, data = await guest.command(scene)
        assert kind == "examples" and data["excluded"] == {"seed-1": "broken"}


async def test_a_shorter_horizon_and_a_larger_batch_are_staged_then_applied_together(
    session: Path, scene: Scene
) -> None:
    async with deciding(session, scene) as guest:
        await guest.nothing_left("4", "less_than_sign", "plus")
        kind, data = await guest.left("enter")
        assert kind == "set" and {"horizon.steps", "batch.size"} <= {
            pair.split("=")[0] for pair in data["pairs"]
        }


@pytest.mark.slow
async def test_the_trace_steps_jumps_plays_and_turns(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        pane = guest.main.query_one(TracePane)
        await guest.press("3")
        await guest.until(lambda: pane.view.trace.steps == 240, "the trace")
        await guest.press("full_stop", "full_stop", "comma")
        assert pane.view.step == 1
        await guest.press("right_square_bracket")
        await guest.until(lambda: pane.view.step == 117, "the first reward")
        await guest.press("f")
        await guest.until(lambda: pane.view.trace.kept is not None, "only events")
        await guest.press("f", "g", "space")
        await guest.until(lambda: pane.view.step > 3, "it plays")
        await guest.press("space")
        stood = pane.view.step
        await guest.pilot.pause(0.1)
        assert pane.view.step <= stood + 1
        before = pane.source
        await guest.press("left_curly_bracket")
        await guest.until(lambda: pane.source is not before, "the other rollout")


NEEDLES = {1: "rejected", 2: "194", 3: "act 3", 4: "objective", 5: "walls"}


@pytest.mark.parametrize("number", NEEDLES)
@pytest.mark.slow
async def test_every_pane_can_be_searched_and_copied_from(
    session: Path, scene: Scene, number: int
) -> None:
    async with deciding(session, scene) as guest:
        await guest.press(str(number), "g")
        await guest.until(lambda: place(guest, number) >= 0, "the pane")
        await guest.press("slash", *names(NEEDLES[number]), "enter")
        await guest.until(lambda: NEEDLES[number] in under_cursor(guest, number), "the place")
        await guest.press("n", "N")
        await guest.until(lambda: NEEDLES[number] in under_cursor(guest, number), "there again")
        await guest.press("slash", *names("nowhere at all"), "enter")
        await guest.until(
            lambda: "nowhere" in f"{guest.said} {guest.main.pane(number).border_title}",
            "that there is none",
        )
        await guest.press("y")
        await guest.until(lambda: "copied" in guest.said, "what was copied")
        assert guest.app._clipboard


def place(guest: Guest, number: int) -> int:
    pane = guest.main.pane(number)
    return int(guest.main.history_pane.row_list.cursor if number == 1 else pane.view.cursor)  # type: ignore[attr-defined]


def under_cursor(guest: Guest, number: int) -> str:
    if number == 1:
        row = guest.main.history_pane.row
        return f"{row.decision} {row.subject}" if row else ""
    view = guest.main.pane(number).view  # type: ignore[attr-defined]
    return "".join(text for text, _ in view.get_line(view.cursor))


@pytest.mark.slow
async def test_the_mouse_does_what_the_keys_do(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        pilot, main = guest.pilot, guest.main
        rows = main.history_pane.row_list
        await pilot.click(rows, offset=(5, 3))
        assert main.active == 1 and rows.cursor == 3
        await pilot.click(rows, offset=(5, 2), times=2)
        await guest.until(lambda: main.snapshot.is_historical, "the version that was clicked twice")
        await guest.press("escape")
        await guest.until(lambda: not main.snapshot.is_historical, "back")
        tabs = main.pane(4).query_one(Tabs)
        await pilot.click(tabs, offset=(len(tabs.names[0]) + 4, 0))
        assert main.active == 4 and tabs.active == 1
        await guest.press("5")  # Proposal takes the room, and so moves
        diff = main.query_one(DiffView)
        head = next(
            y
            for y in range(len(diff.source))
            if "hunk 1 of 2" in "".join(t for t, _ in diff.get_line(y))
        )
        await pilot.click(diff, offset=Offset(2, head - int(diff.scroll_offset.y)))
        await guest.until(
            lambda: main.query_one(ProposalPane).get_kept_hunks() == {2}, "the hunk is left out"
        )
        await click_word(guest, "gate", "A commit unmeasured")
        await guest.press("y")
        assert (await guest.command(scene))[1]["hunks"] == [2]
        await click_word(guest, "footer", "keys")
        await guest.until(lambda: isinstance(guest.app.screen, HelpScreen), "the help")
        await guest.press("escape")
        await click_word(guest, "status", "ask: DECIDE")
        await guest.until(lambda: isinstance(guest.app.screen, dialogs.ChoiceDialog), "the modes")
        await pilot.click("#choice-2")
        assert await guest.command(scene) == ("mode", {"mode": "auto"})


async def click_word(guest: Guest, line: str, word: str) -> None:
    """Click a word of one of the lines around the panes."""
    found = guest.main.query_one(f"#{line}", ClickableLine)
    await guest.pilot.click(found, offset=(found.text.index(word) + 1, 0))


@pytest.mark.slow
async def test_the_palette_finds_and_does(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        await guest.press("colon", *names("examples by versions"))
        await guest.until(lambda: guest.app.screen.query("CommandList"), "what was found")
        await guest.app.workers.wait_for_complete()
        await guest.press("enter")
        await guest.until(lambda: type(guest.app.screen).__name__ == "MatrixScreen", "the screen")


PASSING: list[tuple[str, Callable[[Guest], Any]]] = [
    ("z", lambda g: not g.main.zoomed),
    ("slash", lambda g: g.app.screen is g.main),
    ("r", lambda g: g.app.screen is g.main),
    ("i", lambda g: g.app.screen is g.main),
    ("M", lambda g: g.app.screen is g.main),
    ("W", lambda g: g.app.screen is g.main),
    ("P", lambda g: g.app.screen is g.main),
    ("X", lambda g: g.app.screen is g.main),
    ("at", lambda g: g.app.screen is g.main),
    ("d", lambda g: g.app.screen is g.main),
    ("f3", lambda g: g.app.screen is g.main),
    ("question_mark", lambda g: g.app.screen is g.main),
    ("colon", lambda g: g.app.screen is g.main),
    ("5 E", lambda g: not g.main.query("TextArea")),
    ("1 j O", lambda g: g.app.screen is g.main),
    ("1 j enter", lambda g: not g.main.snapshot.is_historical),
]


@pytest.mark.slow
async def test_escape_leaves_every_passing_state(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        for keys, left in PASSING:
            await guest.press(*keys.split())
            await guest.until(lambda left=left: not left(guest), f"{keys} begins something")
            await guest.press("escape")
            await guest.until(lambda left=left: left(guest), f"{keys} was left")
        assert not scene.journal.read_commands()


async def test_the_keys_of_pages_and_questions_are_pressed_by_a_click(
    session: Path, scene: Scene
) -> None:
    async with deciding(session, scene) as guest:

        async def click(word: str) -> None:
            line = guest.app.screen.query_one(KeyHints)
            at = str(line.content).index(word) + 1
            await guest.pilot.click(line, offset=(at, 0))
            await guest.pilot.pause()

        await guest.press("question_mark")
        await click("Esc closes")
        assert guest.app.screen is guest.main
        await guest.press("d")
        await click("/ search")
        assert isinstance(guest.app.screen, dialogs.TextDialog)
        await click("Esc cancel")
        await click("Esc back")
        assert guest.app.screen is guest.main
        await guest.press("r", *names("bad"))
        await click("Enter rejects")
        assert [c.kind for c in guest.scene.journal.read_commands()] == ["reject"]


@pytest.mark.slow
async def test_work_beside_the_steps_is_ended_by_escape(session: Path, scene: Scene) -> None:
    async with deciding(session, scene) as guest:
        scene.journal.append_event(0, "aside_started", token="t", what="hunks", size=20)
        await guest.until(lambda: guest.main.snapshot.active_side_job, "work is under way")
        assert "0 of 20 rollouts. Esc ends it" in guest.main.snapshot.activity
        await guest.nothing_left("escape", "n")
        assert await guest.left("escape", "y") == ("drop", {"token": "t"})
