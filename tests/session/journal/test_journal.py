"""The journal: what is durable, what a second reader sees, and the lock of its one writer."""

import hashlib
import json
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session.client import EventFollower
from genopt_tui.session.commands import Approve, CommandResult, SetMode, WhatIf, decode_command
from genopt_tui.session.journal import Event, Journal, Reply, journal_path
from genopt_tui.session.journal.old_data import DICTIONARY
from genopt_tui.session.lock import SessionLock, runner_pid
from genopt_tui.session.progress import advance, fold_events
from genopt_tui.task.rollout import Picture, RolloutResult, TraceChunk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy").mkdir()
    return tmp_path / "toy"


def test_a_reader_sees_what_a_writer_did(folder: Path) -> None:
    writer, reader = Journal(folder), Journal(folder, durable=False)
    assert reader.has_changed()
    assert not reader.has_changed()
    writer.append_event(3, "batch_sampled", base="abc", examples=[["seed-1", 0]])
    assert reader.has_changed()
    assert [(event.step, event.kind) for event in reader.read_events()] == [(3, "batch_sampled")]
    assert reader.last_step() == 3
    assert fold_events(reader.read_events()).phase == "rolling out"


def test_pieces_of_a_reply_end_with_the_reply(folder: Path) -> None:
    writer, reader = Journal(folder), Journal(folder, durable=False)
    follower = EventFollower(reader, 0)
    writer.add_chunk(1, 0, 0, "hel")
    assert [event.data["text"] for event in follower.poll()] == ["hel"]
    writer.add_chunk(1, 0, 0, "lo ")
    writer.store_reply(
        Reply(
            1, 0, 0, "hello world", finish_reason="stop", usage={"input": 3, "output": 2}, cost=0.5
        )
    )
    told = follower.poll()
    assert (
        "hel" + "".join(event.data["text"] for event in told if event.kind == "reply_delta")
        == "hello world"
    )
    assert told[-1].kind == "reply_finished"
    assert reader.read_chunks(0) == []
    assert reader.read_replies(1)[0].usage == {"input": 3, "output": 2}


def test_pieces_of_the_next_try_come_after_the_one_that_broke_off(folder: Path) -> None:
    writer, follower = Journal(folder), EventFollower(Journal(folder, durable=False), 0)
    writer.add_chunk(1, 0, 0, "no")
    told = follower.poll()
    writer.store_reply(Reply(1, 0, 0, "no!", complete=False, error="reset"))
    writer.add_chunk(1, 0, 0, "yes")
    told += follower.poll()
    writer.store_reply(Reply(1, 0, 0, "yes."))
    told += follower.poll()
    finished = [None if event.kind == "reply_delta" else event.data["complete"] for event in told]
    texts = [event.data.get("text") for event in told]
    assert list(zip(texts, finished, strict=True)) == [
        ("no", None),
        ("!", None),
        (None, False),
        ("yes", None),
        (".", None),
        (None, True),
    ]


def test_commands_are_taken_up_once_and_answered(folder: Path) -> None:
    client, runner = Journal(folder), Journal(folder)
    command = client.add_command(Approve(step=3, candidate=0))
    assert client.read_command_result(command) is None
    (row,) = runner.read_commands()
    assert decode_command(row.kind, row.data) == Approve(step=3, candidate=0)
    runner.finish_command(row, CommandResult(False, "already decided"), step=3)
    assert client.read_command_result(command) == CommandResult(False, "already decided")
    assert runner.read_commands() == []
    done = client.find_last("command_done")
    assert done is not None
    assert done.data["why"] == "already decided"


def test_the_step_that_a_command_began_is_part_of_its_result(folder: Path) -> None:
    client, runner = Journal(folder), Journal(folder)
    command = client.add_command(WhatIf(step=3, pairs=("batch.size=2",)))
    runner.finish_command(runner.read_commands()[0], CommandResult(step=4))
    assert client.read_command_result(command) == CommandResult(step=4)


def test_a_journal_of_a_newer_format_is_refused_and_left_as_it_is(folder: Path) -> None:
    Journal(folder).close()
    with closing(sqlite3.connect(journal_path(folder))) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(SessionError, match=r"written by a newer genopt.*Update genopt"):
        Journal(folder)
    with closing(sqlite3.connect(journal_path(folder))) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_journal_of_an_older_format_is_upgraded(folder: Path) -> None:
    Journal(folder).close()
    with closing(sqlite3.connect(journal_path(folder))) as db:  # as format 3 had it
        db.execute("ALTER TABLE command DROP COLUMN step")
        db.execute("INSERT INTO command(at, kind, data) VALUES('', 'mode', '{\"mode\": \"auto\"}')")
        db.execute("PRAGMA user_version=3")
        db.commit()
    journal = Journal(folder)
    (row,) = journal.read_commands()
    assert decode_command(row.kind, row.data) == SetMode(mode="auto")
    journal.finish_command(row, CommandResult())
    assert journal.read_command_result(row.id) == CommandResult()


