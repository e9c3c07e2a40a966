"""Sizes of the panes: shared out without a gap, changed by key and by dragging an edge, and
remembered."""

from pathlib import Path

import pytest
from conftest import Visit, visit
from textual.geometry import Region
from textual.pilot import Pilot

from genopt_tui.ui import pane_layout, preferences


@pytest.mark.parametrize(
    ("layout", "width", "height"), [("wide", 200, 51), ("wide", 161, 27), ("two", 101, 33)]
)
def test_panes_fill_the_screen_without_gap_or_overlap(layout: str, width: int, height: int) -> None:
    boxes = pane_layout.place_panes(layout, pane_layout.DEFAULT_SHARES[layout], width, height)
    covered = [(x + i, y + j) for x, y, w, h in boxes.values() for i in range(w) for j in range(h)]
    assert sorted(boxes) == [1, 2, 3, 4, 5]
    assert len(covered) == len(set(covered)) == width * height


def test_a_pane_keeps_its_least_size_and_only_its_neighbour_gives_way() -> None:
    of = pane_layout.DEFAULT_SHARES["wide"]
    wide = pane_layout.divide_cells(of["columns"], 200)
    assert pane_layout.move_edge(of, pane_layout.Edge("columns", 0), 500, 200) == [
        wide[0] + wide[1] - 16,
        16,
        wide[2],
    ]
    assert pane_layout.move_edge(of, pane_layout.Edge("1", 0), -3, 50) == [4, 46]


def test_each_frame_between_two_panes_can_be_dragged() -> None:
    of = pane_layout.DEFAULT_SHARES["two"]
    assert (
        pane_layout.find_edge("two", of, 120, 30, 52, 3)
        == pane_layout.find_edge("two", of, 120, 30, 53, 3)
        == pane_layout.Edge("columns", 0)
    )
    assert pane_layout.find_edge("two", of, 120, 30, 10, 15) == pane_layout.Edge("0", 0)
    assert pane_layout.find_edge("two", of, 120, 30, 80, 15) == pane_layout.Edge("1", 1)
    assert pane_layout.find_edge("two", of, 120, 30, 80, 29) is None


def test_invalid_sizes_are_replaced() -> None:
    found = pane_layout.validate_shares({"wide": {"columns": [0, 1, 2], "1": [3, 4]}, "two": 5})
    assert found["wide"] == {"columns": [10, 12, 14], "1": [3, 4], "2": [10, 10]}
    assert found["two"]["columns"] == [8, 10]


async def drag(pilot: "Pilot[int]", start: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down(offset=start)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.pause()


def region(person: Visit, number: int) -> Region:
    return person.main.pane(number).region


@pytest.mark.parametrize("size", [(200, 55), (120, 35)])
@pytest.mark.slow
async def test_dragged_edges_are_remembered(session: Path, size: tuple[int, int]) -> None:
    async with visit(session, size) as person:
        right = region(person, 1).right
        await drag(person.pilot, (right - 1, 10), (right + 9, 12))
        assert region(person, 1).right == right + 9 == region(person, 2).x
        bottom = region(person, 3).bottom
        await drag(person.pilot, (size[0] - 20, bottom), (size[0] - 20, bottom - 3))
        assert region(person, 3).bottom == bottom - 3 == region(person, 5).y
        preferences.save_preferences(person.app.preferences)
        regions = [region(person, number) for number in range(1, 6)]
    async with visit(session, size) as person:
        assert [region(person, number) for number in range(1, 6)] == regions


async def test_a_click_on_an_edge_changes_nothing(session: Path) -> None:
    async with visit(session) as person:
        before = [region(person, number) for number in range(1, 6)]
        await person.pilot.click(offset=(before[0].right - 1, 10))
        assert [region(person, number) for number in range(1, 6)] == before


async def test_keys_make_the_pane_larger_and_smaller(session: Path) -> None:
    async with visit(session) as person:
        before = region(person, 5)
        await person.press("5", "plus")
        await person.until(lambda: region(person, 5).area > before.area, "a larger pane")
        assert region(person, 5).width > before.width and region(person, 5).height > before.height
        await person.press("minus")
        await person.until(lambda: region(person, 5) == before, "as it was")
