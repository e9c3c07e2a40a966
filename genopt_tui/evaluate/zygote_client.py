"""The judge's side of the zygote: starting it, ordering players, killing them, and learning how they
ended."""

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
from genopt_tui.evaluate.sandbox import Isolation, build_sandbox
from genopt_tui.evaluate.wire import Channel
from genopt_tui.task.rollout import Limits


class ZygoteDied(Exception):
    """The zygote ended while it was needed."""


@dataclass(frozen=True)
class PlayerExit:
    """How a player ended: exit code or signal, CPU seconds, peak memory in MB."""

    code: int
    signal: int
    cpu: float
    memory: float


@dataclass
class PlayerHandle:
    """A live player: its channel, the read end of its output, and its pidfd."""

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


class ZygoteClient:
    """One zygote that forks players, restarted when it dies.

    `command` holds the folder of `files` of a command task; `hidden` are the task's hidden folders.
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
        self.isolation, self.settings, self.limits, self.preload = (
            isolation,
            settings,
            limits,
            preload,
        )
        self._scratch, self._command, self._hidden = scratch, command, hidden
        self._start()

    def _start(self) -> None:
        self._control, inside = socket.socketpair()
        self._next_player: PlayerHandle | None = None  # forked ahead; its pid is not known at once
        self._released_player: PlayerHandle | None = None  # to be killed
        self._released_pid = 0  # pid of a player that may still be there
        self._exits: dict[int, PlayerExit] = {}  # by pid
        self._sandbox = build_sandbox(
            self.isolation,
            self.settings,
            self.limits,
            inside.fileno(),
            self._scratch,
            command=bool(self._command),
            hidden=self._hidden,
        )
        self._process = subprocess.Popen(
            self._sandbox.command,
            env=self._sandbox.environment,
            pass_fds=[inside.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        inside.close()
        self._send_settings(
            {
                "limits": asdict(self.limits) | {"cpu_seconds": self._get_cpu_seconds()},
                "preload": self.preload,
                "read": list(self._sandbox.read),
                "hidden": [] if self.isolation.bwrap else list(self._sandbox.hidden),
                "scratch": self._sandbox.player_scratch,
                "landlock": self.isolation.landlock,
                "seccomp": self.isolation.seccomp,
                "private_shm": bool(self.isolation.bwrap),
                "network": self.settings.network,
                "processes": self.limits.processes,
                "command": self._command,
            }
        )

    def prepare_player(self) -> None:
        """Order the next player, unless one is ready."""
        if self._next_player:
            return
        (asked, asks), (answers, answered), (output, prints) = os.pipe(), os.pipe(), os.pipe()
        os.set_blocking(output, False)
        self._next_player = PlayerHandle(Channel(answers, asks), output)
        given = [answered, asked, prints]
        with contextlib.suppress(OSError):  # the zygote is dead: `take_player` will notice
            socket.send_fds(self._control, [b"."], given)
        for fd in given:
            os.close(fd)

    def take_player(self) -> PlayerHandle:
        """The next player, once nothing is left of the previous one. Raises ZygoteDied."""
        self.kill_released()
        self.prepare_player()
        assert self._next_player
        while not self._next_player.pid or (
            self._released_pid and self._released_pid not in self._exits
        ):
            self._read_report()
        self._exits.pop(self._released_pid, None)
        self._released_pid = 0
        player, self._next_player = self._next_player, None
        return player

    def release(self, player: PlayerHandle) -> None:
        """Leave a player for `kill_released`; `take_player` waits until it is gone."""
        self._released_player, self._released_pid = player, player.pid

    def kill_released(self) -> None:
        """Kill the released player. The result goes out first, because the runner may wait for many
        at once."""
        if self._released_player:
            self._released_player.kill()
            self._released_player.close()
            self._released_player = None

    def kill_and_wait(self, player: PlayerHandle) -> PlayerExit:
        """Kill what is left of the player and learn how it ended. Raises ZygoteDied."""
        player.kill()
        while player.pid not in self._exits:
            self._read_report()
        return self._exits[player.pid]

    def restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self.kill_released()
        if self._next_player:
            self._next_player.close()
        self._control.close()
        self._process.kill()
        self._process.wait()
        if self._sandbox.host_scratch:
            shutil.rmtree(self._sandbox.host_scratch, ignore_errors=True)

    @property
    def host_scratch(self) -> str:
        """The scratch folder where its size is not bounded by a file system of its own; else
        empty."""
        return self._sandbox.host_scratch

    @property
    def hidden(self) -> Sequence[str]:
        """Folders that the task hides from players."""
        return self._sandbox.hidden

    @property
    def player_scratch(self) -> str:
        """The scratch folder as players see it."""
        return self._sandbox.player_scratch

    def _get_cpu_seconds(self) -> float:
        return self.limits.cpu_seconds or self.limits.seconds + 2

    def _send_settings(self, settings: object) -> None:
        body = json.dumps(settings).encode()
        with contextlib.suppress(OSError):  # the zygote is dead: `take_player` will notice
            self._control.sendall(zygote.LENGTH_FORMAT.pack(len(body)) + body)

    def _read_report(self) -> None:
        """Read one report of the zygote. Raises ZygoteDied."""
        size = zygote.REPORT_FORMAT.size
        try:
            data, fds, _, _ = socket.recv_fds(self._control, size, 1, socket.MSG_WAITALL)
        except OSError as error:
            raise ZygoteDied from error
        if len(data) < size:
            raise ZygoteDied
        pid, status, cpu, memory = zygote.REPORT_FORMAT.unpack(data)
        if status == zygote.FORKED:
            assert self._next_player
            self._next_player.pid, self._next_player.pidfd = pid, fds[0] if fds else -1
        else:
            code = os.waitstatus_to_exitcode(status)
            self._exits[pid] = PlayerExit(max(code, 0), max(-code, 0), cpu, memory)
