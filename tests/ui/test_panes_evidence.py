"""Evidence steered: horizon and batch staged, examples pinned and left out for good, hints taken
back, the prompt to the letter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import visit
from sample import Stage
from scene import NASTY, Host, evidence, is_harmless, settle, snapshot, visible_lines
from textual.pilot import Pilot

from genopt_tui.config import DesignChoices
from genopt_tui.ui.messages import CopyRequested
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.screens.dialogs import TextDialog
from genopt_tui.ui.state.snapshot import EvidenceView
from genopt_tui.ui.widgets.text_layout import break_text
from genopt_tui.ui.widgets.update_plan import UpdatePlan, build_plan, move_horizon, resize_batch


@asynccontextmanager
async def shown(
    view: EvidenceView, size: tuple[int, int] = (80, 30)
) -> AsyncIterator[tuple[Host, EvidencePane, Pilot[Any]]]:
    pane = EvidencePane()
    host = Host(pane, snapshot(evidence=view))
    async with host.run_test(size=size) as pilot:
        await settle(pilot)
        yield host, pane, pilot


def text(pane: EvidencePane) -> str:
    return "\n".join(visible_lines(pane.view))


def to(pane: EvidencePane, what: str) -> None:
    """Put the cursor on the row about `what`."""
    pane.parts.go_to_line(next(y for y, (_, name) in pane._rows.about.items() if name == what))


async def test_enter_applies_staged_horizon_and_batch_together() -> None:
    async with shown(evidence()) as (host, pane, pilot):
        pane.act("shorter")
        pane.act("shorter")
        pane.act("more")
        await settle(pilot)
        assert "the first 100 steps, until now the first 400 steps" in text(pane)
        assert "3 rollouts, shuffled, until now 2 rollouts, shuffled" in text(pane)
        assert "Enter applies this, Esc drops it" in text(pane)
        assert host.wanted == []
        pane.act("open")
        await settle(pilot)
        assert host.wanted == [("set", {"pairs": ["horizon.steps=100", "batch.size=3"]})]
        pane.feed(
            snapshot(
                evidence=evidence(staged=("horizon.steps=100", "batch.size=3", "memory.size=9"))
            )
        )
        await settle(pilot)
        assert "waits for the next step" in text(pane)
        assert "memory.size=9" in text(pane)


async def test_escape_drops_staged_changes_and_undoing_them_stages_nothing() -> None:
    async with shown(evidence()) as (host, pane, pilot):
        pane.act("longer")
        assert pane.leave_mode()
        assert "Enter applies" not in text(pane)
        pane.act("more")
        pane.act("less")
        pane.act("open")
        await settle(pilot)
        assert "Enter applies" not in text(pane)
        assert host.wanted == []
        assert not pane.leave_mode()


def test_the_horizon_goes_from_all_to_the_first_steps_and_back() -> None:
    plan = UpdatePlan("all", 400, 2)
    assert move_horizon(plan, 1, 812) == plan
    shorter = move_horizon(plan, -1, 812)
    assert shorter == UpdatePlan("first", 400, 2)
    assert move_horizon(move_horizon(shorter, -1, 812), 1, 812) == shorter
    assert move_horizon(shorter, 1, 812) == UpdatePlan("all", 400, 2)
    assert move_horizon(UpdatePlan("around-error", 400), 1, 812) == UpdatePlan(
        "around-error", 400
    ), "around the whole trace is no horizon"
    assert move_horizon(UpdatePlan("last", 1), -1, 812) == UpdatePlan("last", 1)
    assert move_horizon(UpdatePlan("first", 300), 1, 812).steps == 400
    assert shorter.list_pairs(plan) == ["horizon.kind=first"]
    assert resize_batch(UpdatePlan(size=1), -1).size == 1


def test_staging_starts_from_changes_that_already_wait() -> None:
    design = {"horizon": {"kind": "first", "steps": 400}, "batch": {"size": 2}}
    assert build_plan(design, ["batch.size=5", "gate.rule=always"]) == UpdatePlan("first", 400, 5)
    assert build_plan(design, ["horizon.steps=nonsense"]).kind == "first"


async def test_pin_is_sent_at_once_and_shown_until_removed() -> None:
    async with shown(evidence()) as (host, pane, pilot):
        to(pane, "seed-3")
        pane.act("pin")
        await pilot.pause()
        assert host.wanted == [("examples", {"pinned": ["seed-3"]})]
        pane.act("next_tab")
        await settle(pilot)
        assert "seed-3 in every batch" in text(pane)
        pane.feed(snapshot(evidence=evidence(pinned=("seed-3",), editable=True)))
        await settle(pilot)
        to(pane, "seed-3")
        assert pane.get_choices() == ((), ("seed-3",))
        pane.act("pin")
        await pilot.pause()
        assert host.wanted[-1] == ("examples", {"pinned": []})


async def test_exclusion_needs_a_reason_and_can_be_undone() -> None:
    async with shown(evidence()) as (host, pane, pilot):
        to(pane, "seed-1")
        for answer in ("", "a broken seed"):
            pane.act("exclude")
            await pilot.pause()
            assert isinstance(host.screen, TextDialog)
            await pilot.press(*answer, "enter")
            await settle(pilot)
        assert host.wanted == [("examples", {"excluded": {"seed-1": "a broken seed"}})]
        pane.feed(snapshot(evidence=evidence(excluded={"seed-9": "a broken seed"})))
        pane.act("next_tab")
        await settle(pilot)
        assert "seed-9 for good: a broken seed" in text(pane)
        to(pane, "seed-9")
        pane.act("exclude")
        await pilot.pause()
        assert host.wanted[-1] == ("examples", {"excluded": {"seed-9": None}})


async def test_standing_hints_are_listed_and_removed() -> None:
    async with shown(
        evidence(standing_hints=("mind the walls",), hints=("look at [seed-3]",), editable=True)
    ) as (
        host,
        pane,
        pilot,
    ):
        assert "standing mind the walls" in text(pane)
        assert "hint     look at [seed-3]" in text(pane)
        assert pane.why_not("exclude") == ""
        to(pane, "mind the walls")
        pane.act("exclude")
        await pilot.pause()
        assert host.wanted == [("hint", {"text": "mind the walls", "always": True, "remove": True})]


async def test_key_without_a_target_says_why() -> None:
    async with shown(evidence()) as (_, pane, pilot):
        pane.act("next_tab")
        await settle(pilot)
        for name in ("toggle", "pin", "exclude"):
            assert pane.why_not(name)
        pane.feed(
            snapshot(evidence=evidence(design={"horizon": {"kind": "python:mine.py:choose"}}))
        )
        assert "your own function" in pane.why_not("shorter")
        pane.feed(snapshot(evidence=evidence(design={})))
        assert pane.why_not("more")


async def test_choices_apply_to_the_waiting_step_only() -> None:
    async with shown(evidence(editable=True)) as (host, pane, pilot):
        pane.act("shorter")
        await settle(pilot)
        assert "Enter applies this to this step alone" in text(pane)
        assert "from step 13 on" in text(pane)
        pane.act("open")
        await pilot.pause()
        assert host.wanted == [("stage", {"step": 13, "pairs": ["horizon.steps=200"]})]
        pane.feed(snapshot(evidence=evidence(editable=True, staged=("horizon.steps=200",))))
        await settle(pilot)
        assert "the first 200 steps, until now the first 400 steps" in text(pane)
        assert "for this step alone" in text(pane)


async def test_waiting_prompt_is_edited_in_place_and_shows_dropped_examples() -> None:
    async with shown(evidence(editable=True)) as (host, pane, pilot):
        to(pane, "seed-3")
        pane.act("toggle")
        await pilot.pause()
        assert host.wanted == [("preview", {"step": 13, "dropped": ["seed-3"], "pinned": []})]
        pane.feed(snapshot(evidence=evidence(editable=True, dropped=("seed-3",))))
        await settle(pilot)
        assert "[ ] seed-3" in text(pane)
        pane.act("edit_in_place")
        await settle(pilot)
        assert pane.editor is not None
        pane.editor.insert("Be bold.\n")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert pane.editor is None and pane.tabs.display and pane.view.has_focus
        kind, data = host.wanted[-1]
        assert (
            kind == "preview"
            and data["messages"][-1]["content"] == "Be bold.\n```python\nx = 1\n```"
        )
        assert data["messages"][0] == {"role": "system", "content": "You improve."}
        pane.feed(snapshot(evidence=evidence(editable=True, edited=True)))
        await settle(pilot)
        assert "edited by you" in str(pane.border_title)
        to(pane, "seed-1")
        pane.act("toggle")
        await pilot.press("n")
        assert len(host.wanted) == 2, "the edit is not lost unasked"
        pane.act("edit_in_place")
        pane.feed(snapshot(evidence=evidence()))
        await settle(pilot)
        assert pane.editor is None and "waits to be sent" in pane.why_not("edit_in_place")


async def test_nothing_is_staged_on_an_older_version() -> None:
    async with shown(evidence()) as (host, pane, pilot):
        pane.act("more")
        pane.feed(snapshot(evidence=evidence(step=3, design={}), is_historical=True))
        await settle(pilot)
        assert "older version" in pane.why_not("more")
        pane.act("open")
        await pilot.pause()
        assert host.wanted == []
        assert "Esc returns to the current version" in text(pane)
        assert "until now" not in text(pane)


async def test_whole_prompt_is_shown_and_copied_unchanged() -> None:
    content = (
        "# Objective\n\n**not** `markdown` [bold]x[/]\n" + "word " * 60 + "\n# Evidence\n- 1\n"
    )
    view = evidence(
        messages=(
            {"role": "system", "content": "Be careful."},
            {"role": "user", "content": content},
        )
    )
    async with shown(view, (50, 40)) as (host, pane, pilot):
        pane.act("whole_prompt")
        await settle(pilot)
        assert "**not** `markdown` [bold]x[/]" in text(pane)
        assert not any(row.endswith("›") for row in visible_lines(pane.view)), (
            "long lines are broken, not cut"
        )
        pane.act("next")
        pane.act("next")
        assert (
            "# Objective"
            in visible_lines(pane.view)[pane.view.cursor - int(pane.view.scroll_offset.y)]
        )
        pane.act("copy")
        await pilot.pause()
        copied = next(m for m in host.heard if isinstance(m, CopyRequested))
        assert copied.text == "Be careful.\n\n" + content
        assert copied.what == "the whole prompt"


@pytest.mark.parametrize(
    "line", ["", "a", "word " * 40, "x" * 95, "日本語 " * 20, "日本語" * 30, "a\u0301" * 60]
)
def test_joined_rows_of_a_wrapped_line_are_the_line(line: str) -> None:
    from rich.cells import cell_len

    rows = break_text(line, 17)
    assert "".join(rows) == line
    assert all(cell_len(row) <= 18 for row in rows)


async def test_hostile_evidence_is_shown_as_text() -> None:
    part = {
        "example": NASTY,
        "repeat": 1,
        "status": "error",
        "steps": 5,
        "shown": [[0, 4]],
        "tokens": 1,
    }
    sent = {
        "parts": [part],
        "sections": [{"name": NASTY, "tokens": 1, "cut": NASTY}],
        "covers": {"trace": NASTY},
        "tokens": 1,
    }
    view = evidence(
        sent=sent,
        standing_hints=(NASTY,),
        excluded={NASTY: NASTY},
        pinned=(NASTY,),
        staged=(f"a={NASTY}",),
        editable=True,
    )
    async with shown(view) as (_, pane, pilot):
        for _ in range(2):
            assert is_harmless(visible_lines(pane.view))
            pane.act("next_tab")
            await settle(pilot)


async def test_commands_to_the_runner_show_in_the_pane(session: Path, stage: Stage) -> None:
    stage.journal.append_event(0, "hint", text="mind the walls", always=True)
    stage.start("step")
    stage.roll_out()
    stage.want("propose")
    async with visit(session) as person:
        stage.journal.append_event(0, "hint", text="only once", always=False)
        stage.journal.append_event(0, "examples_set", pinned=["seed-1"])
        stage.journal.append_event(
            0, "design_set", pairs=["horizon.steps=200", "exclude.seed-9=broken"]
        )
        await person.until(lambda: person.main.snapshot.evidence.staged, "staged")
        e = person.main.snapshot.evidence
        assert (e.standing_hints, e.hints, e.pinned) == (
            ("mind the walls",),
            ("only once",),
            ("seed-1",),
        )
        assert e.excluded == {"seed-9": "broken"}
        stage.event(
            "prompt_preview",
            messages=[{"role": "user", "content": "improve it"}],
            tokens=9,
            sections=[],
        )
        await person.until(
            lambda: person.main.snapshot.evidence.messages, "the prompt before it is sent"
        )
        await person.until(
            lambda: person.main.snapshot.evidence.design.get("horizon"), "the design choices"
        )
        await person.press("4", "+", "enter")
        pairs = [f"batch.size={DesignChoices().batch.size + 1}"]
        assert await person.command(stage) == ("stage", {"step": stage.step, "pairs": pairs})
