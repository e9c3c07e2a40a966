"""The judge's side of the zygote: starting it, having players forked, killing them, learning how they ended."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from genopt_tui.config import Sandbox
from genopt_tui.evaluate import zygote
from genopt_tui.evaluate.sandbox import Isolation, house
from genopt_tui.evaluate.wire import Channel
from genopt_tui.task.rollout import Limits


class ZygoteDied(Exception):
    """The zygote ended while it was needed: nobody's score."""


@dataclass(frozen=True)
class Ending:
    """How a player ended: exit code or signal, CPU seconds, peak memory in MB."""

    code: int
    signal: int
    cpu: float
    memory: float


@dataclass
class Player:
    """A live player: its channel, the read end of its output, and the right to kill it."""

    channel: Channel
    output: int
    pid: int = 0  # as the zygote sees it
    pidfd: int = -1

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd >= 0:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self.channel.close()
        for fd in {self.output, self.pidfd} - {-1}:
            os.close(fd)
        self.output = self.pidfd = -1


class Players:
    """Where players come from: one zygote, started again when it dies.

    `command`: of a command task, its folder of `files`; `hidden`: as the task has it.
    """

    def __init__(
        self,
        isolation: Isolation,
        settings: Sandbox,
        limits: Limits,
        preload: list[str],
        scratch: str,
        command: dict[str, str] | None = None,
        hidden: Sequence[str] = (),
    ) -> None:
        self.isolation, self.settings, self.limits, self.preload = isolation, settings, limits, preload
        self._scratch, self._command, self._hidden = scratch, command, hidden
        self._start()

    def _start(self) -> None:
        self._control, inside = socket.socketpair()
        self._next: Player | None = None  # forked ahead; its pid is not known at once
        self._over: Player | None = None  # left
        self._left = 0  # pid of a player that may still be there
        self._endings: dict[int, Ending] = {}  # by pid
        self._house = house(
            self.isolation,
            self.settings,
            self.limits,
            inside.fileno(),
            self._scratch,
            command=bool(self._command),
            hidden=self._hidden,
        )
        self._process = subprocess.Popen(
            self._house.command,
            env=self._house.environment,
            pass_fds=[inside.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        inside.close()
        self._settle(
            {
                "limits": asdict(self.limits) | {"cpu_seconds": self._cpu()},
                "preload": self.preload,
                "read": list(self._house.read),
                "hidden": [] if self.isolation.bwrap else list(self._house.hidden),
                "scratch": self._house.scratch,
                "landlock": self.isolation.landlock,
                "seccomp": self.isolation.seccomp,
                "private_shm": bool(self.isolation.bwrap),
                "network": self.settings.network,
                "processes": self.limits.processes,
                "command": self._command,
            }
        )

    def prepare(self) -> None:
        """Have the next player forked, unless it is."""
        if self._next:
            return
        (asked, asks), (answers, answered), (output, prints) = os.pipe(), os.pipe(), os.pipe()
        os.set_blocking(output, False)
        self._next = Player(Channel(answers, asks), output)
        given = [answered, asked, prints]
        with contextlib.suppress(OSError):  # the zygote is dead: `take` will notice
            socket.send_fds(self._control, [b"."], given)
        for fd in given:
            os.close(fd)

    def take(self) -> Player:
        """The next player, once nothing is left of the one before. Raises ZygoteDied."""
        self.clear()
        self.prepare()
        assert self._next
        while not self._next.pid or (self._left and self._left not in self._endings):
            self._hear()
        self._endings.pop(self._left, None)
        self._left = 0
        player, self._next = self._next, None
        return player

    def leave(self, player: Player) -> None:
        """Have `clear` kill what is left of a player; `take` waits until it is gone."""
        self._over, self._left = player, player.pid

    def clear(self) -> None:
        """Kill and let go of the player that was left. A result goes out before that, for many may be waited for at once."""
        if self._over:
            self._over.kill()
            self._over.close()
            self._over = None

    def end(self, player: Player) -> Ending:
        """Kill what is left of the player and learn how it ended. Raises ZygoteDied."""
        player.kill()
        while player.pid not in self._endings:
            self._hear()
        return self._endings[player.pid]

    def restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self.clear()
        if self._next:
            self._next.close()
        self._control.close()
        self._process.kill()
        self._process.wait()
        if self._house.outside:
            shutil.rmtree(self._house.outside, ignore_errors=True)

    @property
    def scratch(self) -> str:
        """The scratch folder where its size is not bounded by a file system of its own; else empty."""
        return self._house.outside

    @property
    def hidden(self) -> Sequence[str]:
        """Folders that the task hides from players."""
        return self._house.hidden

    @property
    def inside(self) -> str:
        """The scratch folder as players see it."""
        return self._house.scratch

    def _cpu(self) -> float:
        return self.limits.cpu_seconds or self.limits.seconds + 2

    def _settle(self, settings: object) -> None:
        body = json.dumps(settings).encode()
        with contextlib.suppress(OSError):  # the zygote is dead: `take` will notice
            self._control.sendall(zygote.LENGTH.pack(len(body)) + body)

    def _hear(self) -> None:
        """Take in one report of the zygote. Raises ZygoteDied."""
        size = zygote.REPORT.size
        try:
            data, fds, _, _ = socket.recv_fds(self._control, size, 1, socket.MSG_WAITALL)
        except OSError as error:
            raise ZygoteDied from error
        if len(data) < size:
            raise ZygoteDied
        pid, status, cpu, memory = zygote.REPORT.unpack(data)
        if status == zygote.BEGUN:
            assert self._next
            self._next.pid, self._next.pidfd = pid, fds[0] if fds else -1
        else:
            code = os.waitstatus_to_exitcode(status)
            self._endings[pid] = Ending(max(code, 0), max(-code, 0), cpu, memory)
