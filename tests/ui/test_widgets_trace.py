"""Traces of any length: what is asked for, opened, stepped, searched and filtered."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import visit
from sample import Stage
from scene import NASTY, Host, is_harmless, observed, picture, settle, snapshot, step, visible_lines

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.messages import TraceRequested
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.state.snapshot import TraceSource
from genopt_tui.ui.widgets.picture_view import (
    Box,
    find_boxes,
    fit_size,
    render_half_blocks,
    scale_pixels,
    unpack_pixels,
)
from genopt_tui.ui.widgets.trace_lines import TraceLines, build_text_test


def pane(steps: int = 812, shown: tuple[tuple[int, int], ...] | None = ((0, 399),)) -> Host:
    source = TraceSource(1, "seed-1", 0, steps, -21.0, "ok", shown)
    return Host(TracePane(), snapshot(traces=(source,)))


def inside(host: Host) -> TracePane:
    assert isinstance(host.widget, TracePane)
    return host.widget


def asked(host: Host) -> int:
    return sum(m.count for m in host.heard if isinstance(m, TraceRequested))


async def test_only_steps_near_the_visible_ones_are_requested() -> None:
    host = pane(1_000_000)
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        view = inside(host).view
        view.act_bottom()
        await settle(pilot)
        assert view.step == 999_999
        assert "999999" in visible_lines(view)[-1]
        assert "act" in visible_lines(view)[-1]
        assert asked(host) < 300


async def test_opened_steps_show_calls_and_close_again() -> None:
    host = pane()
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        view, before = inside(host).view, len(inside(host).view.trace)
        view.act_open()
        await settle(pilot)
        assert len(view.trace) > before
        text = "".join(row.strip() for row in visible_lines(view))
        assert "policy.Policy.predict_ball(obs=" in text
        assert "112" in text, "what does not fit into a line goes on in the next"
        view.act_down()
        assert view.step == 0, "a detail belongs to its step"
        view.act_step_on()
        assert view.step == 1
        view.act_step_back()
        view.act_open()
        assert len(view.trace) == before


async def test_next_and_previous_go_to_rewards_and_errors() -> None:
    host = pane()
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        view, places = inside(host).view, []
        for _ in range(3):
            view.act_next()
            await settle(pilot)
            places.append(view.step)
        assert places == [117, 235, 299]
        view.act_prev()
        await settle(pilot)
        assert view.step == 235
        assert "reward -1" in str(inside(host).border_title)
        view.act_top()
        view.act_prev()
        await settle(pilot)
        assert view.step == 707, "around the beginning"


async def test_scan_of_a_long_trace_finds_far_steps_and_can_be_cancelled() -> None:
    host = pane(5000)
    host.steps = lambda i: step(i) if i != 4321 else TraceStep(i, "the Needle")
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        view = inside(host).view
        view.search("Needle")
        await settle(pilot)
        assert view.step == 4321
        view.search("nowhere")
        view._scanner.cancel()
        await settle(pilot)
        assert view.step == 4321


async def test_filter_shows_eventful_steps_and_escape_shows_all() -> None:
    host = pane()
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        inside(host).act("filter")
        await settle(pilot)
        view = inside(host).view
        assert len(view.trace) == 8
        view.act_step_on()
        assert view.step == 235
        assert inside(host).leave_mode()
        await settle(pilot)
        assert len(view.trace) == 812
        assert view.step == 235


async def test_steps_outside_the_horizon_are_dim() -> None:
    trace = TraceLines(TraceSource(1, "s", 0, 500, shown=((0, 99), (400, 450))))
    for number in (0, 99, 100, 399, 400, 451):
        trace.known[number] = step(number)
    dim = {
        y for y in (0, 99, 100, 399, 400, 451) if all("dim" in look for _, look in trace.draft(y))
    }
    assert dim == {100, 399, 451}


async def test_playing_goes_on_until_a_move_or_the_end() -> None:
    host = pane(40)
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        view = inside(host).view
        view.act_toggle()
        assert view.playing
        view.act_down()
        assert not view.playing
        view.act_toggle()
        while view.playing:
            await pilot.pause(0.02)
        assert view.step == 39


async def test_steps_of_examples_are_shown_and_unknown_examples_reported() -> None:
    host = Host(TracePane(), snapshot())
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        inside(host).show_step("seed-1", 400)
        await settle(pilot)
        assert inside(host).view.step == 400
        assert "seed-1" in str(inside(host).border_title)
        assert "outside the horizon" in str(inside(host).border_title)
        inside(host).show_step("[/no]", 1)
        await settle(pilot)
        assert [n.message for n in host._notifications] == ["no trace of [/no] in this step"]


@pytest.mark.parametrize(
    ("size", "picture"),
    [
        ((100, 40), (61, 40)),
        ((63, 17), (26, 17)),
        ((45, 40), (30, 20)),
        ((45, 10), None),
        ((100, 6), None),
    ],
)
async def test_picture_uses_the_room_that_the_list_leaves(
    size: tuple[int, int], picture: tuple[int, int] | None
) -> None:
    host = pane()
    async with host.run_test(size=size) as pilot:
        await settle(pilot)
        scene = inside(host).pictures
        assert scene.shown == (picture is not None)
        if picture:
            assert tuple(scene.views[0].size) == picture
            assert inside(host).view.size.width >= min(36, size[0])


async def test_list_gets_all_room_without_pictures() -> None:
    host = pane()
    host.picture = lambda i: None
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        assert not inside(host).pictures.shown
        assert inside(host).view.size.width == 100


def compared(steps: int = 812) -> Host:
    """A rollout, and the marked version's of the same example: it acts otherwise at steps 50 and
    60, and ends at 400."""
    one = TraceSource(1, "seed-1", 0, steps, -21.0, "ok", None)
    other = TraceSource(7, "seed-1", 0, 400, -3.0, "ok", None)
    host = Host(TracePane(), snapshot(traces=(one,), marked_traces=(other,), mark_label="4"))
    host.steps_of = lambda rollout, i: (
        replace(step(i), action=9) if rollout == 7 and i in {50, 60} else step(i)
    )
    return host


async def test_marked_version_is_beside_and_differences_are_found() -> None:
    host = compared()
    async with host.run_test(size=(140, 30)) as pilot:
        await settle(pilot)
        pane = inside(host)
        pane.act("whole_prompt")
        await settle(pilot)
        assert "beside 4 (-3)" in str(pane.border_title)
        assert all(view.display for view in pane.pictures.views)
        places = []
        for _ in range(3):
            pane.act("next")
            await settle(pilot)
            places.append(pane.view.step)
        assert places == [50, 60, 400], "where the other trace has ended all is different"
        pane.view.go_to_step(50)
        await settle(pilot)
        row = next(text for text in visible_lines(pane.view) if text.startswith("▸  50"))
        left, right = row.split("│")
        assert "act 2" in left
        assert "act 9" in right
        assert pane.leave_mode()
        await settle(pilot)
        assert "│" not in "".join(visible_lines(pane.view))
        assert pane.view.step == 50, "the reader stays where he was"


async def test_details_of_both_versions_are_side_by_side() -> None:
    host = compared()
    async with host.run_test(size=(140, 30)) as pilot:
        await settle(pilot)
        pane = inside(host)
        pane.act("whole_prompt")
        await settle(pilot)
        pane.act("open")
        await settle(pilot)
        assert any(text.count("Ball: 77") == 2 for text in visible_lines(pane.view))


async def test_filter_beside_another_version_shows_differences() -> None:
    host = compared(405)
    async with host.run_test(size=(140, 30)) as pilot:
        await settle(pilot)
        pane = inside(host)
        pane.act("whole_prompt")
        await settle(pilot)
        pane.act("filter")
        await settle(pilot)
        assert list(pane.view.trace.kept or ()) == [50, 60, 400, 401, 402, 403, 404]
        assert "only 7 steps with a difference" in str(pane.border_title)


async def test_comparing_without_a_mark_or_its_trace_says_why() -> None:
    host = pane()
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert "mark a version" in inside(host).why_not("whole_prompt")
        stranger = TraceSource(8, "seed-2", 0, 10)
        inside(host).feed(
            snapshot(traces=inside(host).traces, marked_traces=(stranger,), mark_label="4")
        )
        assert inside(host).why_not("whole_prompt") == "version 4 was never traced on seed-1"
        inside(host).feed(
            snapshot(traces=inside(host).traces, marked_traces=inside(host).traces, mark_label="4")
        )
        assert inside(host).why_not("whole_prompt") == "this is the trace of version 4 itself"


@pytest.mark.parametrize("size", [(61, 18), (100, 24), (198, 50)])
async def test_two_pictures_leave_room_for_two_halves(size: tuple[int, int]) -> None:
    host = compared()
    async with host.run_test(size=size) as pilot:
        await settle(pilot)
        inside(host).act("whole_prompt")
        await settle(pilot)
        assert inside(host).pictures.shown
        assert all(view.size.width >= 12 for view in inside(host).pictures.views)
        assert inside(host).view.size.width >= min(2 * 36, size[0])
        assert inside(host).view.size.height >= 5


async def test_next_page_is_read_ahead() -> None:
    host = pane(1_000_000)
    async with host.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        view = inside(host).view
        view.go_to_line(500_000)
        await settle(pilot)
        for turn in (view.act_page_down, view.act_page_up, view.act_page_up):
            turn()
            assert not any(number not in view.trace.known for number in view._list_steps(0))
            await settle(pilot)


async def test_click_on_another_rollout_shows_its_steps_and_picture() -> None:
    two = (TraceSource(1, "seed-1", 0, 812, -21.0), TraceSource(2, "seed-3", 0, 700, -9.0))
    host = Host(TracePane(), snapshot(traces=two))
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        inside(host).pictures.views[0].picture = None
        await pilot.click("Tabs", offset=(2, 0))
        await settle(pilot)
        assert str(inside(host).border_title).startswith("3 Trace seed-1 (-21)")
        assert "act" in visible_lines(inside(host).view)[0]
        assert inside(host).pictures.shown
        inside(host).act("next_tab")
        await settle(pilot)
        assert str(inside(host).border_title).startswith("3 Trace seed-3 (-9)")


async def test_hostile_steps_are_shown_as_text() -> None:
    host = pane()
    host.steps = lambda i: TraceStep(
        i,
        {NASTY: NASTY, "x": [NASTY]},
        NASTY,
        -1.0,
        {NASTY: NASTY},
        (Call(NASTY, {NASTY: NASTY}, NASTY, NASTY, 10**9),),
        3,
    )
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        inside(host).view.act_open()
        await settle(pilot)
        assert is_harmless(visible_lines(inside(host).view))


def test_search_in_steps_includes_calls() -> None:
    assert build_text_test("predict_ball(obs")(step(0), None)
    assert not build_text_test("nothing of this")(step(0), None)


def test_every_observed_object_is_at_least_one_cell() -> None:
    shot = picture(3)
    width, height = fit_size(shot, 20, 10)
    assert width <= 20
    assert height <= 20
    assert height % 2 == 0
    rows = unpack_pixels(shot)
    drawn = scale_pixels(rows, width, height, find_boxes(observed(3)))
    for ink in (1, 2):
        cells = [
            (x, y)
            for y in range(0, height, 2)
            for x in range(width)
            if drawn[y][x] == ink and drawn[y + 1][x] == ink
        ]
        assert cells, f"object {ink} fills no cell"


def test_half_blocks_show_both_pixels_of_a_cell() -> None:
    lines = render_half_blocks(
        [bytearray([0, 0, 1]), bytearray([1, 1, 1])], bytes([0, 0, 0, 255, 255, 255])
    )
    assert [segment.text for segment in lines[0]] == ["▀▀", "▀"]
    first = lines[0][0].style
    assert first is not None
    assert first.color is not None
    assert first.bgcolor is not None
    assert (first.color.triplet, first.bgcolor.triplet) == ((0, 0, 0), (255, 255, 255))


def test_objects_are_found_anywhere_in_an_observation() -> None:
    assert find_boxes(
        {"a": {"x": 1, "y": 2, "w": 3, "h": 4}, "b": [{"x": 5, "y": 6, "w": 7, "h": 8}], "c": "x"}
    ) == [
        Box(1, 2, 3, 4),
        Box(5, 6, 7, 8),
    ]
    assert find_boxes({"x": "no", "y": None, "w": 1, "h": 1}) == []
    assert find_boxes(None) == []


async def test_scan_of_a_damaged_trace_ends(session: Path, stage: Stage) -> None:
    stage.start()
    stage.roll_out()
    stage.journal.database.execute("UPDATE trace SET blob = x'00' WHERE rowid > 1")
    async with visit(session, (160, 45)) as person:
        await person.press("3", "]")
        await person.until(
            lambda: "no reward or error found" in str(person.main.pane(3).border_title), "an end"
        )
        assert "is damaged" in person.said
