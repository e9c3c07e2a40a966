"""The process inside the sandbox that players are forked from; it has loaded the task's libraries.

For each order of the judge, which is three descriptors, it forks a player that uses them. It
reports the player's pidfd at once, and its end (status and resources) once nothing of it is left.
Orders come ahead: a player locks itself down and waits for the judge's first frame, so that a
rollout does not wait for a fork. Standard library and msgpack only before `preload`.
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

REPORT_FORMAT = struct.Struct("!iidd")  # pid, wait status, CPU seconds, peak memory in MB
FORKED = -1  # in the place of the status: the player has just been forked
LENGTH_FORMAT = struct.Struct("!I")
# milliseconds between counts of a player's processes, and checks for ends where there are no pidfds
POLL_INTERVAL = 20
HAS_PIDFDS = hasattr(os, "pidfd_open")
RULESET_FD = player.REQUEST_FD + 1  # descriptor


def main(control: int) -> None:
    """Serve the judge on file descriptor `control` until it closes."""
    lockdown.die_with_parent()
    lockdown.adopt_orphans()
    judge = socket.socket(fileno=control)
    size = LENGTH_FORMAT.unpack(judge.recv(LENGTH_FORMAT.size, socket.MSG_WAITALL))[0]
    Zygote(judge, json.loads(judge.recv(size, socket.MSG_WAITALL))).serve()


class Zygote:
    """Forks players for the judge; `settings` holds the fields that `ZygoteClient` sends."""

    def __init__(self, judge: socket.socket, settings: dict[str, Any]) -> None:
        self.judge, self.settings = judge, settings
        self.writable = [settings["scratch"], *["/dev/shm"] * settings["private_shm"]]
        self.players: dict[int, int] = {}  # pid -> pidfd; the first is at work, or will be
        self.can_have_children = (
            bool(settings["processes"]) or not settings["seccomp"]
        )  # whether players may have children
        self.poll = select.poll()
        self.poll.register(judge, select.POLLIN)
        os.chdir(settings["scratch"])
        for name in ("SIGUSR2", "SIGPIPE", "SIGXFSZ"):  # as players have them
            signal.signal(
                getattr(signal, name), signal.SIG_DFL if name == "SIGUSR2" else signal.SIG_IGN
            )
        for name in [
            *settings["preload"],
            *["genopt_tui.evaluate.shell"] * bool(settings["command"]),
        ]:
            with contextlib.suppress(ImportError):  # the artifact's own import will say it
                importlib.import_module(name)
        player.seed_random(0)  # numpy loads its generators lazily: once here, not in every player
        self.ruleset, self.filter = (
            self._create_ruleset(),
            lockdown.build_filter_head(self._make_filter_rules()),
        )
        self.base_memory = get_mapped_memory()
        gc.collect()
        gc.freeze()

    def serve(self) -> NoReturn:
        most = self.settings["processes"]
        while True:
            for fd, _ in self.poll.poll(
                POLL_INTERVAL if self.players and (most or not HAS_PIDFDS) else None
            ):
                if fd == self.judge.fileno():
                    self._fork_player()
            if most and len(list_descendants()) > most + len(self.players):
                kill_descendants(self.players.keys())
                os.kill(next(iter(self.players)), signal.SIGUSR2)
            for pid in list(self.players):
                ended, status, usage = os.wait4(pid, os.WNOHANG)
                if ended:
                    self._report_exit(pid, status, usage)

    def _fork_player(self) -> None:
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
        self.players[pid] = pidfd = os.pidfd_open(pid) if HAS_PIDFDS else -1
        rights = []
        if HAS_PIDFDS:  # for the judge: the right to kill exactly this process
            self.poll.register(pidfd, select.POLLIN)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
        self.judge.sendmsg([REPORT_FORMAT.pack(pid, FORKED, 0.0, 0.0)], rights)

    def _report_exit(self, pid: int, status: int, usage: resource.struct_rusage) -> None:
        """Remove what a player left, and report its end."""
        worked = pid == next(iter(self.players))
        pidfd = self.players.pop(pid)
        if HAS_PIDFDS:
            self.poll.unregister(pidfd)
            os.close(pidfd)
        if worked:
            if self.can_have_children:
                kill_descendants(self.players.keys())
            for folder in self.writable:
                empty_folder(folder)
        self.judge.sendall(
            REPORT_FORMAT.pack(pid, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
        )

    def _create_ruleset(self) -> int:
        if not self.settings["landlock"]:
            return -1
        write = [*self.writable, "/dev/null", "/dev/zero", "/dev/full"]
        read, hidden = self.settings["read"], self.settings["hidden"]
        return lockdown.create_landlock_ruleset(
            read, write, network=self.settings["network"], hidden=hidden
        )

    def _make_filter_rules(self) -> dict[int, int]:
        roomy = bool(self.settings["command"]) and self.settings["private_shm"]
        processes, network = bool(self.settings["processes"]), self.settings["network"]
        return lockdown.make_filter_rules(processes=processes, network=network, relaxed=roomy)

    def _become_player(self, answers: int, requests: int, output: int) -> NoReturn:
        """In the child: leave the zygote's session and descriptors, give up rights, and play."""
        try:
            lockdown.die_with_parent()
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            take_descriptors(
                null, output, output, answers, requests, *[self.ruleset] * (self.ruleset >= 0)
            )
            self._lock_down()
            if self.settings["command"]:
                from genopt_tui.evaluate import shell

                shell.run_player(self.settings["command"])
            player.warm_up()
            player.run_player()
        finally:
            os._exit(70)

    def _lock_down(self) -> None:
        settings = self.settings
        lockdown.limit_resources(settings["limits"], self.base_memory)
        if settings["landlock"] or settings["seccomp"]:
            lockdown.set_no_new_privileges()
        if self.ruleset >= 0:
            lockdown.enter_ruleset(RULESET_FD)
            os.close(RULESET_FD)
        if settings["seccomp"]:
            if os.geteuid() == 0:
                lockdown.drop_capabilities()
            tail = lockdown.build_filter_tail(os.getpid(), processes=bool(settings["processes"]))
            lockdown.install_filter(self.filter + tail)


