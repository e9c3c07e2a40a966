"""The start screen lists sessions and opens one."""

from pathlib import Path
from typing import cast

import pytest
from conftest import Visit
from sample import make_session
from terminal import make_task
from textual.widgets import Input

from genopt_tui.session.journal import Journal
from genopt_tui.task import loader
from genopt_tui.ui import new_session
from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.new_session import MODELS_BY_API_KEY, SessionDraft, SetupOption, list_models
from genopt_tui.ui.screens.dialogs import ChoiceDialog, TextDialog
from genopt_tui.ui.screens.main import MainScreen
from genopt_tui.ui.screens.new_session import STEPS, NewSessionScreen
from genopt_tui.ui.screens.start import StartScreen
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.safe_text import PlainText


def shown(app: GenoptApp) -> str:
    """What the start screen lists; empty while it is not there yet."""
    screen = app.screen
    if not isinstance(screen, StartScreen):
        return ""
    lines = [to_plain_text(screen.view.get_line(y)) for y in range(len(screen.view.source))]
    return "\n".join([*lines, str(screen.query_one("#nothing", PlainText).content)])


async def test_a_session_is_listed_and_opened(home: Path) -> None:
    (home / "sessions").mkdir()
    make_session(home / "sessions", "first")
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: "first" in shown(app))
        assert "main@1" in shown(app) and "approved" in shown(app)
        await person.press("enter")
        await person.until(
            lambda: isinstance(app.screen, MainScreen) and app.screen.snapshot.loaded
        )


