"""Compare and the matrix on a session that a real runner lived through: the same numbers as the
command line, nothing missing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lived import Person, person_at

from genopt_tui.cli.compare import build_comparison
from genopt_tui.learn import gate
from genopt_tui.ui.screens.compare import COST, DIFF, EXAMPLES, TRACES, CompareScreen
from genopt_tui.ui.screens.matrix import MatrixScreen
from genopt_tui.ui.widgets.line_source import to_plain_text

NUMBERS = (
    "a",
    "b",
    "mean_a",
    "mean_b",
    "difference",
    "interval",
    "p",
    "verdict",
    "test",
    "confidence",
    "n",
    "pairs",
)
COUNTS = ("better", "worse", "same", "missing")


async def compare(person: Person, marked: str, label: str) -> CompareScreen:
    """Mark one version, go to another, press c."""
    await person.stand_on(marked)
    await person.press("m")
    await person.stand_on(label)
    await person.press("c")
    await person.until(
        lambda: isinstance(person.app.screen, CompareScreen) and person.app.screen.ready, "compared"
    )
    screen = person.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


def lines(screen: Any) -> list[str]:
    return [to_plain_text(screen.view.get_line(y)) for y in range(len(screen.view.source))]


def here_is_nothing_tested(*arguments: object) -> None:
    raise AssertionError("the test's libraries are loaded where the screen is")


async def test_the_numbers_are_those_of_the_command_line(
    lived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person_at(lived) as person:
        with monkeypatch.context() as patch:
            patch.setattr(gate, "_make_sign_flips", here_is_nothing_tested)
            screen = await compare(person, "1", "3")
        assert screen.comparison is not None and screen.comparison.result is not None
        here = screen.comparison.result.to_dict()
    there = await asyncio.to_thread(build_comparison, str(lived), "1", "3", None)
    assert {key: here[key] for key in (*NUMBERS, *COUNTS)} == {
        key: there[key] for key in (*NUMBERS, *COUNTS)
    }
    assert here["verdict"] == "better" and here["n"] == 6


@pytest.mark.slow
async def test_missing_scores_are_computed_on_demand(lived: Path) -> None:
    """A cache that was deleted, and a gate that takes more examples than were scored."""
    (lived / ".genopt" / "journal.db").unlink()
    async with person_at(lived) as person:
        screen = await compare(person, "start", "3")
        assert screen.comparison is not None and "start" in str(screen.about.content)
        assert screen.comparison.missing
        await person.press("x")
        await person.until(lambda: "rollouts" in str(screen.about.content), "progress is told")
        await person.until(
            lambda: screen.comparison and not screen.comparison.missing, "nothing is missing"
        )
        assert screen.comparison.result is not None
        here = screen.comparison.result.to_dict()
    there = await asyncio.to_thread(build_comparison, str(lived), "start", "3", None)
    assert {key: here[key] for key in (*NUMBERS, *COUNTS)} == {
        key: there[key] for key in (*NUMBERS, *COUNTS)
    }


async def test_diff_side_by_side_with_words_and_design_choices(lived: Path) -> None:
    async with person_at(lived, (170, 45)) as person:
        screen = await compare(person, "1", "3")
        await person.until(lambda: screen.diff.ready, "the diff")
        assert screen.page == DIFF and screen.diff.diff.split
        await person.until(
            lambda: any(
                "added-word" in look for y in range(9) for _, look in screen.diff.get_line(y)
            ),
            "words",
        )
        wide = lines(screen)
        assert any("LEVEL = 5.0" in row and "LEVEL = 7.0" in row for row in wide)
        await person.press("v")
        await person.until(lambda: not screen.diff.diff.split, "one column")
        assert not any("LEVEL = 5.0" in row and "LEVEL = 7.0" in row for row in lines(screen))
        await person.press("right_square_bracket")
        assert screen.page == DIFF and screen.diff.hunk_under_cursor == 1


@pytest.mark.slow
async def test_missing_traces_are_rerun_and_aligned(lived: Path) -> None:
    async with person_at(lived) as person:
        screen = await compare(person, "1", "3")
        await person.press("tab")
        assert screen.page == EXAMPLES
        assert "gate-" in lines(screen)[0]
        await person.press("enter")
        await person.until(
            lambda: any("first difference at step 0" in row for row in lines(screen)), "both traces"
        )
        assert (
            screen.page == TRACES
            and screen.rollout_key is not None
            and screen.rollout_key[0] == "gate"
        )
        first = screen.rollout_key
        await person.press("right_square_bracket")
        await person.until(
            lambda: (
                screen.rollout_key != first
                and any("first difference" in row for row in lines(screen))
            )
        )
        await person.press("tab")
        assert screen.page == COST
        assert any("no model call" in row or "$" in row for row in lines(screen))


async def test_the_matrix_leads_to_the_commit_that_lost_an_example(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.press("X")
        await person.until(
            lambda: isinstance(person.app.screen, MatrixScreen) and person.app.screen.ready,
            "the matrix",
        )
        screen = person.app.screen
        assert isinstance(screen, MatrixScreen)
        assert [row.label for row in screen._rows] == ["start", "1", "3"]
        await person.press("l", "l", "l", "enter")
        await person.until(
            lambda: isinstance(person.app.screen, CompareScreen) and person.app.screen.ready,
            "compared",
        )
        found = person.app.screen
        assert isinstance(found, CompareScreen)
        assert (found.sides[0].name, found.sides[1].name) == ("1", "3")
        assert found.rollout_key is not None and found.rollout_key[1].startswith("gate-")


@pytest.mark.slow
async def test_gate_example_is_excluded_with_a_reason_and_included_again(
    lived: Path,
) -> None:
    async with person_at(lived) as person:
        await person.press("X")
        await person.until(lambda: getattr(person.app.screen, "ready", False), "the matrix")
        await person.press("g", "j", "x", *"odd", "enter")
        await person.until(
            lambda: person.main.snapshot.evidence.excluded == {"gate-0": "odd"}, "it is left out"
        )
        assert "left out: odd" in lines(person.app.screen)[1]
        await person.press("x")
        await person.until(lambda: not person.main.snapshot.evidence.excluded, "it is in again")
        assert "left out" not in lines(person.app.screen)[1]
