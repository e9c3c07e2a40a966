"""The panes: what they are fed is what they show, and what they can do now they say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from scene import (
    BEFORE,
    FILES,
    HOSTILE,
    NASTY,
    NEW,
    Host,
    evidence,
    is_harmless,
    proposal,
    settle,
    snapshot,
    visible_lines,
)
from textual.pilot import Pilot

from genopt_tui.session.progress import Progress
from genopt_tui.ui.messages import BlameRequested, TraceStepSelected
from genopt_tui.ui.panes.artifact import ArtifactPane
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.panes.line_pane import LinePane
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.state.snapshot import EvidenceView, Snapshot, VersionView
from genopt_tui.ui.widgets.safe_text import PlainText

PANES: tuple[Callable[[], Pane], ...] = (ArtifactPane, TracePane, EvidencePane, ProposalPane)


def text_of(host: Host) -> str:
    """The rows of the view that has the keyboard."""
    assert isinstance(host.widget, LinePane)
    return "\n".join(visible_lines(host.widget.view))


def title(host: Host) -> str:
    return str(host.widget.border_title)


@pytest.mark.parametrize("size", [(200, 55), (120, 35), (80, 24)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("pane", PANES, ids=lambda p: p.__name__)  # type: ignore[attr-defined]
def test_looks(snap_compare: Any, pane: Callable[[], Pane], size: tuple[int, int]) -> None:
    async def rest(pilot: Pilot[Any]) -> None:
        await settle(pilot)

    assert snap_compare(Host(pane(), snapshot()), terminal_size=size, run_before=rest)


# artifact


async def test_artifact_opens_on_a_changed_file_and_switches_files() -> None:
    host = Host(ArtifactPane(), snapshot())
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ArtifactPane)
        assert title(host).startswith("2 Artifact policy.py  @12".replace("  ", " "))
        assert "┃" in text_of(host)
        pane.act("open")
        await settle(pilot)
        assert pane.shown_file == "notes.md"
        assert "# Notes" in text_of(host)


async def test_scope_without_a_match_is_reported_and_hides_no_code() -> None:
    version = VersionView("c", "12", FILES, BEFORE, ("policy.py:nothing_of_this",))
    host = Host(ArtifactPane(), snapshot(version=version))
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert "scope:" in title(host)
        assert "class Policy" in text_of(host)


async def test_artifact_keeps_its_position_when_only_the_record_arrives() -> None:
    whole = snapshot()
    assert whole.version is not None
    host = Host(ArtifactPane(), whole)
    async with host.run_test(size=(100, 12)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ArtifactPane)
        pane.act("bottom")
        pane.feed(replace(whole, version=replace(whole.version, record={"step": 12})))
        await settle(pilot)
        assert pane.view.cursor == len(NEW.splitlines()) - 1


async def test_changes_are_shown_against_parent_or_start() -> None:
    version = VersionView(
        "c",
        "12",
        FILES,
        BEFORE,
        ("policy.py",),
        start={"policy.py": NEW.replace("return 3", "return 4")},
    )
    host = Host(ArtifactPane(), snapshot(version=version))
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ArtifactPane)
        assert "6 lines changed" in title(host)
        pane.act("whole_prompt")
        await settle(pilot)
        assert "1 line changed since the start" in title(host)
        pane.act("next")
        assert "return 3" in visible_lines(pane.view)[pane.view.cursor]
        pane.feed(snapshot(version=replace(version, commit="d", start=FILES)))
        await settle(pilot)
        assert "equals the start" in pane.why_not("whole_prompt")


async def test_blame_is_requested_and_shown_once_per_block() -> None:
    version = VersionView("c", "12", {"policy.py": "a = 1\nb = 2\nc = 3\n"})
    host = Host(ArtifactPane(), snapshot(version=version))
    async with host.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ArtifactPane)
        pane.act("raw")
        await pilot.pause()
        assert [m.commit for m in host.heard if isinstance(m, BlameRequested)] == ["c"]
        pane.feed(snapshot(version=replace(version, blame={"policy.py": ("start", "start", "12")})))
        await settle(pilot)
        assert [row.split() for row in visible_lines(pane.view)[:3]] == [
            ["start", "1", "a", "=", "1"],
            ["2", "b", "=", "2"],
            ["12", "3", "c", "=", "3"],
        ]
        pane.act("raw")
        assert visible_lines(pane.view)[0].split()[0] == "1"


# evidence


async def test_sent_evidence_shows_horizon_and_what_the_score_covers() -> None:
    host = Host(EvidencePane(), snapshot())
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = text_of(host)
        for part in (
            "seed-1",
            "-21",
            "1.9k tok",
            "steps 0-399 of 812",
            "3 cut",
            "the first 400 steps",
            "812 steps",
        ):
            assert part in text
        assert "~6.1k/32k tok" in title(host)


async def test_examples_are_dropped_only_while_the_prompt_waits() -> None:
    host = Host(EvidencePane(), snapshot())
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, EvidencePane)
        assert pane.why_not("toggle")
        pane.feed(snapshot(evidence=evidence(editable=True)))
        await settle(pilot)
        assert pane.why_not("toggle") == ""
        pane.act("toggle")
        assert pane.get_choices() == (("seed-1",), ())
        assert "[ ] seed-1" in text_of(host)
        pane.act("next")
        pane.act("toggle")
        pane.act("toggle")
        assert pane.get_choices()[0] == ("seed-1",)
        pane.feed(snapshot(evidence=evidence(step=14)))
        assert pane.get_choices()[0] == (), "another step begins with everything in"


async def test_enter_on_an_example_goes_to_its_trace() -> None:
    host = Host(EvidencePane(), snapshot())
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(host.widget, EvidencePane)
        host.widget.act("next")
        host.widget.act("open")
        await pilot.pause()
        assert [(m.example, m.step) for m in host.heard if isinstance(m, TraceStepSelected)] == [
            ("seed-3", 0)
        ]


async def test_the_whole_prompt_opens_and_escape_leaves_it() -> None:
    host = Host(EvidencePane(), snapshot())
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, EvidencePane)
        pane.act("whole_prompt")
        await settle(pilot)
        assert "You improve." in text_of(host)
        assert pane.view.has_focus
        assert pane.leave_mode()
        await settle(pilot)
        assert "seed-1" in text_of(host)
        assert not pane.leave_mode()


async def test_running_batch_shows_finished_rollouts() -> None:
    rolling = EvidenceView(
        14,
        batch=(("seed-1", 0), ("seed-9", 0)),
        rollouts=(
            {
                "example": "seed-1",
                "repeat": 0,
                "score": 3.0,
                "hint": "the sandbox has no network: --set sandbox.network=true",
            },
        ),
    )
    host = Host(EvidencePane(), snapshot(evidence=rolling))
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "rolling out 1 of 2" in text_of(host)
        assert "sandbox  the sandbox has no network" in text_of(host)
        assert "seed-9" in text_of(host)


# proposal


async def test_leaving_hunks_out_makes_another_candidate() -> None:
    host = Host(ProposalPane(), snapshot())
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ProposalPane)
        assert pane.get_kept_hunks() is None
        assert "no hunk" in pane.why_not("toggle")
        pane.act("next")
        pane.act("toggle")
        await settle(pilot)
        assert pane.get_kept_hunks() == {2}
        assert "1 left out" in title(host)
        pane.feed(snapshot(proposals=(proposal(tree="other", files=BEFORE, base=FILES),)))
        await settle(pilot)
        assert pane.get_kept_hunks() is None


async def test_new_scores_keep_hunks_and_position() -> None:
    host = Host(ProposalPane(), snapshot())
    async with host.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ProposalPane)
        pane.act("next")
        pane.act("next")
        pane.act("toggle")
        before = (pane.view.cursor, pane.view.scroll_offset)
        scores = ({"example": "seed-100", "score": 1.0, "status": "ok"},)
        pane.feed(snapshot(proposals=(proposal(gate_scores=scores),)))
        await settle(pilot)
        assert (pane.view.cursor, pane.view.scroll_offset) == before
        assert pane.get_kept_hunks() == {1}
        assert "gate 1/10\nseed-100 1" in str(pane.scores.content)


async def test_reasons_open_their_step_and_the_raw_reply_opens() -> None:
    host = Host(ProposalPane(), snapshot())
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ProposalPane)
        pane.act("next")
        pane.act("open")
        pane.view.go_to_line(
            next(y for y, row in enumerate(visible_lines(pane.view)) if row.startswith("because"))
        )
        pane.act("open")
        await pilot.pause()
        assert [(m.example, m.step) for m in host.heard if isinstance(m, TraceStepSelected)] == [
            ("seed-3", 117)
        ] * 2
        pane.act("raw")
        await settle(pilot)
        assert "<<<<<<< SEARCH" in text_of(host)
        assert pane.leave_mode()
        await settle(pilot)
        assert "hunk 1 of 2" in text_of(host)


async def test_a_reply_streams_then_becomes_a_diff() -> None:
    whole = snapshot(
        proposals=(
            proposal(files=None, reasoning="", text="think", streaming=True, gate_scores=()),
        )
    )
    host = Host(ProposalPane(), whole)
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        pane = host.widget
        assert isinstance(pane, ProposalPane)
        assert "think" in text_of(host)
        pane.feed(
            snapshot(
                proposals=(proposal(files=None, reasoning="", text="thinking on", streaming=True),)
            )
        )
        await settle(pilot)
        assert "thinking on" in text_of(host)
        pane.feed(snapshot())
        await settle(pilot)
        assert "hunk 1 of 2" in text_of(host)
        assert pane.view.has_focus


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activity": "rolling out the batch: [/] 0 of 2", "proposals": ()}, "[/] 0 of 2"),
        (
            {
                "activity": "asking",
                "proposals": (proposal(files=None, text="it arrives", gate_scores=()),),
            },
            "",
        ),
        (
            {
                "proposals": (
                    proposal(files=None, refusals=({"why": "no such [/line]", "final": False},)),
                )
            },
            "[/line]",
        ),
    ],
)
async def test_phase_is_shown(changes: dict[str, Any], said: str) -> None:
    host = Host(ProposalPane(), snapshot(**changes))
    async with host.run_test(size=(100, 20)) as pilot:
        await settle(pilot)
        phase = host.query_one("#phase", PlainText)
        assert said in str(phase.content)
        assert phase.display == bool(said)


# all of them


def hostile_snapshot(text: str) -> Snapshot:
    """`text` in every place that a model, a task or a file system can reach."""
    files, before = (
        {f"{text}.py": f"{text}\n{text}", "b.py": text},
        {f"{text}.py": text, "b.py": f"{text}\n"},
    )
    part = {
        "example": text,
        "repeat": 0,
        "score": None,
        "status": text,
        "steps": 9,
        "shown": [[0, 3]],
        "tokens": 5,
    }
    sent = {
        "parts": [part],
        "sections": [{"name": text, "tokens": 3, "cut": text}],
        "tokens": 9,
        "horizon": {"kind": text, "steps": 4},
        "covers": {"trace": text, "score": text},
    }
    whole = snapshot()
    return replace(
        whole,
        progress=Progress(step=13, batch={"examples": [[text, 0]]}, evidence={}),
        version=VersionView("c", text, files, before, (text,)),
        evidence=EvidenceView(
            13, sent=sent, messages=({"role": text, "content": text},), hints=(text,)
        ),
        traces=tuple(
            replace(trace, example=text, status=text, covers=text) for trace in whole.traces
        ),
        proposals=(
            proposal(
                label=text,
                text=text,
                reasoning=f"# {text}\n- {text}\n> {text}\n`{text}`",
                base=before,
                files=files,
                because=((text, 3),),
                expects=((text, text),),
                gate_scores=({"example": text, "score": None, "status": text},),
                refusals=({"why": text, "final": True},),
                decision=text,
            ),
        ),
    )


@pytest.mark.parametrize("pane", PANES, ids=lambda p: p.__name__)  # type: ignore[attr-defined]
@pytest.mark.parametrize("text", [*HOSTILE, NASTY], ids=range(len(HOSTILE) + 1))
async def test_hostile_text_is_shown_as_text(pane: Callable[[], Pane], text: str) -> None:
    host = Host(pane(), hostile_snapshot(text))
    async with host.run_test(size=(150, 40)) as pilot:
        await settle(pilot)
        widget = host.widget
        assert isinstance(widget, LinePane)
        for name in (
            "next",
            "toggle",
            "open",
            "raw",
            "whole_prompt",
            "page_down",
            "copy",
            "left",
            "right",
            "more",
        ):
            if not widget.why_not(name):
                widget.act(name)
        widget.search(text)
        await settle(pilot)
        assert is_harmless(visible_lines(widget.view))
        assert is_harmless([title(host)])
        drawn = [s.text for row in host.screen._compositor.render_strips() for s in row]
        assert is_harmless(drawn)


@pytest.mark.parametrize("pane", PANES, ids=lambda p: p.__name__)  # type: ignore[attr-defined]
async def test_every_possible_act_works_in_an_empty_session(
    pane: Callable[[], Pane],
) -> None:
    empty = replace(
        snapshot(),
        version=None,
        evidence=EvidenceView(0),
        proposals=(),
        traces=(),
        progress=Progress(),
    )
    host = Host(pane(), empty)
    async with host.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        widget = host.widget
        assert isinstance(widget, LinePane)
        for name in {*widget.acts, *widget.view.acts}:
            if not widget.why_not(name):
                widget.act(name)
                await pilot.pause()
        widget.search("x")
        await settle(pilot)


@pytest.mark.parametrize("pane", PANES, ids=lambda p: p.__name__)  # type: ignore[attr-defined]
async def test_no_view_reads_markup(pane: Callable[[], Pane]) -> None:
    """Every widget of the panes is a view of lines, a container, or draws `Content` that it
    assembled itself."""
    from textual.containers import Container, Vertical
    from textual.scrollbar import ScrollBar

    from genopt_tui.ui.widgets.bars import Tabs
    from genopt_tui.ui.widgets.line_view import LineView
    from genopt_tui.ui.widgets.picture_panel import PicturePanel
    from genopt_tui.ui.widgets.picture_view import PictureView

    host = Host(pane(), snapshot())
    async with host.run_test() as pilot:
        await settle(pilot)
        for widget in host.widget.query("*"):
            bare = type(widget) in {Container, Vertical, PicturePanel}
            assert bare or isinstance(
                widget, LineView | PlainText | Tabs | PictureView | ScrollBar
            ), widget
