"""Every act on versions by its key, in the real application with the real runner."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from lived import Person, person_at

from genopt_tui.cli.history import resolve_edit
from genopt_tui.cli.requests import run_side_job
from genopt_tui.config import SessionSettings
from genopt_tui.session.history.repository import Repository
from genopt_tui.ui.screens.hunk_picker import HunkPickerScreen
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.safe_text import PlainText


async def test_rewind_undo_and_redo(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("1")
        await person.press("t", "y")
        await person.head_is("1")
        await person.until(lambda: person.shown["3"].kind == "abandoned", "3 is kept as abandoned")
        await person.press("u")
        await person.head_is("3")
        await person.until(lambda: person.shown["3"].kind == "branch")
        await person.press("U")
        await person.head_is("1")


async def test_branch_switch_tag_and_note(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("2a")
        await person.press("b", *"aim", "enter")
        await person.until(
            lambda: any("aim" in row.branches for row in person.shown.values()),
            "the branch is shown",
        )
        await person.press("S", "1")
        await person.head_is("2a", "aim")
        await person.press("S", "1")
        await person.head_is("3")
        await person.stand_on("1")
        await person.press("T", *"first", "enter")
        await person.until(lambda: person.shown["1"].tags == ("first",), "the tag is shown")
        await person.press("o", *"look", "space", *"again", "enter")
        await person.until(lambda: person.shown["1"].note == "look again", "the note is shown")
        assert "note: look again" in person.about
        await person.press("slash", *"first", "enter")
        await person.until(
            lambda: person.main.history_pane.row is person.shown["1"], "a tag is found"
        )


async def test_a_rejected_edit_is_proposed_again(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("1")
        await person.press("t", "y")
        await person.head_is("1")
        await person.stand_on("2a")
        await person.press("V", "y")
        await person.decision(4)
        await person.press("a")
        await person.head_is("4")
        with Repository.open(lived) as repository:
            assert "LEVEL = 7.0" in repository.read_artifact(repository.head())["answer.py"]


@pytest.mark.slow
async def test_a_conflict_is_mended_in_the_editor_and_taken(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\nsed -i -e '/^<<<<<<<\\|^=======\\|^>>>>>>>\\|^|||||||/d' -e '/^LEVEL = 4/d' \"$1\"\n"
    )
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setattr("genopt_tui.ui.app.GenoptApp.suspend", suspended)
    file = lived / "artifact" / "answer.py"
    async with person_at(lived) as person:
        file.write_text(file.read_text().replace("LEVEL = 7.0", "LEVEL = 4.0"))
        await person.until(
            lambda: "answer.py edited by hand" in person.banner, "the edit is noticed"
        )
        await person.press("H", "u")
        await person.head_is("4")
        await person.stand_on("2a")
        await person.press("V", "y")
        await person.until(lambda: "has conflict markers" in person.banner, "the conflict is shown")
        assert "<<<<<<< head" in file.read_text()
        await person.press("H")
        await person.until(lambda: "edited by hand" in person.banner, "the conflict is mended")
        await person.press("H", "y")
        await person.head_is("5")
        assert person.shown["5"].decision == "manual"


def suspended(app: object) -> object:
    from contextlib import nullcontext

    return nullcontext()


@pytest.mark.slow
async def test_a_hunk_is_taken_out_of_another_version(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("1")
        await person.press("t", "y")
        await person.head_is("1")
        await person.stand_on("2a")
        await person.press("C")
        await person.until(
            lambda: isinstance(person.app.screen, HunkPickerScreen) and person.app.screen.ready,
            "the hunks",
        )
        await person.press("enter")
        assert "No hunk is chosen yet" in person.said
        await person.press("f")
        assert "2 of 2 hunks" in about(person), "the whole file"
        await person.press("f", "space", "enter")
        await person.decision(4)
        await person.press("a")
        await person.head_is("4")
        with Repository.open(lived) as repository:
            text = repository.read_artifact(repository.head())["answer.py"]
        assert "LEVEL = 7.0" in text and "DRIFT = -1.0" in text


async def test_a_hand_edit_is_noticed_scored_and_taken(lived: Path) -> None:
    file = lived / "artifact" / "answer.py"
    async with person_at(lived) as person:
        file.write_text(file.read_text().replace("LEVEL = 7.0", "LEVEL = 12.0"))
        await person.until(
            lambda: "answer.py edited by hand" in person.banner, "the edit is noticed"
        )
        await person.press("H", "y")
        await person.head_is("4")
        row = person.shown["4"]
        assert (row.decision, row.verdict, row.n) == ("manual", "better", 6)
        await person.until(lambda: not person.banner, "nothing is left to be taken")


async def test_what_plain_git_does_is_shown_and_goes_on_from_there(lived: Path) -> None:
    file = lived / "artifact" / "answer.py"
    who = {
        "GIT_AUTHOR_NAME": "I",
        "GIT_AUTHOR_EMAIL": "i@here",
        "GIT_COMMITTER_NAME": "I",
        "GIT_COMMITTER_EMAIL": "i@here",
    }
    async with person_at(lived) as person:
        file.write_text(file.read_text().replace("LEVEL = 7.0", "LEVEL = 8.5"))
        subprocess.run(
            ["git", "-C", str(lived), "commit", "-qam", "my own commit"],
            check=True,
            env={**os.environ, **who},
        )
        await person.until(lambda: "plain git moved main" in person.banner, "git's act is told")
        made = next(row for row in person.shown.values() if row.subject == "my own commit")
        assert made.head and made.decided_by == "git"
        await person.press("s")
        await person.decision(4)
        await person.press("a")
        await person.head_is("4")
        await person.until(lambda: not person.banner, "the banner's end")
        subprocess.run(["git", "-C", str(lived), "checkout", "-q", "--detach"], check=True)
        await person.head_is("4", "detached")
        with Repository.open(lived) as repository:
            assert "LEVEL = 10.5" in repository.read_artifact(repository.head())["answer.py"]


@pytest.mark.slow
async def test_which_hunk_did_it(lived: Path) -> None:
    """Of a version, then of a proposal that waits: each hunk says what the score is without it."""
    async with person_at(lived) as person:
        await person.stand_on("1")
        await person.press("enter")
        await person.until(lambda: person.main.snapshot.is_historical, "version 1")
        await person.press("D", "y")
        await person.until(lambda: person.main.snapshot.active_side_job, "progress is told")
        await person.until(lambda: worth(person) == {1: 2.0, 2: -1.0}, "what hunks were worth")
        assert "+2 of +1" in diff_heads(person)[0] and "-7.9 without it" in diff_heads(person)[0]
        assert "-1 of +1" in diff_heads(person)[1]
        await person.press("escape", "s")
        await person.decision(4)
        await person.press("5", "D", "y")
        await person.until(
            lambda: worth(person) == {1: 2.0, 2: -1.0}, "what the proposal's hunks were worth"
        )
        assert "up" in diff_heads(person)[0] and "down" in diff_heads(person)[1]
        for version in ("4", "4a"):
            request = resolve_edit(lived, version)
            assert (request.step, request.candidate, request.version) == (4, 0, None)
        told = (await asyncio.to_thread(run_side_job, lived, resolve_edit(lived, "4")))["hunks"]
        assert [round(hunk["worth"], 6) for hunk in told["hunks"]] == [2.0, -1.0]
        await person.press("a")
        await person.head_is("4")
        request = resolve_edit(lived, "4")
        assert request.version and request.step is None


def worth(person: Person) -> dict[int, float]:
    p = person.main.snapshot.proposal
    return {number: round(row["worth"], 6) for number, row in p.hunk_worth.items()} if p else {}


def diff_heads(person: Person) -> list[str]:
    """The heads of the hunks that Proposal shows."""
    from genopt_tui.ui.widgets.diff_view import DiffView

    view = person.main.query_one("#diff", DiffView)
    return [to_plain_text(view.get_line(view.diff.find_head(hunk.number))) for hunk in view.hunks]


def about(person: Person) -> str:
    """What stands above the page that is open."""
    return str(person.app.screen.query_one("#about", PlainText).content)


async def test_start_best_and_head_are_scored_again_after_the_task_changed(
    lived: Path, lived_pattern: tuple[Path, SessionSettings]
) -> None:
    task = lived_pattern[0].parent.parent / "tiny" / "task.py"
    before = task.read_text()
    task.write_text(before.replace("-abs(got - 10)", "-abs(got - 11)"))
    try:
        async with person_at(lived) as person:
            await person.until(
                lambda: "The task has changed" in person.banner, "the change is noticed"
            )
            await person.press("J", "y")
            await person.until(
                lambda: "6 gate examples, 2 versions" in about(person), "their scores"
            )
            done = next(iter(person.main.snapshot.side_jobs.values()))
            assert (done.kind, done.size) == ("fill", 12)
            assert to_plain_text(person.app.screen.view.get_line(7)).split() == [
                "mean",
                "-7.9",
                "-5.9",
            ]  # type: ignore[attr-defined]
            await person.press("escape")
            await person.until(
                lambda: "X and c compare the new scores" in person.banner,
                "that they are known",
            )
            await person.press("s")
            await person.decision(4)
            await person.press("a")
            await person.head_is("4")
            await person.until(lambda: person.shown["4"].task_changed, "the change is marked")
            lines = [
                row.subject for row in person.main.history_pane.row_list.rows if row.kind == "line"
            ]
            assert lines and "do not compare" in lines[0]
    finally:
        task.write_text(before)


async def test_search_in_subjects_reasoning_and_edits(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.press("1", "slash", *"DRIFT", "space", "equals_sign", "space", *"-2", "enter")
        await person.until(lambda: person.main.history_pane.matches, "found")
        assert {
            row.label
            for row in person.shown.values()
            if row.commit in person.main.history_pane.matches
        } == {"2a", "3"}
        await person.press("f")
        assert set(person.shown) == {"2a", "3"}
        assert "diff: " in person.about
        await person.press("escape")
        assert set(person.shown) == {"start", "1", "2a", "3"}
        await person.press(
            "slash", *"raise", "space", *"it", "space", *"from", "space", *"3", "enter"
        )
        await person.until(
            lambda: len(person.main.history_pane.matches) == 1, "the reasoning is found"
        )
        assert person.main.history_pane.row is person.shown["1"]


async def test_what_is_on_no_branch_is_folded_and_unfolded(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.press("1", "space")
        assert set(person.shown) == {"start", "1", "3"}
        await person.press("space")
        assert set(person.shown) == {"start", "1", "2a", "3"}


async def test_time_travel_fills_all_panes_and_returns(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.stand_on("1")
        await person.press("enter")
        await person.until(lambda: "Version 1 is shown" in person.banner)
        s = person.main.snapshot
        assert s.version is not None and "LEVEL = 5.0" in s.version.files["answer.py"]
        assert s.evidence.step == 1 and s.evidence.messages and s.evidence.sent
        assert s.proposal is not None and "I raise it from 3.0" in s.proposal.text
        assert [(t.example, t.steps) for t in s.traces] == [
            (p["example"], 1) for p in s.evidence.sent["parts"]
        ]
        await person.press("a")
        assert "Esc goes back first" in person.said
        await person.press("escape")
        await person.until(lambda: not person.banner, "the present")
        assert "LEVEL = 7.0" in person.main.snapshot.version.files["answer.py"]  # type: ignore[union-attr]


async def test_blame_says_what_a_lines_version_did(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.press("2", "w")
        await person.until(
            lambda: person.main.snapshot.version and person.main.snapshot.version.blame, "blame"
        )
        lines = person.main.snapshot.version.blame["answer.py"]  # type: ignore[union-attr]
        assert lines[0] == "3 +1 up" and lines[1] == "start"


async def test_an_example_is_left_out_for_good_with_a_reason(lived: Path) -> None:
    async with person_at(lived) as person:
        await person.press("M", "s")
        await person.until(lambda: person.main.snapshot.session.mode == "step", "mode step")
        await person.press("s")
        await person.until(lambda: person.main.snapshot.pending == "propose", "the prompt waits")
        await person.press("4", "g")
        example = person.main.snapshot.evidence.batch[0][0]
        await person.until(
            lambda: person.main.pane(4).why_not("exclude") == "", "an example is under the cursor"
        )
        await person.press("x", *"broken", "enter")
        await person.until(
            lambda: person.main.snapshot.evidence.excluded.get(example) == "broken",
            "it is left out",
        )
