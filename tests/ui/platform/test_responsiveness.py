"""The developer's switch: what keeps the loop is reported by name, and nothing else is."""

from collections.abc import Iterator
from time import thread_time

import pytest
from textual.app import App
from textual.message import Message

from genopt_tui.ui.platform import responsiveness


class Long(Message):
    """Handled slowly."""


class Short(Message):
    """Handled at once."""


class Busy(App[None]):
    def on_long(self) -> None:
        until = thread_time() + 0.03
        while thread_time() < until:
            pass

    def on_short(self) -> None:
        """Nothing to do."""


@pytest.fixture
def told() -> Iterator[list[str]]:
    heard: list[str] = []
    end = responsiveness.report_slow_handlers(20, lambda what, milliseconds: heard.append(what))
    yield heard
    end()


async def test_only_what_is_slow_is_reported(told: list[str]) -> None:
    app = Busy()
    async with app.run_test() as pilot:
        for message in (Short(), Long(), Short()):
            app.post_message(message)
            await pilot.pause()
    assert "Busy Long" in told
    assert "Busy Short" not in told
    assert not any("Mount" in what for what in told)


def test_ended_it_leaves_no_trace() -> None:
    import asyncio

    before = asyncio.Handle._run
    end = responsiveness.report_slow_handlers(10)
    assert asyncio.Handle._run is not before
    end()
    assert asyncio.Handle._run is before


def test_the_report_goes_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    responsiveness.write_to_log("TracePane Moved", 12.4)
    assert capfd.readouterr().err == "slow: TracePane Moved 12 ms\n"
