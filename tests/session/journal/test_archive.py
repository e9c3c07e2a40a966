"""Old rows of the journal in blocks: everything is read as before, whatever was archived and
whenever its writer was killed."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from genopt_tui.session.commands import Pause
from genopt_tui.session.journal import Journal, Reply, journal_path
from genopt_tui.task.rollout import RolloutResult, TraceChunk

STEPS = 30


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    folder.mkdir()
    fill(folder, 1, STEPS)
    return folder


@pytest.fixture
def journal(session: Path) -> Iterator[Journal]:
    opened = Journal(session)
    yield opened
    opened.close()


def fill(folder: Path, first: int, last: int) -> None:
    """Steps as the loop writes them, with what belongs to no step in between."""
    journal = Journal(folder, durable=False)
    for step in range(first, last + 1):
        tree = f"{step:040x}"
        if step % 7 == 0:
            journal.append_event(0, "hint", text=f"hint {step}", always=False, remove=False)
            journal.append_event(0, "scored", tree=tree, mean=float(step))
        journal.append_event(step, "batch_sampled", base="b", tree=tree, examples=[["e", 0]])
        for example in ("e", "f"):
            trace = (TraceChunk(0, 2, b"chunk"),)
            result = RolloutResult(
                example, 0, "train", "ok", float(step), 0.5, f"so {step}", steps=2, trace=trace
            )
            journal.store_rollout(f"key/{tree}/{example}", step, tree, result, traced=True)
        journal.append_event(
            step,
            "prompt_built",
            candidate=0,
            messages=[{"role": "user", "content": f"{step} " + "long " * 500}],
        )
        journal.store_reply(
            Reply(step, 0, 0, f"reply ü {step}", usage={"input": step, "output": 1}, cost=0.5)
        )
        journal.append_event(step, "step_ended", outcome="gate", counts=True)
    journal.close()


def seen(session: Path) -> dict[str, Any]:
    """All that can be asked of a journal."""
    journal = Journal(session, durable=False)
    try:
        trees = [f"{step:040x}" for step in range(1, STEPS + 1)]
        last = [
            journal.find_last("prompt_built", "step_ended", step=step)
            for step in range(1, STEPS + 1)
        ]
        below = [journal.find_last("batch_sampled", below=step) for step in range(1, STEPS + 1)]
        return {
            "events": journal.read_events(),
            "steps": [journal.read_events(step=step) for step in range(1, STEPS + 1)],
            "after": journal.read_events(40, kinds=["step_ended", "hint"], limit=9),
            "last": [*last, *below, journal.find_last("scored"), journal.find_last("paused")],
            "ends": [
                journal.first_step(),
                journal.last_step(),
                journal.last_event_id(),
                journal.last_rollout_id(),
            ],
            "count": [
                journal.count_events("step_ended"),
                journal.count_events("step_ended", 50),
                journal.count_events("nothing"),
            ],
            "replies": [journal.read_replies(step) for step in range(1, STEPS + 1)],
            "spent": [journal.sum_usage(), journal.sum_usage(5), journal.sum_usage(STEPS)],
            "for": [journal.count_replies(tree) for tree in [*trees, "x"]],
            "rollouts": [journal.read_rollouts(tree) for tree in [*trees, "x"]],
            "split": journal.read_rollouts(trees[3], "gate"),
            "rollout": [journal.read_rollout(number) for number in range(1, 2 * STEPS + 2)],
            "found": [journal.find_rollout(f"key/{tree}/f", tree, traced=True) for tree in trees],
            "missed": journal.find_rollout("key", trees[0]),
            "trees": journal.read_trees(),
            "trace": [journal.read_trace_chunks(number) for number in range(1, 2 * STEPS)],
        }
    finally:
        journal.close()


def test_what_was_archived_is_read_as_before(session: Path, journal: Journal) -> None:
    before = seen(session)
    assert journal.archive(kept=4, group=8) == 24
    rows = (
        sqlite3.connect(journal_path(session))
        .execute("SELECT count(*) FROM event WHERE kind = 'prompt_built'")
        .fetchone()
    )
    assert rows == (STEPS - 24,)
    assert seen(session) == before
    assert journal.archive(kept=4, group=8) == 0


def test_a_journal_goes_on_after_it_was_archived(session: Path, journal: Journal) -> None:
    assert journal.read_trees() and journal.count_replies(f"{1:040x}") == 1
    journal.archive(kept=4, group=8)
    fill(session, STEPS + 1, STEPS + 12)
    before = seen(session)
    assert journal.archive(kept=4, group=8) == 8
    assert seen(session) == before
    assert journal.read_trees() == before["trees"]
    assert journal.count_replies(f"{9:040x}") == 1


def test_the_file_gives_back_what_the_rows_took(session: Path, journal: Journal) -> None:
    before = journal_path(session).stat().st_size
    journal.archive(kept=0, group=10)
    assert journal_path(session).stat().st_size < 0.6 * before


def test_a_command_that_waits_comes_first(session: Path, journal: Journal) -> None:
    journal.add_command(Pause())
    assert journal.archive(lambda: bool(journal.read_commands()), kept=4, group=8) == 0


def test_who_reads_while_rows_move_sees_them_once(session: Path, journal: Journal) -> None:
    """The tables are asked first, the blocks then: between the two everything may move."""
    reader = Journal(session, durable=False)
    whole, blocks = reader.read_events(), reader.blocks.read_events

    def late(*asked: Any) -> Any:
        journal.archive(kept=4, group=8)
        return blocks(*asked)

    reader.blocks.read_events = late  # type: ignore[method-assign]
    assert reader.read_events() == whole
    reader.close()


@pytest.mark.slow
def test_a_kill_at_any_statement_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    fill(folder, 1, 8)
    before, at = seen(folder), 0
    while True:
        at += 1
        copy = shutil.copytree(folder, tmp_path / f"at-{at}")
        if not killed(copy, at):
            break
        assert seen(copy) == before, at
        assert not killed(copy, 10**6)  # what is left after a kill is done by the next one
        assert seen(copy) == before, at
        shutil.rmtree(copy)
    assert at > 40


def killed(session: Path, at: int) -> bool:
    """Let a process archive, and kill it when it begins its statement `at`; whether it came that
    far."""
    child = os.fork()
    if child == 0:
        statements = count(1)
        journal = Journal(session)
        journal.database.connection.set_trace_callback(
            lambda _: os.kill(os.getpid(), SIGKILL) if next(statements) == at else None
        )
        journal.archive(kept=2, group=4)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -SIGKILL


def test_a_journal_is_printed_as_lines_of_json_with_what_lies_in_blocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from genopt_tui.session.journal.__main__ import main

    folder = tmp_path / "own"
    folder.mkdir()
    journal = Journal(folder)
    for step in range(1, 40):
        journal.append_event(
            step, "batch_sampled", base="abc", tree="def", examples=[["a" * 300, 0]]
        )
        journal.append_event(step, "prompt_built", candidate=0, text="long " * 100)
        journal.store_reply(Reply(step, 0, 0, f"reply {step}"))
    assert journal.archive(kept=4, group=8) > 0
    assert main([str(journal_path(folder))]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["text"] for r in rows if r["table"] == "reply"] == [
        f"reply {n}" for n in range(1, 40)
    ]
    assert sum(r["table"] == "event" and r["kind"] == "prompt_built" for r in rows) == 39
    assert main([]) == 2
