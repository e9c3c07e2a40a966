"""Work beside the steps is dropped when a person no longer wants it, before it begins as well as
under way."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.runner.commands.session_control import SessionControl
from genopt_tui.runner.commands.side_jobs import SideJobHandlers
from genopt_tui.session.commands import DropSideJob


class Runner:
    """As much of a runner as there is to end a phase."""

    def __init__(self) -> None:
        self.context = SimpleNamespace()
        self.machine = SimpleNamespace(step=None, beginning=None, ending=None)
        self.task: asyncio.Task[None] | None = None

    async def interrupt(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_work_is_dropped_and_whoever_waits_for_it_hears_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner, failed, begun = Runner(), {}, asyncio.Event()
    control = SessionControl(cast(Any, runner))
    queue, handlers = control.queued_phases, SideJobHandlers(control)
    monkeypatch.setattr(handlers.side_jobs, "record_failure", failed.__setitem__)

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    handlers._enqueue("first", work)
    handlers._enqueue("second", work)
    await handlers.drop(DropSideJob(token="second"))
    assert len(queue) == 1 and list(failed) == ["second"]
    runner.task = asyncio.create_task(cast(Any, queue.pop(0)()))
    await begun.wait()
    await handlers.drop(DropSideJob(token="first"))
    assert runner.task.cancelled() and list(failed) == ["second", "first"]
    with pytest.raises(SessionError, match="that work is over"):
        await handlers.drop(DropSideJob(token="first"))
