"""A judge that was forked before the runner's event loop began, until the first worker takes it."""

import asyncio
import os
import socket

POLL_INTERVAL = 0.01  # seconds between two looks at whether it has ended


class ForkedJudge:
    """A forked judge, as far as a worker knows `asyncio.subprocess.Process`. `channel` and `output`
    (what it prints) are the runner's ends."""

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
        """Let go of it; it ends with the channel."""
        self.channel.close()
        os.close(self.output)


_spare: list[ForkedJudge] = []


def put(judge: ForkedJudge) -> None:
    """Have the next worker take this judge."""
    _spare.append(judge)


def take() -> ForkedJudge | None:
    """The judge that was forked ahead, once, where it still lives."""
    while _spare:
        if (judge := _spare.pop()).returncode is None:
            return judge
        judge.close()
    return None


def discard() -> None:
    """Let the judge end that nobody took."""
    if judge := take():
        judge.close()
