"""Work beside the steps is dropped when a person no longer wants it, before it begins as well as
under way."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.runner.machine import Phase
from genopt_tui.runner.side_jobs import SideJobHandlers


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
    errands: list[Phase] = []
    runner, failed, begun = Runner(), {}, asyncio.Event()
    measuring = SideJobHandlers(cast(Any, runner), errands)
    monkeypatch.setattr(measuring.side_jobs, "failed", failed.__setitem__)

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    measuring._enqueue("first", work)
    measuring._enqueue("second", work)
    await measuring.do_drop({"token": "second"})
    assert len(errands) == 1 and list(failed) == ["second"]
    runner.task = asyncio.create_task(cast(Any, errands.pop(0)()))
    await begun.wait()
    await measuring.do_drop({"token": "first"})
    assert runner.task.cancelled() and list(failed) == ["second", "first"]
    with pytest.raises(SessionError, match="that work is over"):
        await measuring.do_drop({"token": "first"})