def take_descriptors(*given: int) -> None:
    """Make these the first descriptors, in their order, and close all others."""
    while min(given) < len(given):  # out of the way of the places they go to
        given = tuple(os.dup(fd) for fd in given)
    for target, source in enumerate(given):
        os.dup2(source, target, inheritable=target < 3)
    os.closerange(len(given), 1 << 20)


def list_descendants() -> list[int]:
    """Process ids below this process, from the kernel's lists of children."""
    found, queue = [], [os.getpid()]
    while queue:
        parent = queue.pop()
        for thread in _list_folder(f"/proc/{parent}/task"):
            children = [
                int(pid) for pid in _read_text(f"/proc/{parent}/task/{thread}/children").split()
            ]
            found += children
            queue += children
    return found


def kill_descendants(except_for: Collection[int] = ()) -> None:
    """Kill and reap all descendants but some; stop them first, so that a fork loop ends."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        alive = [pid for pid in list_descendants() if pid not in except_for]
        for kill in (signal.SIGSTOP, signal.SIGKILL):
            for pid in alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, kill)
        for pid in alive:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not alive:
            return


def empty_folder(folder: str) -> None:
    """Remove all that a player left in its folder, at any depth; ends the zygote where it cannot."""
    names, moved = _list_folder(folder), 0
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


def get_mapped_memory() -> int:
    """Bytes of address space this process has mapped (Linux; 0 elsewhere)."""
    pages = _read_text("/proc/self/statm").split()
    return int(pages[0]) * resource.getpagesize() if pages else 0


def _list_folder(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main(int(sys.argv[1]))
