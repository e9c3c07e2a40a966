"""Events that cannot become durable: clients are not locked out, and nothing goes on as if."""

import asyncio
from pathlib import Path

import pytest

from genopt_tui.runner.event_log import GROUP_SECONDS, EventLog
from genopt_tui.session.commands import Pause
from genopt_tui.session.journal import Journal


def test_events_whose_objects_cannot_be_written_are_rolled_back(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("no space left on device")

    async def write() -> None:
        log = EventLog(Journal(tmp_path))
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        log.before_commit = fail
        log.append("batch_sampled", step=1, base="abc", tree="def", branch="main", examples=[])
        while log._timer is not None:  # the timer flushes
            await asyncio.sleep(GROUP_SECONDS)
        client = Journal(tmp_path)
        client.add_command(Pause())  # raised "database is locked" while a transaction was open
        assert not client.read_events()
        with pytest.raises(OSError, match="no space left"):
            log.append("paused", step=0, why="paused by a person")
        with pytest.raises(OSError, match="no space left"):
            log.close()
        client.close()

    asyncio.run(write())
