"""Being the model: the prompt to the clipboard, the reply pasted or written in the Proposal
pane."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scene import Host, proposal, settle, snapshot
from textual.pilot import Pilot

from genopt_tui.session.commands import Reply
from genopt_tui.session.progress import RUNNING, Progress
from genopt_tui.ui.actions.table import ACTIONS_BY_ID, ActionContext
from genopt_tui.ui.messages import CommandRequested, CopyRequested
from genopt_tui.ui.panes.proposal import ProposalPane
from genopt_tui.ui.screens.dialogs import ChoiceDialog
from genopt_tui.ui.state.activity import describe_activity
from genopt_tui.ui.state.snapshot import ProposalView, SessionInfo, Snapshot

REPLY = "a [bold]reply[/]"


def asked(folder: Path) -> Snapshot:
    progress = Progress(step=3, batch={"examples": []}, evidence={"parts": []}, run={"pid": 1})
    session = SessionInfo("s", str(folder), model="manual")
    return snapshot(
        proposals=(ProposalView(3, 1),),
        session=session,
        state=RUNNING,
        alive=True,
        progress=progress,
    )


@asynccontextmanager
async def shown(now: Snapshot) -> AsyncIterator[tuple[Host, ProposalPane, Pilot[Any]]]:
    pane = ProposalPane()
    host = Host(pane, now)
    async with host.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        yield host, pane, pilot


async def test_newest_prompt_is_copied_and_reply_is_sent_unchanged(
    tmp_path: Path,
) -> None:
    (tmp_path / ".genopt").mkdir()
    for attempt, text in ((0, "first"), (9, "ninth"), (10, "tenth\r\n")):
        (tmp_path / ".genopt" / f"prompt-3.1.{attempt}.md").write_text(text + "\n", newline="")
    (tmp_path / ".genopt" / "prompt-3.0.11.md").write_text("of another candidate\n")
    async with shown(asked(tmp_path)) as (host, pane, pilot):
        pane.act("copy")
        await pilot.pause()
        assert [m.text for m in host.heard if isinstance(m, CopyRequested)] == ["tenth\r\n"]
        pane.act("edit_in_place")
        await settle(pilot)
        assert "ctrl+s sends it" in str(pane.edits.slot.hint.content)
        for key in REPLY:
            await pilot.press(
                {
                    " ": "space",
                    "[": "left_square_bracket",
                    "]": "right_square_bracket",
                    "/": "slash",
                }.get(key, key)
            )
        await pilot.press("ctrl+s")
        await settle(pilot)
        given = [m for m in host.heard if isinstance(m, CommandRequested)]
        assert [m.command for m in given] == [Reply(text=REPLY, candidate=1)]
        assert pane.editor is None


async def test_empty_reply_is_not_sent_and_a_draft_is_discarded_only_after_asking(
    tmp_path: Path,
) -> None:
    async with shown(asked(tmp_path)) as (host, pane, pilot):
        pane.act("edit_in_place")
        await settle(pilot)
        await pilot.press("space", "ctrl+s")
        await settle(pilot)
        assert pane.editor is None
        pane.act("edit_in_place")
        await settle(pilot)
        await pilot.press("x", "escape")
        await settle(pilot)
        assert isinstance(host.screen, ChoiceDialog)
        await pilot.press("escape")
        await settle(pilot)
        assert pane.editor is not None and pane.editor.text == "x"
        pane.feed(replace(asked(tmp_path), state="idle"))
        await settle(pilot)
        assert pane.editor is None, "somebody else has given it, or the run has ended"
        assert not any(isinstance(m, CommandRequested) for m in host.heard)


def test_manual_model_may_write_the_reply(tmp_path: Path) -> None:
    now = asked(tmp_path)
    assert now.is_reply_awaited and "you are the model" in describe_activity(now)
    assert ACTIONS_BY_ID["edit"].check(ActionContext(now)) == ""
    for other in (
        replace(now, session=replace(now.session, model="openai/some")),
        replace(now, is_historical=True),
        replace(now, proposals=(proposal(),)),
        replace(now, state="paused"),
    ):
        assert not other.is_reply_awaited
