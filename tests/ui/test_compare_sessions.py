"""A version compared with one of another session of the same task, which is only read."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Visit, visit
from sample import chunks
from scene import step
from story import Scene, make_story

from genopt_tui.config import SessionSettings
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal
from genopt_tui.session.lock import SessionLock
from genopt_tui.task.rollout import RolloutResult
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.screens.compare import COST, EXAMPLES, TRACES, CompareScreen
from genopt_tui.ui.widgets.line_source import to_plain_text

DIFFERS = 70


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two sessions of one task; the first has traces of its version 3, the second of its version 1,
    which differ from step 70 on."""
    folder = tmp_path_factory.mktemp("stories")
    one = make_story(folder)
    two = shutil.copytree(one, folder / "two", symlinks=True)
    with Scene(one) as scene:
        scene.roll_out()
    journal = Journal(two)
    with Repository.open(two) as repository:
        tree = repository.artifact_tree(repository.resolve("1"))
    steps = [replace(step(i), action=step(i).action if i < DIFFERS else 9) for i in range(120)]
    result = RolloutResult("seed-1", 0, "train", "ok", 2.0, 1.0, steps=120, trace=chunks(steps))
    journal.store_rollout("x/seed-1", 2, tree, result, traced=True)
    journal.close()
    return one, two


@pytest.fixture
def pair(stories: tuple[Path, Path], tmp_path: Path, home: Path) -> tuple[Path, Path]:
    """Copies of both: one that is opened, and another among the user's sessions."""
    one, two = stories
    return (
        shutil.copytree(one, tmp_path / "one", symlinks=True),
        shutil.copytree(two, home / "sessions" / "two", symlinks=True),
    )


async def compare(person: Visit, version: str) -> CompareScreen:
    """From the best version, 3, press K, take the only session that is offered, and name a version
    of it."""
    await person.press("1", "B", "K")
    await person.until(lambda: isinstance(person.app.screen, dialogs.ChoiceDialog), "which session")
    await person.press("1")
    await name(person, version)
    await person.until(
        lambda: isinstance(person.app.screen, CompareScreen) and person.app.screen.ready, "compared"
    )
    screen = person.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


async def name(person: Visit, version: str) -> None:
    await person.until(lambda: isinstance(person.app.screen, dialogs.TextDialog), "which version")
    await person.press("ctrl+u", *version, "enter")


def lines(screen: Any) -> list[str]:
    return [to_plain_text(screen.view.get_line(y)) for y in range(len(screen.view.source))]


async def test_all_tabs_show_both_sessions(pair: tuple[Path, Path]) -> None:
    one, two = pair
    before = {file: file.read_bytes() for file in two.rglob("*") if file.is_file()}
    async with visit(one) as person:
        screen = await compare(person, "1")
        assert screen._title.startswith("Compare one@3 -> two@1"), screen._title
        assert screen.comparison is not None and screen.comparison.result is not None
        found = screen.comparison.result
        assert (found.mean_a, found.n, found.verdict) == (pytest.approx(52 / 6), 6, "undecided")
        assert not screen.comparison.missing
        await person.until(lambda: any("+ 4 * ball" in line for line in lines(screen)), "the diff")
        await person.press("tab")
        assert screen.page == EXAMPLES and "seed-100" in lines(screen)[0]
        await person.press("tab")
        await person.until(
            lambda: f"first difference at step {DIFFERS}" in "\n".join(lines(screen)), "both traces"
        )
        assert screen.page == TRACES and "one@3" in lines(screen)[0] and "two@1" in lines(screen)[0]
        await person.press("tab")
        assert screen.page == COST and [
            "one@3" in lines(screen)[0],
            "two@1" in lines(screen)[2],
        ] == [True, True]
        await person.press("escape")
        assert person.app.screen is person.main
    assert {file: file.read_bytes() for file in two.rglob("*") if file in before} == before


async def test_missing_scores_of_the_other_session_are_only_named(pair: tuple[Path, Path]) -> None:
    """Also while a runner has it: nothing is asked of it."""
    one, two = pair
    settings = SessionSettings.load(two)
    settings.seed = 5
    settings.save(two)
    lock = SessionLock(two)
    async with visit(one) as person:
        screen = await compare(person, "best")
        said = str(screen.about.content)
        assert "no example was scored for both" in said and "another seed" in said
        assert "two@best lacks scores: `genopt compare one@3 two@best` runs 6 rollouts" in said, (
            said
        )
        await person.press("tab")
        assert lines(screen) == ["no example was scored for both under the current task"]
        await person.press("x")
        assert not screen.awaited_job
        screen.open_target(("gate", "seed-1000", 0))
        await person.until(
            lambda: "two@best has no trace of seed-1000" in "\n".join(lines(screen)),
            "whose is missing",
        )
        assert not screen.awaited_job
    lock.release()


async def test_unknown_version_is_asked_for_again(pair: tuple[Path, Path]) -> None:
    async with visit(pair[0]) as person:
        await person.press("1", "B", "K")
        await person.until(
            lambda: isinstance(person.app.screen, dialogs.ChoiceDialog), "which session"
        )
        await person.press("1")
        await name(person, "bets")
        await person.until(lambda: "no version 'bets'" in person.said, "it is said")
        await person.until(lambda: isinstance(person.app.screen, dialogs.TextDialog), "asked again")
        await person.press("escape")
        assert person.app.screen is person.main
