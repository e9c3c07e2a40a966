"""Every key of the main screen, against a real session."""

from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from conftest import Visit, visit
from sample import NEXT, Stage, commit_version
from textual import events
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.geometry import Size

from genopt_tui.session.commands import CommandResult
from genopt_tui.session.history.repository import Repository
from genopt_tui.ui.actions.table import ACTIONS
from genopt_tui.ui.panes.column_layout import Panes
from genopt_tui.ui.screens.compare import CompareScreen
from genopt_tui.ui.screens.dialogs import ChoiceDialog, HintDialog, TextDialog
from genopt_tui.ui.screens.help import HelpScreen
from genopt_tui.ui.screens.main import MainScreen
from genopt_tui.ui.widgets.line_source import to_plain_text


async def decision(person: Visit) -> None:
    await person.until(lambda: person.main.snapshot.pending == "decide", "a decision is wanted")
    await person.look()


async def test_first_content_is_head(session: Path) -> None:
    async with visit(session) as person:
        row = person.main.snapshot.rows[1]
        assert (row.label, row.score, row.n, row.difference) == ("1", 9.0, 10, 29.0)
        assert "main@1" in person.line("status")


async def test_history_lists_rejected_proposals(session: Path) -> None:
    async with visit(session) as person:
        rows = person.main.snapshot.rows
        assert [(r.label, r.kind, r.decision) for r in rows] == [
            ("2a", "rejected", "rejected"),
            ("1", "branch", "approved"),
            ("start", "branch", "start"),
        ]


