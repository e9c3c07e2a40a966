"""Text that a model, a task or a file name may hold is data in every place: no markup is read,
nothing reaches the terminal raw."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Visit, visit
from rounds import PANES, SCREENS, WITHIN
from sample import AT, Stage, record_of
from scene import HOSTILE, NASTY

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session.history.record import DecisionRecord, Record
from genopt_tui.session.history.repository import Repository

EVIL = "[red]a[/] [/b] [link=x]c[/link] [@click=app.exit]d[/] \x1b]0;pwned\x07 \x1b[31m \x9b31m \x07 \u202er\u2066 \u200b e\u0301 日 👩\u200d👧\t."
NAME = "[red][b] [link=x] [/]日e\u0301.py"
BRANCH = "red]\u202e{/b]👩\u200d👧"
OLD = {NAME: f"# {NASTY}\nvalue = 1\n"}
NEW = {NAME: f"# {NASTY}\nvalue = 2  # {EVIL}\n"}


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[Stage]:
    """A live session in which everything that can hold text from outside holds the worst of it."""
    path = tmp_path / "[red]evil[/]\u202e"
    choices = DesignChoices(task={"name": "atari/pong"}, start=EVIL, scope=[NAME])
    start = Record(task=EVIL, decision=DecisionRecord(decision="start"), at=AT)
    with Repository.create(path, OLD, to_toml(choices), start, "") as repository:
        record = record_of(1, "approved", 9.0, -20.0, "better").model_copy(
            update={"reply": NASTY, "task": EVIL}
        )
        tree = repository.write_artifact({NAME: OLD[NAME] + "# one\n"})
        repository.commit(
            base=repository.head(), tree=tree, record=record, subject=EVIL, body=NASTY, model=EVIL
        )
        tree = repository.write_artifact(NEW)
        record = record_of(2, "rejected", 8.0, 9.0, "undecided").model_copy(
            update={"reply": NASTY, "decision": DecisionRecord(decision="rejected", reason=NASTY)}
        )
        repository.commit_rejected(
            base=repository.head(),
            tree=tree,
            record=record,
            subject=EVIL,
            body=NASTY,
            model=EVIL,
            step=2,
            candidate=0,
        )
        repository.run_git("branch", BRANCH)
        repository.run_git("tag", BRANCH)
    (path / ".genopt").mkdir(exist_ok=True)
    with Stage(path) as stage:
        yield stage


def play(stage: Stage) -> None:
    """A step up to its decision, told in the worst words."""
    with Repository.open(stage.session) as repository:
        stage.tree = repository.write_artifact(NEW)
        repository.objects.flush()
    say = stage.journal.append_event
    say(
        0,
        "run_started",
        mode="ask",
        steps=20,
        model=EVIL,
        name=EVIL,
        pid=1,
        sandbox=EVIL,
        workers=2,
    )
    say(0, "budget", spent={"steps": 2}, limits={"steps": 20}, unknown_cost=False, warning=EVIL)
    say(0, "hint", text=NASTY, always=True, remove=False)
    say(0, "hint", text=EVIL, always=False, remove=False)
    say(0, "design_set", pairs=[f"scope={EVIL}", f"exclude.{EVIL}={NASTY}"])
    say(0, "examples_set", pinned=[EVIL])
    say(0, "moved", act=EVIL, branch=BRANCH, old="0" * 40, new="1" * 40)
    say(0, "error", message=NASTY, advice=EVIL, detail=EVIL)
    say(0, "command_done", id=99, ok=False, command=EVIL, why=NASTY)
    say(0, "agent_call", key="k", text=NASTY, calls=1, usage={}, cost=None)
    say(0, "aside_started", token="t", what=EVIL, size=3)
    stage.roll_out()
    stage.event("notice", candidate=0, text=NASTY, path=EVIL)
    stage.event(
        "rollout_finished", rollout=99, example=EVIL, repeat=0, split="gate", score=None, status=EVIL, tree=stage.tree,
        error=NASTY, feedback=NASTY, seconds=0.1, cached=False, candidate=0,
    )  # fmt: skip
    stage.ask()
    stage.event(
        "edit_refused", candidate=0, attempt=0, why=NASTY, place=EVIL, nearest=EVIL, advice=EVIL
    )
    stage.reply(
        f"{NASTY}\n\n# {EVIL}\n\n- {EVIL}\n\n```{EVIL}\n{NASTY}\n```\n\n> {EVIL}\n\n[x]({EVIL}) `{EVIL}` **{EVIL}**"
    )
    stage.gate()
    stage.want()


def check(person: Visit, after: str) -> None:
    """Look at every cell that the screen holds now."""
    for strip in person.app.screen._compositor.render_strips():
        for text, style, control in strip:
            assert not control and text.isprintable(), f"after {after}: {text!r}"
            assert style is None or not style.link, f"after {after}: a link in {text!r}"
            assert "app.exit" not in str(style.meta if style is not None else ""), (
                f"after {after}: an action in {text!r}"
            )


async def test_every_place_shows_it_as_text(evil: Stage) -> None:
    async with visit(evil.session, (160, 45)) as person:
        wrote: list[str] = []
        person.app.write_control_sequence = wrote.append  # type: ignore[method-assign]
        play(evil)
        await person.until(lambda: person.main.snapshot.pending == "decide", "a decision")
        await person.look()
        check(person, "the decision")
        for keys in (
            *PANES,
            *WITHIN,
            "3 enter",
            "5 w",
            "5 right_curly_bracket",
            "1 y",
            "5 y",
            "1 j enter",
            "escape",
        ):
            await person.press(*keys.split())
            await person.app.workers.wait_for_complete()
            await person.pilot.pause()
            check(person, keys)
        for key in (*SCREENS, "r", "R", "W", "b", "t"):
            await person.press("1")
            await person.press(key)
            await person.app.workers.wait_for_complete()
            await person.pilot.pause()
            check(person, key)
            for _ in range(4):
                if len(person.app.screen_stack) > 2:
                    await person.press("escape")
        for text in (*HOSTILE, EVIL):
            person.main.show_notice(text, "error")
        await person.pilot.pause()
        check(person, "notices")
        drawn = "".join(strip.text for strip in person.app.screen._compositor.render_strips())
        assert "[bold red]" in drawn and "[@click=app.quit]z" in drawn
        for sequence in wrote:
            assert "pwned" not in sequence and not re.search("[\x9b\u202e]", sequence), sequence


def test_nothing_of_it_reaches_a_real_terminal(evil: Stage) -> None:
    """The bytes that are written: no sequence of theirs is among them, neither from the screen nor
    from lines."""
    play(evil)
    for arguments, until in ((["open"], b"approve"), (["open", "--plain"], b"r REASON")):
        wrote = shown([*arguments, str(evil.session)], until)
        assert b"pwned" in wrote
        for sequence in (b"\x1b]0;pwned", b"\xc2\x9b", "\u202e".encode(), b"\x1b[31m \x9b"):
            assert sequence not in wrote, arguments


def shown(arguments: list[str], until: bytes) -> bytes:
    """What a command writes to its pty until it has written `until`, and a little longer."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "genopt_tui", *arguments],
        stdin=side,
        stdout=side,
        stderr=side,
        env={**os.environ, "TERM": "xterm-256color", "LINES": "45", "COLUMNS": "160"},
        start_new_session=True,
    )
    os.close(side)
    wrote = b""
    while select.select([main], [], [], 60.0 if until not in wrote else 0.5)[0]:
        try:
            wrote += os.read(main, 1 << 16)
        except OSError:  # it has ended
            break
    process.kill()
    process.wait()
    os.close(main)
    assert until in wrote, wrote[-2000:]
    return wrote
