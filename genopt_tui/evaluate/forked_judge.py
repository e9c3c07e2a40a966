"""The judge that is forked before the runner's event loop starts, until the first worker takes it."""

import asyncio
import os
import socket

POLL_INTERVAL = 0.01  # seconds between checks for its end


class ForkedJudge:
    """A forked judge with the part of `asyncio.subprocess.Process` that a worker uses. `channel` and
    `output` (what it prints) are the runner's ends."""

    def __init__(self, pid: int, channel: socket.socket, output: int) -> None:
        self.pid, self.channel, self.output = pid, channel, output
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        """As that of a process; None while it lives."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            await asyncio.sleep(POLL_INTERVAL)
        return code

    def close(self) -> None:
        """Close our ends; the judge ends with its channel."""
        self.channel.close()
        os.close(self.output)


_spare: list[ForkedJudge] = []


def put(judge: ForkedJudge) -> None:
    """Have the next worker take this judge."""
    _spare.append(judge)


def take() -> ForkedJudge | None:
    """The judge that was forked ahead, if it is still alive; only once."""
    while _spare:
        if (judge := _spare.pop()).returncode is None:
            return judge
        judge.close()
    return None


def discard() -> None:
    """End the judge that no worker took."""
    if judge := take():
        judge.close()
