"""The process that players are forked from: it has loaded what the task names, and lives inside the sandbox.

For each order of the judge, which is three descriptors, it forks a player that works on them, and reports its pidfd at once and
its end (status and resources) once nothing of it is left. Orders come ahead: a player locks itself down and waits for the judge's
first word, so that a rollout begins without waiting for a fork. Standard library and msgpack only before `preload`.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Collection
from typing import Any, NoReturn

from genopt_tui.evaluate import lockdown, player

REPORT = struct.Struct("!iidd")  # pid, wait status, CPU seconds, peak memory in MB
BEGUN = -1  # in the place of the status: the player has just been forked
LENGTH = struct.Struct("!I")
POLL = 20  # milliseconds between two counts of a player's processes, and two looks at players where there are no pidfds
PIDFDS = hasattr(os, "pidfd_open")
RULESET = player.REQUESTS + 1  # descriptor


def main(control: int) -> None:
    """Serve the judge on file descriptor `control` until it closes."""
    lockdown.die_with_parent()
    lockdown.adopt_orphans()
    judge = socket.socket(fileno=control)
    size = LENGTH.unpack(judge.recv(LENGTH.size, socket.MSG_WAITALL))[0]
    Zygote(judge, json.loads(judge.recv(size, socket.MSG_WAITALL))).serve()


class Zygote:
    """`settings`: limits, preload, read, hidden, scratch, landlock, seccomp, network, processes (of the task's limits),
    command (of a command task)."""

    def __init__(self, judge: socket.socket, settings: dict[str, Any]) -> None:
        self.judge, self.settings = judge, settings
        self.writable = [settings["scratch"], *["/dev/shm"] * settings["private_shm"]]
        self.players: dict[int, int] = {}  # pid -> pidfd; the first is at work, or will be
        self.parents = bool(settings["processes"]) or not settings["seccomp"]  # whether players may have children
        self.poll = select.poll()
        self.poll.register(judge, select.POLLIN)
        os.chdir(settings["scratch"])
        for name in ("SIGUSR2", "SIGPIPE", "SIGXFSZ"):  # as players have them
            signal.signal(getattr(signal, name), signal.SIG_DFL if name == "SIGUSR2" else signal.SIG_IGN)
        for name in [*settings["preload"], *["genopt_tui.evaluate.shell"] * bool(settings["command"])]:
            with contextlib.suppress(ImportError):  # the artifact's own import will say it
                importlib.import_module(name)
        player.seed(0)  # numpy loads its generators when they are first asked for: once here, not in every player
        self.ruleset, self.filter = self._ruleset(), lockdown.filter_head(self._rules())
        self.memory = mapped_memory()
        gc.collect()
        gc.freeze()

    def serve(self) -> NoReturn:
        most = self.settings["processes"]
        while True:
            for fd, _ in self.poll.poll(POLL if self.players and (most or not PIDFDS) else None):
                if fd == self.judge.fileno():
                    self._order()
            if most and len(descendants()) > most + len(self.players):
                kill_descendants(self.players.keys())
                os.kill(next(iter(self.players)), signal.SIGUSR2)
            for pid in list(self.players):
                ended, status, usage = os.wait4(pid, os.WNOHANG)
                if ended:
                    self._ended(pid, status, usage)

    def _order(self) -> None:
        """Fork a player for the descriptors of an order; without a judge, end."""
        try:
            order, fds, _, _ = socket.recv_fds(self.judge, 1, 3)
        except ConnectionError:
            order = b""
        if not order:
            kill_descendants()
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            self._become_player(*fds)
        for fd in fds:
            os.close(fd)
        self.players[pid] = pidfd = os.pidfd_open(pid) if PIDFDS else -1
        rights = []
        if PIDFDS:  # for the judge: the right to kill exactly this process
            self.poll.register(pidfd, select.POLLIN)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
        self.judge.sendmsg([REPORT.pack(pid, BEGUN, 0.0, 0.0)], rights)

    def _ended(self, pid: int, status: int, usage: resource.struct_rusage) -> None:
        """Remove what a player left, and report its end."""
        worked = pid == next(iter(self.players))
        pidfd = self.players.pop(pid)
        if PIDFDS:
            self.poll.unregister(pidfd)
            os.close(pidfd)
        if worked:
            if self.parents:
                kill_descendants(self.players.keys())
            for folder in self.writable:
                empty(folder)
        self.judge.sendall(REPORT.pack(pid, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))

    def _ruleset(self) -> int:
        if not self.settings["landlock"]:
            return -1
        write = [*self.writable, "/dev/null", "/dev/zero", "/dev/full"]
        read, hidden = self.settings["read"], self.settings["hidden"]
        return lockdown.landlock_ruleset(read, write, network=self.settings["network"], hidden=hidden)

    def _rules(self) -> dict[int, int]:
        roomy = bool(self.settings["command"]) and self.settings["private_shm"]
        processes, network = bool(self.settings["processes"]), self.settings["network"]
        return lockdown.filter_rules(processes=processes, network=network, roomy=roomy)

    def _become_player(self, answers: int, requests: int, output: int) -> NoReturn:
        """In the child: leave the zygote's session and descriptors, give up rights, and play."""
        try:
            lockdown.die_with_parent()
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            take_descriptors(null, output, output, answers, requests, *[self.ruleset] * (self.ruleset >= 0))
            self._lock_down()
            if self.settings["command"]:
                from genopt_tui.evaluate import shell  # imported above: from here on our files cannot be read

                shell.play(self.settings["command"])
            player.rehearse()
            player.play()
        finally:
            os._exit(70)

    def _lock_down(self) -> None:
        settings = self.settings
        lockdown.limit_resources(settings["limits"], self.memory)
        if settings["landlock"] or settings["seccomp"]:
            lockdown.no_new_privileges()
        if self.ruleset >= 0:
            lockdown.restrict(RULESET)
            os.close(RULESET)
        if settings["seccomp"]:
            if os.geteuid() == 0:
                lockdown.drop_capabilities()
            tail = lockdown.filter_tail(os.getpid(), processes=bool(settings["processes"]))
            lockdown.install_filter(self.filter + tail)


def take_descriptors(*given: int) -> None:
    """Make these the first descriptors, in their order, and close all others."""
    while min(given) < len(given):  # out of the way of the places they go to
        given = tuple(os.dup(fd) for fd in given)
    for target, source in enumerate(given):
        os.dup2(source, target, inheritable=target < 3)
    os.closerange(len(given), 1 << 20)


def descendants() -> list[int]:
    """Process ids below this process, from the kernel's lists of children."""
    found, queue = [], [os.getpid()]
    while queue:
        parent = queue.pop()
        for thread in _listed(f"/proc/{parent}/task"):
            children = [int(pid) for pid in _read(f"/proc/{parent}/task/{thread}/children").split()]
            found += children
            queue += children
    return found


def kill_descendants(except_for: Collection[int] = ()) -> None:
    """Kill and collect everything else below this process; a fork loop is stopped before it is killed."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        alive = [pid for pid in descendants() if pid not in except_for]
        for kill in (signal.SIGSTOP, signal.SIGKILL):
            for pid in alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, kill)
        for pid in alive:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not alive:
            return


def empty(folder: str) -> None:
    """Remove all that a player left in its folder, however deep; ends the zygote when that is not possible."""
    names, moved = _listed(folder), 0
    while names:
        path = os.path.join(folder, names.pop())
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, 0o700)
                for inner in os.listdir(path):  # up to the top: a path may be too long for any call
                    moved += 1
                    names.append(f".moved-{moved}")
                    os.rename(os.path.join(path, inner), os.path.join(folder, names[-1]))
                os.rmdir(path)
            else:
                os.unlink(path)
        except OSError:
            os._exit(1)


def mapped_memory() -> int:
    """Bytes of address space this process has mapped (Linux; 0 elsewhere)."""
    pages = _read("/proc/self/statm").split()
    return int(pages[0]) * resource.getpagesize() if pages else 0


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main(int(sys.argv[1]))