async def test_a_new_version_appears(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        with Repository.open(session) as repository:
            commit = commit_version(repository, NEXT, 3, 15.6, 9.0)
        stage.event("committed", candidate=0, version=commit, decision="approved")
        await person.until(lambda: person.main.snapshot.head_label == "3")
        assert "reflect" in person.main.snapshot.version.files["policy.py"]  # type: ignore[union-attr]


async def test_reply_streams(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        stage.roll_out()
        stage.ask()
        stage.say("The paddle ")
        stage.say("lags [/foo]")
        await person.until(
            lambda: (
                person.main.snapshot.proposal
                and "lags [/foo]" in person.main.snapshot.proposal.text
            )
        )
        assert person.main.snapshot.proposal.streaming  # type: ignore[union-attr]
        assert "ask: asking 3" in person.line("status")


async def test_run_pause_resume(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        stage.roll_out()
        await person.until(lambda: person.main.snapshot.state == "running")
        await person.press("p")
        assert (await person.command(stage))[0] == "pause"
        stage.event("paused", why="paused by you")
        await person.until(lambda: person.main.snapshot.state == "paused")
        await person.press("p")
        assert (await person.command(stage))[0] == "resume"


async def test_run_and_step_when_idle(session: Path) -> None:
    async with visit(session) as person:
        await person.press("p")
        stage = Stage(session)
        with stage:
            assert await person.command(stage) == ("run", {"mode": "ask"})
            await person.press("s")
            assert await person.command(stage) == ("run", {"steps": 1, "mode": "ask"})


async def test_approve(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await decision(person)
        assert (
            "BETTER  14.2 → 15.6   Δ +1.4 (95 % CI 0.3…2.5)   10 examples: 7↑ 1↓ 2="
            in person.line("gate")
        )
        await person.press("a")
        kind, data = await person.command(stage)
        assert (kind, data["step"], data["candidate"], data["tree"]) == (
            "approve",
            3,
            0,
            stage.tree,
        )


async def test_reject_with_a_reason(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await decision(person)
        await person.press("r")
        assert isinstance(person.app.screen, TextDialog)
        await person.press(*"late", "enter")
        assert await person.command(stage) == (
            "reject",
            {"step": 3, "candidate": 0, "reason": "late"},
        )


async def test_reject_without_a_reason(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await decision(person)
        await person.press("r", "enter")
        assert await person.command(stage) == ("reject", {"step": 3, "candidate": 0})


@pytest.mark.slow
async def test_escape_cancels_the_rejection(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await decision(person)
        await person.press("r", "x", "escape", "a")
        assert (await person.command(stage))[0] == "approve"


async def test_key_pressed_as_the_proposal_appears_is_ignored(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await person.until(lambda: person.main.snapshot.pending == "decide")
        person.main.pending.since = monotonic() + 100
        await person.press("a", "r")
        assert "had just appeared" in person.said
        assert not stage.journal.read_commands()
        assert len(person.app.screen_stack) == 2


async def test_a_decision_key_without_a_decision_says_why(session: Path) -> None:
    async with visit(session) as person:
        await person.press("a")
        assert "no proposal waits" in person.said


async def test_send_in_mode_step(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start("step")
        stage.roll_out()
        stage.want("propose")
        await person.until(lambda: person.main.snapshot.pending == "propose")
        await person.press("s")
        kind, data = await person.command(stage)
        assert (kind, data["step"]) == ("propose", 3)


async def test_ask_again_shows_the_price(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.to_decision()
        await decision(person)
        await person.press("R")
        assert isinstance(person.app.screen, ChoiceDialog)
        await person.press("y")
        assert await person.command(stage) == ("again", {"step": 3})


@pytest.mark.parametrize(
    ("keys", "options"), [(["enter"], {}), (["tab", "enter"], {"always": True})]
)
async def test_hint(session: Path, stage: Stage, keys: list[str], options: dict[str, bool]) -> None:
    async with visit(session) as person:
        await person.press("i")
        assert isinstance(person.app.screen, HintDialog)
        await person.press(*"up", *keys)
        assert await person.command(stage) == ("hint", {"text": "up", **options})


async def test_mode_has_three_choices(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        await person.press("M", "o")
        assert await person.command(stage) == ("mode", {"mode": "auto"})
        await person.press("M", "up", "enter")
        assert await person.command(stage) == ("mode", {"mode": "step"})
        await person.press("M", "escape")
        assert not stage.journal.read_commands()


@pytest.mark.parametrize(("key", "kind"), [("u", "undo"), ("U", "redo")])
async def test_undo_redo(session: Path, stage: Stage, key: str, kind: str) -> None:
    async with visit(session) as person:
        await person.press(key)
        assert (await person.command(stage))[0] == kind


async def test_rewind_asks_first(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        await person.press("1", "G", "t", "n")
        assert not stage.journal.read_commands()
        await person.press("t", "y")
        kind, data = await person.command(stage)
        assert (kind, data["version"]) == ("rewind", person.main.snapshot.rows[2].commit)


async def test_branch(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        await person.press("1", "G", "b", *"aim", "enter")
        kind, data = await person.command(stage)
        assert (kind, data["name"], data["at"]) == (
            "branch",
            "aim",
            person.main.snapshot.rows[2].commit,
        )


async def test_mark_compare_best(session: Path) -> None:
    async with visit(session) as person:
        await person.press("1", "G", "c")
        assert "mark another version first" in person.said
        await person.press("m")
        assert "is marked: c on another version compares with it" in person.said
        await person.press("B", "c")
        assert person.main.history_pane.row == person.main.snapshot.rows[1]
        assert isinstance(person.app.screen, CompareScreen)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.slow
async def test_numbers_focus_panes(session: Path, number: int) -> None:
    async with visit(session) as person:
        await person.press(str(number))
        assert person.main.focused_pane is person.main.pane(number)


async def test_tab_cycles_through_panes(session: Path) -> None:
    async with visit(session) as person:
        await person.press("5", "tab")
        assert person.main.focused_pane is person.main.pane(1)
        await person.press("shift+tab")
        assert person.main.focused_pane is person.main.pane(5)


async def test_zoom_and_back(session: Path) -> None:
    async with visit(session) as person:
        await person.press("2", "z")
        assert person.main.pane(2).size.width > 150 and not person.main.pane(1).display
        await person.press("escape")
        assert person.main.pane(1).display


async def test_older_version_and_escape(session: Path) -> None:
    async with visit(session) as person:
        await person.press("1", "G", "enter")
        await person.until(lambda: person.main.snapshot.is_historical)
        assert "return 0" in person.main.snapshot.version.files["policy.py"]  # type: ignore[union-attr]
        await person.press("a")
        assert "this is an older version" in person.said
        await person.press("escape")
        await person.until(lambda: not person.main.snapshot.is_historical)


async def test_help_says_why_not(session: Path) -> None:
    async with visit(session) as person:
        await person.press("question_mark")
        screen = person.app.screen
        assert isinstance(screen, HelpScreen)
        await person.until(lambda: screen.ready, "the keys")
        help_text = " ".join(to_plain_text(line) for line in screen.pages[0].lines)  # type: ignore[arg-type]
        assert "no proposal waits for a decision" in " ".join(help_text.split())
        await person.press("slash", *"no", "space", *"proposal", "enter")
        assert screen.view.cursor > 20, "a search goes there"
        await person.press("g", "j", "j", "j")
        assert screen.view.cursor == 3, "no key is lost"
        await person.press("question_mark")
        assert person.app.screen is person.main


@pytest.mark.parametrize("width", [200, 80])
@pytest.mark.slow
async def test_no_sentence_of_the_help_is_cut(session: Path, width: int) -> None:
    async with visit(session, (width, 24)) as person:
        await person.press("question_mark")
        screen = person.app.screen
        assert isinstance(screen, HelpScreen)
        await person.until(lambda: screen.ready, "the keys")
        assert all(
            len(to_plain_text(line)) <= screen.view.content_size.width
            for line in screen.pages[0].lines
        )  # type: ignore[union-attr]


async def test_palette_lists_every_action(session: Path) -> None:
    async with visit(session) as person:
        await person.press("colon")
        await person.press(*"maximi", "escape")
        await person.press("ctrl+p")
        assert "CommandPalette" in type(person.app.screen).__name__


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
@pytest.mark.slow
async def test_leaving_asks_while_a_run_is_live(session: Path, stage: Stage, key: str) -> None:
    async with visit(session) as person:
        stage.start()
        stage.roll_out()
        await person.until(lambda: person.main.snapshot.state == "running")
        await person.press(key)
        assert isinstance(person.app.screen, ChoiceDialog)
        await person.press("escape")
        assert person.app.screen is person.main
        await person.press(key, "p")
        assert stage.journal.read_commands()[0].kind == "pause"
        assert person.app.return_code == 0


@pytest.mark.slow
async def test_leave_and_keep_running(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        await person.until(lambda: person.main.snapshot.alive)
        await person.press("q", "r")
        assert not stage.journal.read_commands() and person.app.return_code == 0


async def test_leave_in_mode_auto(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        await person.until(lambda: person.main.snapshot.alive)
        await person.press("q", "o")
        assert stage.journal.read_commands()[0].data == {"mode": "auto"}


async def test_leaving_without_a_run_does_not_ask(session: Path) -> None:
    async with visit(session) as person:
        await person.press("q")
        assert person.app.return_code == 0


@pytest.mark.parametrize(
    ("size", "columns", "panes"),
    [((200, 55), "wide", 5), ((120, 35), "two", 5), ((80, 24), "", 1), ((40, 10), "", 1)],
)
@pytest.mark.slow
async def test_layouts(session: Path, size: tuple[int, int], columns: str, panes: int) -> None:
    async with visit(session, size) as person:
        main = person.main
        assert main.query_one(Panes).columns == columns
        assert sum(pane.display for pane in main.panes) == panes
        assert main.has_class("-small") == (size == (40, 10))
        await person.pilot.resize_terminal(200, 55)
        await person.pilot.pause()
        assert main.query_one(Panes).columns == "wide" and not main.has_class("-small")
        assert all(pane.display for pane in main.panes)


async def test_change_of_focus_does_not_restyle_lines(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual would work out those of all lines in both panes: a key took 25 ms."""
    async with visit(session) as person:
        styled: list[str] = []
        apply = Stylesheet.apply

        def note(sheet: Stylesheet, node: DOMNode, **options: Any) -> None:
            styled.extend(name for name in node.classes if "--" in name)
            apply(sheet, node, **options)

        monkeypatch.setattr(Stylesheet, "apply", note)
        await person.press("2", "z", "z", "1")
        assert not [name for name in styled if name.startswith(("line--", "history--"))]
        person.app.theme = "textual-light"
        await person.pilot.pause()
        assert {"line--match", "history--head"} <= set(styled)


async def test_the_footer_can_be_clicked(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        stage.start()
        await person.until(lambda: "pause" in person.line("footer"))
        place = person.line("footer").index("pause")
        await person.pilot.click("#footer", offset=(place, 0))
        assert (await person.command(stage))[0] == "pause"


def test_no_key_has_two_meanings() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))


async def test_refused_command_is_shown(session: Path, stage: Stage) -> None:
    async with visit(session) as person:
        await person.press("u")
        await person.until(lambda: stage.journal.read_commands())
        stage.journal.finish_command(
            stage.journal.read_commands()[0], CommandResult(False, "nothing to undo")
        )
        await person.until(lambda: "nothing to undo" in person.said)


@pytest.mark.slow
async def test_resize_or_switch_before_the_panes_exist(session: Path) -> None:
    async with visit(session) as person:
        early = MainScreen(person.main.snapshot)
        early.on_mount()
        early.on_resize(events.Resize(Size(100, 30), Size(100, 30)))
        assert not early.store.is_alive()
        for _ in range(3):
            person.app.open_session(session)
            person.app.post_message(events.Resize(Size(100, 30), Size(100, 30)))
        await person.until(
            lambda: person.app.main is not None and person.main.snapshot.loaded, "loaded"
        )


async def test_no_separator_without_text(session: Path) -> None:
    async with visit(session, (80, 24)) as person:
        assert not person.main.snapshot.budget.limits
        assert "|  |" not in person.line("status")
