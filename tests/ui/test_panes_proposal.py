"""Proposals: several candidates, editing in place, the gate as it comes, what hunks are worth,
promises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from scene import (
    BEFORE,
    FILES,
    NASTY,
    NEW,
    OLD,
    Host,
    is_harmless,
    proposal,
    settle,
    snapshot,
    visible_lines,
)
from textual.pilot import Pilot

from genopt_tui.durations import format_duration
from genopt_tui.learn.edit.diff import apply_hunks
from genopt_tui.session.progress import Candidate
from genopt_tui.ui.messages import CandidateSelected, ProposalEdited, TraceStepSelected
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.panes.proposal_text import (
    build_gate_rows,
    format_reason,
    format_tab,
)
from genopt_tui.ui.screens.dialogs import ChoiceDialog
from genopt_tui.ui.state.snapshot import ProposalView
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.safe_text import explain_not_editable

GATE = {
    "mean": 15.6,
    "difference": 1.4,
    "verdict": "better",
    "n": 10,
    "promises": 3,
    "promises_kept": 1,
    "session_promises": [9, 21],
}


@asynccontextmanager
async def shown(
    *views: ProposalView, size: tuple[int, int] = (100, 40)
) -> AsyncIterator[tuple[Host, ProposalPane, Pilot[Any]]]:
    pane = ProposalPane()
    host = Host(pane, snapshot(proposals=views))
    async with host.run_test(size=size) as pilot:
        await settle(pilot)
        yield host, pane, pilot


def text(pane: ProposalPane) -> str:
    return "\n".join(visible_lines(pane.view))


async def test_candidates_are_tabs() -> None:
    first = proposal(gate=GATE, decision="")
    second = proposal(
        number=1,
        label="13b",
        candidate=Candidate(1, edit={"origin": {"candidate": 0, "hunks": [1, 2]}}),
    )
    third = proposal(
        number=2,
        label="13c",
        decision="not chosen",
        candidate=Candidate(2, edit={"whatif": ["horizon.steps=1"]}),
    )
    async with shown(first, second, third) as (host, pane, pilot):
        assert pane.tabs.names == (
            "13 +1.4 up",
            "13b hunks 1, 2",
            "13c if horizon.steps=1 not chosen",
        )
        assert pane.tabs.active == 2, "the newest one, where none is asked about"
        pane.act("next_tab")
        await pilot.pause()
        await pilot.click("Tabs", offset=(14, 0))
        await settle(pilot)
        assert [(m.step, m.number) for m in host.heard if isinstance(m, CandidateSelected)] == [
            (13, 0),
            (13, 1),
        ]
        pane.feed(snapshot(proposals=(first, second, third), chosen_candidate=(13, 1)))
        await settle(pilot)
        assert pane.tabs.active == 1
        assert str(pane.border_title).startswith("5 Proposal 13b")


def test_edited_is_shown_once() -> None:
    assert (
        format_tab(
            proposal(decision="edited", candidate=Candidate(1, edit={"origin": {"candidate": 0}}))
        )
        == "13 edited"
    )


def test_reused_edit_names_its_step() -> None:
    old = proposal(
        step=14, label="14", candidate=Candidate(0, edit={"origin": {"step": 13, "candidate": 0}})
    )
    assert format_tab(old) == "14 as in 13"


async def test_one_candidate_has_no_tabs() -> None:
    async with shown(proposal()) as (_, pane, _pilot):
        assert not pane.tabs.display
        assert pane.why_not("next_tab")


async def test_an_edit_in_place_becomes_a_new_candidate() -> None:
    async with shown(proposal()) as (host, pane, pilot):
        pane.act("next")
        pane.act("next")
        pane.act("edit_in_place")
        await settle(pilot)
        assert pane.editor is not None
        assert pane.editor.has_focus
        assert "policy.py" in str(pane.edits.slot.hint.content)
        line = pane.editor.cursor_location[0]
        assert NEW.splitlines()[line] == "", "where the hunk under the cursor begins to change"
        await pilot.press("#", "a", "[", "ctrl+s")
        await settle(pilot)
        edited = next(m for m in host.heard if isinstance(m, ProposalEdited))
        lines = NEW.splitlines(keepends=True)
        lines[line] = "#a[" + lines[line]
        assert edited.files == {**FILES, "policy.py": "".join(lines)}
        assert pane.editor is None
        assert pane.view.has_focus


async def test_edit_in_place_keeps_hunks_left_out() -> None:
    async with shown(proposal()) as (host, pane, pilot):
        pane.act("next")
        pane.act("toggle")
        assert str(pane.scores.content).startswith("gate 4/10")
        left = apply_hunks(BEFORE, FILES, {2})
        assert pane.get_kept_files() == left
        assert left["policy.py"] not in {NEW, OLD}
        pane.act("next")
        pane.act("edit_in_place")
        await settle(pilot)
        assert pane.editor is not None
        assert pane.editor.text == left["policy.py"]
        line = pane.editor.cursor_location[0]
        assert left["policy.py"].split("\n")[line] == NEW.split("\n")[line + 1], (
            "one line less stands above it"
        )
        await pilot.press("#", "ctrl+s")
        await settle(pilot)
        edited = next(m for m in host.heard if isinstance(m, ProposalEdited))
        rows = left["policy.py"].split("\n")
        rows[line] = f"#{rows[line]}"
        assert edited.files == {**left, "policy.py": "\n".join(rows)}


async def test_scores_beside_a_partial_edit_name_the_whole_edit() -> None:
    async with shown(proposal(gate={**GATE, "scores": list(scores(4))})) as (_, pane, pilot):
        assert str(pane.scores.content).startswith("gate by example  seed-")
        pane.act("next")
        pane.act("toggle")
        await settle(pilot)
        assert str(pane.scores.content).startswith("gate by example, of the whole edit")


async def test_escape_restores_the_models_edit() -> None:
    async with shown(proposal(edited=True)) as (host, pane, pilot):
        for answer, said in (("n", []), ("y", [None])):
            assert pane.leave_mode()
            await pilot.pause()
            await pilot.press(answer)
            await settle(pilot)
            assert [m.files for m in host.heard if isinstance(m, ProposalEdited)] == said
        pane.feed(snapshot(proposals=(proposal(),)))
        await settle(pilot)
        assert not pane.leave_mode()


async def test_leaving_the_editor_asks_only_after_a_change() -> None:
    async with shown(proposal()) as (host, pane, pilot):
        pane.act("edit_in_place")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert pane.editor is None
        for answer, left in (("escape", True), ("d", False)):
            if pane.editor is None:
                pane.act("edit_in_place")
                await settle(pilot)
            await pilot.press("x", "escape")
            await pilot.pause()
            assert isinstance(host.screen, ChoiceDialog)
            await pilot.press(answer)
            await settle(pilot)
            assert (pane.editor is not None) == left
        assert not any(isinstance(m, ProposalEdited) for m in host.heard)


async def test_new_scores_keep_the_editor_open_and_another_step_closes_it() -> None:
    async with shown(proposal()) as (_, pane, pilot):
        pane.act("edit_in_place")
        await settle(pilot)
        await pilot.press("x")
        pane.feed(snapshot(proposals=(proposal(gate_scores=()),)))
        await settle(pilot)
        assert pane.editor is not None
        assert pane.editor.display
        assert not pane.diff.display
        pane.feed(snapshot(proposals=(proposal(step=14, files=None, text="next"),)))
        await settle(pilot)
        assert pane.editor is None
        assert pane.view is pane.reply
        assert pane.view.display


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a\tb\n", ""),
        ("a\r\nb\r\n", ""),
        ("a\r\nb\n", "mixes"),
        ("\x1b[2J", "cannot be shown"),
        ("x" * 200_001, "200001"),
    ],
)
def test_text_that_cannot_be_shown_is_not_edited_in_place(content: str, reason: str) -> None:
    assert reason in explain_not_editable(content)
    assert bool(explain_not_editable(content)) == bool(reason)


async def test_a_deleted_file_and_a_decided_proposal_are_not_edited() -> None:
    async with shown(proposal(files={"notes.md": FILES["notes.md"]})) as (_, pane, pilot):
        assert pane.why_not("edit_in_place") == "the edit deletes this file"
        pane.feed(snapshot(proposals=(proposal(decision="approved"),)))
        await settle(pilot)
        assert "already decided" in pane.why_not("edit_in_place")


async def test_hunks_show_position_worth_and_reasons() -> None:
    worth = {1: {"worth": 1.1, "verdict": "better"}, 2: {"worth": None}}
    view = proposal(gate=GATE, hunk_worth=worth, because=(("seed-3", 117), ("seed-1", 9)))
    async with shown(view) as (host, pane, pilot):
        assert "hunk 1 of 2  lines 8-9 in class Policy  +1.1 of +1.4" in text(pane)
        assert "@@" not in text(pane)
        for _ in range(2):
            pane.act("next")
            pane.act("open")
        await pilot.pause()
        assert [(m.example, m.step) for m in host.heard if isinstance(m, TraceStepSelected)] == [
            ("seed-3", 117),
            ("seed-1", 9),
        ]


async def test_promises_are_counted_and_a_users_edit_is_named() -> None:
    async with shown(proposal(gate=GATE)) as (_, pane, pilot):
        assert "expects seed-3 up  promised 3, kept 1 (session 9 of 21)" in text(pane)
        expects = (("seed-3", "up"), ("seed-9", "up"))
        view = proposal(gate=GATE, expects=expects, unchecked=("seed-9",))
        pane.feed(snapshot(proposals=(view,)))
        await settle(pilot)
        assert "not checked seed-9: not scored" in text(pane)
        pane.feed(snapshot(proposals=(proposal(gate=None, gate_scores=(), edited=True),)))
        await settle(pilot)
        assert "edited by you" in str(pane.border_title)


async def test_reason_for_rejection_is_above_the_edit() -> None:
    view = proposal(decision="rejected", reason="it copies\nthe [/] board")
    async with shown(view) as (_, pane, pilot):
        assert "rejected: it copies the [/] board" in text(pane)
        pane.feed(snapshot(proposals=(proposal(decision="approved", reason="better"),)))
        await settle(pilot)
        assert "approved: better" not in text(pane)


@pytest.mark.parametrize(
    ("decision", "reason", "shown_reason"),
    [
        ("rejected", "too bold", "rejected: too bold"),
        ("undecided", "undecided: 1 -> 2, n=3", "undecided: 1 -> 2, n=3"),
        ("rejected", " ", ""),
        ("gate", "better: 1 -> 2, n=3", ""),
    ],
)
def test_a_reason_names_its_decision_once(decision: str, reason: str, shown_reason: str) -> None:
    assert format_reason(decision, reason) == shown_reason


async def test_raw_reply_is_shown_unchanged() -> None:
    async with shown(proposal(text="# A\n**not** bold\n<<<<<<< SEARCH\n" + "word " * 60)) as (
        _,
        pane,
        pilot,
    ):
        pane.act("raw")
        await settle(pilot)
        assert "**not** bold" in text(pane)
        assert "›" not in text(pane)


async def test_a_reply_that_brings_a_scroll_bar_loses_no_cell_to_it() -> None:
    async with shown(proposal(text="x" * 100 + "\n" + "word\n" * 80)) as (_, pane, pilot):
        pane.act("raw")
        for _ in range(500):  # the bar comes a refresh after the lines
            await settle(pilot)
            longest = max(
                len(to_plain_text(pane.raw_view.get_line(y)))
                for y in range(len(pane.raw_view.source))
            )
            if pane.raw_view.show_vertical_scrollbar and longest == pane.raw_view.line_width:
                break
        assert pane.raw_view.show_vertical_scrollbar
        assert longest == pane.raw_view.line_width


def scores(count: int, **more: Any) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"example": f"seed-{1000 + i}", "score": -21.0 + i, "status": "ok", "seconds": 3.0, **more}
        for i in range(count)
    )


def test_running_gate_shows_progress_and_time_left() -> None:
    rows = build_gate_rows(proposal(gate_scores=scores(4), gate_size=10), 60, workers=2)
    assert rows == ["gate 4/10, about 9 s left  seed-…", "1000 -21  1001 -20  1002 -19  1003 -18"]
    cached = build_gate_rows(proposal(gate_scores=scores(4, cached=True), gate_size=10), 60)
    assert cached[0] == "gate 4/10  seed-…", "nothing is foretold from what took no time"


def test_a_finished_gate_shows_both_scores_and_never_more_than_three_rows() -> None:
    rows = build_gate_rows(proposal(gate={"scores": list(scores(50, base=-3))}), 60)
    assert rows[0] == "gate by example  seed-…"
    assert rows[1].startswith("1000 -3→-21  1001 -3→-20")
    assert len(rows) == 3
    assert rows[2].endswith("and 43 more")
    failed = build_gate_rows(
        proposal(gate_scores=({"example": "a", "score": None, "status": "timeout"},)), 60
    )
    assert failed == ["gate 1/10", "a timeout"]
    assert build_gate_rows(proposal(gate_scores=()), 60) == []


def test_durations_are_short() -> None:
    assert [format_duration(s) for s in (0.2, 12, 200, 9000)] == [
        "1 s",
        "12 s",
        "3 min",
        "2.5 h",
    ]


async def test_hostile_candidates_are_shown_as_text() -> None:
    edit = {"origin": {"pairs": [NASTY]}}
    view = proposal(
        label=NASTY,
        decision=NASTY,
        candidate=Candidate(0, edit=edit),
        base={NASTY: OLD},
        files={NASTY: NEW},
    )
    rows = ({"example": NASTY, "status": NASTY, "score": None},)
    async with shown(view, replace(view, number=1, gate_scores=rows)) as (_, pane, pilot):
        assert is_harmless(pane.tabs.names)
        assert is_harmless(str(pane.scores.content).split("\n"))
        assert is_harmless(visible_lines(pane.view))
        pane.feed(
            snapshot(
                proposals=(
                    replace(view, decision="", files={"a\x1b[2J.py": "x = 1\n"}, base=BEFORE),
                )
            )
        )
        await settle(pilot)
        pane.diff.go_to_line(pane.diff.diff.find_head(1))
        pane.act("edit_in_place")
        await settle(pilot)
        assert is_harmless([str(pane.edits.slot.hint.content)])
