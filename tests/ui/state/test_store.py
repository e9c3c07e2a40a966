"""The store of the interface: what it gives is always a whole snapshot."""

from pathlib import Path
from queue import SimpleQueue

import pytest
from sample import Stage

from genopt_tui.folders import settings_file
from genopt_tui.session.commands import CommandResult, SetOptions
from genopt_tui.ui.messages import SnapshotReady, StoreFailed
from genopt_tui.ui.state import poller
from genopt_tui.ui.state.history_loader import HistoryLoader
from genopt_tui.ui.state.reader import read_first_snapshot
from genopt_tui.ui.state.snapshot import Snapshot
from genopt_tui.ui.state.store import Store


def test_what_is_taken_while_it_reads_is_not_half_of_what_it_reads(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: SimpleQueue[object] = SimpleQueue()
    taken: list[Snapshot] = []
    read = HistoryLoader.read_next_chunk
    monkeypatch.setattr(
        HistoryLoader,
        "read_next_chunk",
        lambda past: (taken.append(store.take_snapshot()), read(past)),
    )
    store = Store(session, posted.put, read_first_snapshot(session))
    store.start()
    try:
        while not store.take_snapshot().is_complete:
            assert isinstance(posted.get(timeout=60), SnapshotReady)
    finally:
        store.close()
    meanwhile, in_the_end = taken[0], store.take_snapshot()
    assert not meanwhile.best and not meanwhile.loaded
    assert in_the_end.best and len(in_the_end.rows) == 3


def test_broken_settings_are_told_and_the_history_is_there_all_the_same(session: Path) -> None:
    settings_file(session).parent.mkdir(parents=True)
    settings_file(session).write_text("mode = ask\n")
    posted: SimpleQueue[object] = SimpleQueue()
    store = Store(session, posted.put, read_first_snapshot(session))
    store.start()
    told = []
    try:
        while not store.take_snapshot().is_complete:
            told.append(posted.get(timeout=60))
    finally:
        store.close()
    (failed,) = [message for message in told if isinstance(message, StoreFailed)]
    assert str(settings_file(session)) in failed.message and "line 1" in failed.message
    assert len(store.take_snapshot().rows) == 3


def test_a_runner_is_known_with_what_it_writes_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RUNNER_POLL_INTERVAL", 600.0)
    alive = iter([None])
    monkeypatch.setattr(poller, "runner_pid", lambda session: next(alive, 1))
    posted: SimpleQueue[object] = SimpleQueue()
    reader = Store(stage.session, posted.put, read_first_snapshot(stage.session))
    reader.start()
    try:
        while not reader.take_snapshot().is_complete:
            posted.get(timeout=60)
        assert not reader.take_snapshot().alive
        stage.start()
        while not reader.take_snapshot().alive:
            posted.get(timeout=60)
    finally:
        reader.close()


def test_a_model_that_was_set_after_the_run_began_is_the_one_that_is_shown(stage: Stage) -> None:
    stage.start()
    posted: SimpleQueue[object] = SimpleQueue()
    reader = Store(stage.session, posted.put, read_first_snapshot(stage.session))
    reader.start()
    try:
        while not reader.take_snapshot().is_complete:
            posted.get(timeout=60)
        assert reader.take_snapshot().session.model == "search"
        settings_file(stage.session).parent.mkdir(parents=True, exist_ok=True)
        settings_file(stage.session).write_text('model = "manual"\n')
        reader.send_command(SetOptions(pairs=("model=manual",))).wait()
        stage.journal.finish_command(stage.journal.read_commands()[0], CommandResult())
        while reader.take_snapshot().session.model != "manual":
            posted.get(timeout=60)
    finally:
        reader.close()