async def test_empty_list_says_how_to_begin(home: Path) -> None:
    app = GenoptApp()
    async with app.run_test(size=(100, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: "genopt demo" in shown(app))
        await person.press("q")
        assert app.return_code == 0


async def test_enter_five_times_makes_a_session(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    make_task(home / "tasks")
    monkeypatch.setattr(loader, "find_bundled_root", lambda: tmp_path / "nothing")
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await person.press("n")
        for step in range(5):
            await person.until(lambda step=step: at_step(app, step), f"step {step}")
            await person.press("enter")
        await person.until(
            lambda: isinstance(app.screen, MainScreen) and app.screen.snapshot.loaded, "opened"
        )
        assert app.main is not None and app.main.snapshot.session.task == "tiny"
        assert app.main.snapshot.session.model.startswith("openai/")
        journal = Journal(Path(app.main.snapshot.session.path))
        await person.until(journal.read_commands, "the run")
        assert [(c.kind, c.data["mode"]) for c in journal.read_commands()] == [("run", "ask")]
        journal.close()


async def test_own_files_are_asked_for_one_by_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prompt.txt").write_text("Is this good or bad? {text}\n")
    cases = "".join(f"case {i},{'good' if i % 2 else 'bad'}\n" for i in range(24))
    (tmp_path / "cases.csv").write_text(f"text,label\n{cases}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loader, "find_bundled_root", lambda: tmp_path / "nothing")
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await person.press("n")
        await person.until(lambda: at_step(app, 0), "the first step")
        await person.press("tab", "enter")
        for text in ("prompt.txt", "cases.csv", "label"):
            await person.press(*(("full_stop" if c == "." else c) for c in text), "enter")
        await person.until(lambda: at_step(app, 1), "the start")
        await person.press("enter")
        await person.until(lambda: at_step(app, 2), "the model")
        assert isinstance(app.screen, NewSessionScreen)
        at = next(
            i
            for i, o in app.screen.pages[0].targets.items()
            if isinstance(o, SetupOption) and o.value == "search"
        )
        app.screen.view.go_to_line(at)
        await person.press("enter")
        await person.until(lambda: at_step(app, 3), "the choices")
        await person.press("enter")
        await person.until(lambda: at_step(app, 4), "the check")
        await person.press("j", "enter")
        await person.until(lambda: app.main is not None and app.main.snapshot.loaded, "opened")
        assert app.main is not None and app.main.snapshot.session.model == "search"
        journal = Journal(Path(app.main.snapshot.session.path))
        assert not journal.read_commands()
        journal.close()


def test_agents_on_the_path_and_models_with_keys_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in MODELS_BY_API_KEY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MISTRAL_API_KEY", "none")
    values = [offer.value for offer in list_models()]
    assert (
        values[0].startswith("mistral/")
        and "command:claude -p" in values
        and "command:codex exec -" not in values
    )
    assert values[-2:] == ["manual", "search"]


async def test_test_call_runs_the_named_program(tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text('#!/bin/sh\nread question\necho "heard: $question"\n')
    program.chmod(0o755)
    screen = NewSessionScreen()
    screen.step = STEPS.index("model")
    app = GenoptApp()
    async with app.run_test(size=(140, 40)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await app.push_screen(screen)
        await person.until(lambda: screen.ready, "the models")
        at = next(
            y
            for y, o in screen.pages[0].targets.items()
            if isinstance(o, SetupOption) and o.label == "command ..."
        )
        screen.view.go_to_line(at)
        await person.press("t")
        await person.until(lambda: app.screen is not screen, "it asks for the program")
        cast(TextDialog, app.screen).query_one(Input).value = str(program)
        await person.press("enter")
        await person.until(lambda: "answers: heard: " in str(screen.about.content), "the answer")
        first = screen.pages[0].targets[0]
        assert isinstance(first, SetupOption) and first.value == f"command:{program}", (
            "Enter takes it now"
        )


def test_failed_call_says_why() -> None:
    answer = new_session.try_model("command:there-is-no-such-program")
    assert "failed: " in answer and "No such file" in answer
    assert new_session.try_model("search") == "search needs no call"


async def test_the_palette_opens_only_where_it_has_actions(home: Path) -> None:
    app = GenoptApp()
    async with app.run_test(size=(120, 30)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await person.press("ctrl+p")
        assert isinstance(app.screen, StartScreen)


def test_estimate_never_invents_a_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wish = SessionDraft("atari/pong", model="openai/some", pairs={"budget.steps": "20"})
    monkeypatch.setattr(new_session, "estimate_call_price", lambda model, tokens: 0.0)
    calls, money = new_session.estimate_spending(wish, "")
    assert "1 model call a step, 20 a run" in calls.note and "$? (no price is known)" in money.note
    monkeypatch.setattr(new_session, "estimate_call_price", lambda model, tokens: 0.05)
    assert "at most $0.050 a step, $1.00 a run" in new_session.estimate_spending(wish, "")[1].note
    (free,) = new_session.estimate_spending(SessionDraft("atari/pong", model="search"), "")
    assert "none" in free.note


def at_step(app: GenoptApp, step: int) -> bool:
    screen = app.screen
    return (
        isinstance(screen, NewSessionScreen)
        and screen.step == step
        and bool(screen.pages)
        and screen.pages[0].name == STEPS[step]
    )


async def test_preset_shows_all_that_it_changes() -> None:
    screen = NewSessionScreen()
    screen.draft.task, screen.draft.start, screen.step = "atari/asterix", "two-functions", 3

    def lines() -> dict[str, str]:
        return {
            o.label.strip(): o.note
            for o in screen.pages[0].targets.values()
            if isinstance(o, SetupOption)
        }

    app = GenoptApp()
    async with app.run_test(size=(120, 40)) as pilot:
        person = Visit(app, pilot)
        await person.until(lambda: isinstance(app.screen, StartScreen))
        await app.push_screen(screen)
        await person.until(lambda: screen.ready, "the choices")
        assert (
            lines()["task.episode"] == "life (default game)"
            and lines()["gate.rule"] == "always (default better)"
        )
        assert "gate.rule = better" in lines() and "task.sticky = 0.25" in lines()
        at = next(
            y
            for y, o in screen.pages[0].targets.items()
            if isinstance(o, SetupOption) and o.label == "preset paper"
        )
        screen.view.go_to_line(at)
        await person.press("enter")
        await person.until(lambda: "gate.rule = always" in lines(), "chosen")
        assert {"task.sticky = 0.0", "preset paper: chosen, Enter takes it back"} <= set(lines())
        assert screen.draft.build_arguments()[-4:] == ["--preset", "paper", "--set", "mode=ask"], (
            "its own budget holds"
        )
        assert new_session.resolve_settings(screen.draft)["budget.steps"] == 30
        screen.view.go_to_line(at)
        await person.press("enter")
        await person.until(lambda: "gate.rule = better" in lines(), "taken back")
        assert (
            "--preset" not in screen.draft.build_arguments()
            and screen.draft.pairs["budget.steps"] == "20"
        )


async def test_escape_asks_before_it_leaves_the_start_screen(home: Path) -> None:
    app = GenoptApp()
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, ChoiceDialog)
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, StartScreen) and app.is_running
        await pilot.press("escape", "y")
        await pilot.pause()
    assert app.return_code == 0
