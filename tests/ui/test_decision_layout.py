"""While a decision waits its proposal has the room, and the learning curve fills what History
leaves free."""

from pathlib import Path

import pytest
from conftest import Visit, visit
from story import Scene, make_story

from genopt_tui.ui import pane_layout
from genopt_tui.ui.panes.history_text import draw_bar_chart, format_details
from genopt_tui.ui.state.snapshot import HistoryRow


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return make_story(tmp_path)


async def decide(person: Visit, scene: Scene) -> None:
    scene.start()
    scene.roll_out()
    scene.show_evidence()
    scene.ask()
    scene.edit()
    scene.gate()
    scene.want()
    await person.until(lambda: person.main.active == 5, "the pane of the decision")
    await person.pilot.pause()


def share(person: Visit, number: int) -> float:
    """The part of the room of all panes that one has."""
    panes, region = person.main.query_one("#panes").size, person.main.pane(number).region
    return region.area / (panes.width * panes.height)


async def test_a_wide_screen_gives_half_of_itself_to_the_decision(session: Path) -> None:
    with Scene(session) as scene:
        async with visit(session, (200, 55)) as person:
            before = share(person, 5)
            await decide(person, scene)
            assert before < 0.25
            assert 0.45 < share(person, 5) < 0.55
            assert all(pane.display for pane in person.main.panes)
            await person.press("3")
            assert share(person, 3) > 0.15, "a trace that is looked at gets its room back"


async def test_a_smaller_screen_leaves_a_strip_of_the_history(session: Path) -> None:
    with Scene(session) as scene:
        async with visit(session, (120, 35)) as person:
            await decide(person, scene)
            shown = {pane.NUMBER for pane in person.main.panes if pane.display}
            assert shown == {1, 5}
            assert share(person, 5) > 0.75
            await person.press("plus")
            await person.press("4")
            assert all(pane.display for pane in person.main.panes)


async def test_the_curve_fills_the_rows_under_the_history(session: Path) -> None:
    async with visit(session, (200, 55)) as person:
        pane = person.main.history_pane
        assert pane.curve.size.height == 20
        assert len(str(pane.curve.content).split("\n")) == 20
        await person.pilot.resize_terminal(80, 24)
        await person.pilot.pause()
        rows = len(pane.row_list.rows)
        assert pane.row_list.size.height >= rows, "no version gives way to the curve"


async def test_rejected_version_shows_its_reason(session: Path) -> None:
    async with visit(session, (120, 35)) as person:
        pane = person.main.history_pane
        rejected = next(row for row in pane.row_list.rows if row.decision == "rejected")
        pane.go_to_version(rejected.commit)
        await person.until(
            lambda: "rejected: too bold" in str(pane.details.content), "the reason is read"
        )


def test_accepted_version_needs_no_reason() -> None:
    row = HistoryRow("c", "3", 3, decision="approved", subject="aim")
    assert "why not" not in format_details(row, "why not")


def test_bars_go_from_the_lowest_to_the_highest_value() -> None:
    lines = draw_bar_chart([1.0, 3.0], 10, 4, "▁▂▃▄▅▆▇█")
    assert lines[0] == "3     ████"
    assert lines[-1] == "1 ▁▁▁▁████"
    assert len(draw_bar_chart([5.0] * 3, 10, 4, "_^")) == 4
    assert max(map(len, draw_bar_chart([*range(500)], 30, 5, "_^"))) <= 30


@pytest.mark.parametrize("layout", ["wide-decide", "two-decide"])
def test_panes_of_a_decision_fill_the_screen(layout: str) -> None:
    boxes = pane_layout.place_panes(layout, pane_layout.DEFAULT_SHARES[layout], 160, 40)
    assert sum(w * h for _, _, w, h in boxes.values()) == 160 * 40
    assert set(boxes) == pane_layout.list_panes(layout)