def test_a_rollout_keeps_its_trace_in_pieces(folder: Path) -> None:
    journal = Journal(folder)
    trace = tuple(TraceChunk(first, 64, bytes([first])) for first in (0, 64, 128))
    pictures = (Picture(10, 2, 1, b"abc", b"xy"),)
    result = RolloutResult(
        "seed-1", 0, "train", "ok", 2.5, 0.1, steps=192, trace=trace, pictures=pictures
    )
    row = journal.store_rollout("task/key", 1, "tree", result, traced=True)
    assert [chunk.first for chunk in journal.read_trace_chunks(row, 70, 10)] == [64]
    assert journal.read_picture(row, 9) is None
    assert journal.read_picture(row, 50) == pictures[0]
    found = journal.find_rollout("task/key", "tree", traced=True)
    assert found is not None
    assert found.result.score == 2.5
    assert journal.find_rollout("task/other", "tree") is None


def test_a_picture_that_says_what_changed_is_told_with_those_before_it(folder: Path) -> None:
    journal = Journal(folder)
    pictures = tuple(
        Picture(
            step,
            4,
            1,
            b"abc",
            zlib.compress(bytes(4)) if step == 3 else b"\0\1" + bytes([step % 4, 0, step]),
        )
        for step in range(3, 9)
    )
    result = RolloutResult("seed-1", 0, "train", "ok", 2.5, 0.1, steps=9, pictures=pictures)
    row = journal.store_rollout("task/key", 1, "tree", result, traced=True)
    wanted = {2: None, 3: [0, 0, 0, 0], 4: [4, 0, 0, 0], 6: [4, 5, 6, 0], 50: [8, 5, 6, 7]}
    for step, indices in wanted.items():
        told = journal.read_picture(row, step)
        assert (list(zlib.decompress(told.pixels)) if told else None) == indices


def test_a_damaged_journal_says_what_to_do(folder: Path) -> None:
    journal_path(folder).parent.mkdir()
    journal_path(folder).write_bytes(b"this is no database" * 100)
    with pytest.raises(SessionError, match="versions stay"):
        Journal(folder)


def test_one_writer_at_a_time(folder: Path) -> None:
    assert runner_pid(folder) is None
    code = "import sys; from pathlib import Path; from genopt_tui.session.lock import SessionLock; SessionLock(Path(sys.argv[1]))"
    with SessionLock(folder):
        assert runner_pid(folder) is not None
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder)], capture_output=True, text=True
        )
        assert "is being run by another process" in done.stderr
    assert runner_pid(folder) is None
    SessionLock(folder).release()


def test_a_decided_step_is_committing_until_it_is_committed() -> None:
    kinds = [
        ("batch_sampled", {"examples": []}),
        ("evidence_built", {"tokens": 1}),
        ("edit_parsed", {"candidate": 0}),
        ("gate_finished", {"candidate": 0}),
    ]
    events = [Event(n, "", 1, kind, data) for n, (kind, data) in enumerate(kinds)]
    assert fold_events(events).phase == "asking"
    decided = advance(fold_events(events), Event(9, "", 1, "decided", {"candidate": 0}))
    assert decided.phase == "committing"
    ended = advance(
        advance(decided, Event(10, "", 1, "committed", {"candidate": 0})),
        Event(11, "", 1, "step_ended", {"outcome": "approved"}),
    )
    assert ended.phase == "idle"


def test_compressed_data_of_earlier_versions_is_read(folder: Path) -> None:
    journal = Journal(folder)
    data = {"text": "long " * 100, "scores": [{"example": "gate-0", "score": 0.5}]}
    compressor = zlib.compressobj(1, zlib.DEFLATED, 13, 5, zdict=DICTIONARY)
    stored = compressor.compress(json.dumps(data).encode()) + compressor.flush()
    journal.database.execute(
        "INSERT INTO event(at, step, kind, data) VALUES('', 1, 'prompt_built', ?)", (stored,)
    )
    journal.append_event(1, "prompt_built", **data, rest="long " * 1000)
    old, new = journal.read_events()
    assert old.data == data
    assert new.data == {**data, "rest": "long " * 1000}
    assert hashlib.sha256(DICTIONARY).hexdigest().startswith("120b95e606df905d")
