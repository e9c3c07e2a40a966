"""The process that players are forked from: it has loaded what the task names, and lives inside the sandbox.

It takes one order at a time from the judge: have a player work on the descriptors that come with the order, report its pidfd
at once, and its end (status and resources) once nothing of it is left. A player is forked ahead, locked down and waiting for its
order, so that a rollout begins without waiting for a fork. Standard library and msgpack only before `preload`.
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
from collections.abc import Set
from typing import Any, NoReturn

from genopt_tui.evaluate import lockdown, player, shell

REPORT = struct.Struct("!iidd")  # pid, wait status, CPU seconds, peak memory in MB; pid 0: could not fork
LENGTH = struct.Struct("!I")
POLL = 0.02  # seconds between two counts of a player's processes
AHEAD = 0.1  # seconds into a rollout at which the next player is forked: not while many rollouts begin at once


def main(control: int) -> None:
    """Serve the judge on file descriptor `control` until it closes."""
    lockdown.die_with_parent()
    lockdown.adopt_orphans()
    judge = socket.socket(fileno=control)
    settings = read_order(judge)[0]
    Zygote(judge, settings).serve()


def read_order(judge: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """One order and the descriptors that came with it; ends the process when the judge is gone."""
    try:
        head, fds, _, _ = socket.recv_fds(judge, LENGTH.size, 4)
    except ConnectionError:
        head, fds = b"", []
    if not head:
        os._exit(0)
    body = judge.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
    order: dict[str, Any] = json.loads(body)
    return order, list(fds)


class Zygote:
    """`settings`: limits, preload, read, hidden, scratch, landlock, seccomp, network, processes (of the task's limits),
    command (of a command task)."""

    def __init__(self, judge: socket.socket, settings: dict[str, Any]) -> None:
        self.judge, self.settings = judge, settings
        self.writable = [settings["scratch"], *["/dev/shm"] * settings["private_shm"]]
        self.spare: Spare | None = None
        os.chdir(settings["scratch"])
        for name in settings["preload"]:
            with contextlib.suppress(ImportError):  # the artifact's own import will say it
                importlib.import_module(name)
        player.seed(0)  # numpy loads its generators when they are first asked for: once here, not in every player
        self.ruleset, self.filter = self._ruleset(), lockdown.filter_head(self._rules())
        self.memory = mapped_memory()
        gc.collect()
        gc.freeze()
        judge.sendall(REPORT.pack(os.getpid(), 0, 0.0, 0.0))

    def serve(self) -> NoReturn:
        while True:
            self.spare = self.spare or self._fork()
            order, fds = read_order(self.judge)
            while not self.spare.begin(order, fds):  # somebody killed it while it waited
                self.spare = self._fork()
            for fd in fds:
                os.close(fd)
            pid, self.spare = self.spare.pid, None
            self._announce(pid)
            status, usage = self._watch(pid)
            kill_descendants(self._waiting())
            cpu = usage.ru_utime + usage.ru_stime
            self.judge.sendall(REPORT.pack(pid, status, cpu, usage.ru_maxrss / 1024))
            for folder in self.writable:
                empty(folder)

    def _waiting(self) -> set[int]:
        return {self.spare.pid} if self.spare else set()

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

    def _announce(self, pid: int) -> None:
        """Tell the judge the player's pid and hand it a pidfd: the right to kill exactly this process."""
        fds = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.judge.sendmsg([REPORT.pack(pid, 0, 0.0, 0.0)], rights)
        for fd in fds:
            os.close(fd)

    def _fork(self) -> "Spare":
        """A player that waits for its order."""
        mine, its = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_player(its)
        its.close()
        return Spare(pid, mine)

    def _watch(self, pid: int) -> tuple[int, resource.struct_rusage]:
        """Wait for the player's end; more processes than allowed, or a judge that is gone, end it."""
        most, due = self.settings["processes"], time.monotonic() + AHEAD
        pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
        poll = select.poll()
        poll.register(self.judge, select.POLLRDHUP if hasattr(select, "POLLRDHUP") else select.POLLHUP)
        if pidfd >= 0:
            poll.register(pidfd, select.POLLIN)
        while True:
            wait = POLL if most or pidfd < 0 else None if self.spare else max(due - time.monotonic(), 0)
            for fd, _ in poll.poll(None if wait is None else wait * 1000 + 1):
                if fd == self.judge.fileno():
                    kill_descendants()
                    os._exit(0)
            if most and len(descendants()) > most + 1 + len(self._waiting()):
                kill_descendants({pid, *self._waiting()})
                os.kill(pid, signal.SIGUSR2)
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                if pidfd >= 0:
                    os.close(pidfd)
                return status, usage
            if not self.spare and time.monotonic() >= due:
                self.spare = self._fork()

    def _become_player(self, orders: socket.socket) -> NoReturn:
        """In the child: leave the zygote's session and descriptors, give up rights, wait for the order, and play."""
        try:
            lockdown.die_with_parent()
            os.setsid()
            take_descriptors(orders.fileno(), keep=self.ruleset)
            for name in ("SIGUSR2", "SIGPIPE", "SIGXFSZ"):
                signal.signal(getattr(signal, name), signal.SIG_DFL if name == "SIGUSR2" else signal.SIG_IGN)
            self._lock_down()
            if not self.settings["command"]:
                player.rehearse()
            order, fds = read_order(unix_socket(3))
            take_channel(*fds)
            if self.settings["command"]:
                shell.play(self.settings["command"])
            player.play(order)
        finally:
            os._exit(70)

    def _lock_down(self) -> None:
        settings = self.settings
        lockdown.limit_resources(settings["limits"], self.memory)
        if settings["landlock"] or settings["seccomp"]:
            lockdown.no_new_privileges()
        if self.ruleset >= 0:
            lockdown.restrict(4)
            os.close(4)
        if settings["seccomp"]:
            if os.geteuid() == 0:
                lockdown.drop_capabilities()
            tail = lockdown.filter_tail(os.getpid(), processes=bool(settings["processes"]))
            lockdown.install_filter(self.filter + tail)


class Spare:
    """A player that waits for its order on `orders`."""

    def __init__(self, pid: int, orders: socket.socket) -> None:
        self.pid, self.orders = pid, orders

    def begin(self, order: dict[str, Any], fds: list[int]) -> bool:
        """Give it its order, channel and output; False when it is dead."""
        body = json.dumps(order).encode()
        try:
            socket.send_fds(self.orders, [LENGTH.pack(len(body))], fds)
            self.orders.sendall(body)
        except OSError:
            os.waitpid(self.pid, 0)
            return False
        finally:
            self.orders.close()
        return True


def take_descriptors(orders: int, *, keep: int) -> None:
    """Input, output and errors nowhere, the orders as 3, the ruleset as 4, all others closed."""
    null = os.open(os.devnull, os.O_RDWR)
    high = [os.dup(fd) if fd >= 0 else -1 for fd in (null, orders, keep)]
    while min(fd for fd in high if fd >= 0) < 5:  # out of the way of the places they go to
        high = [os.dup(fd) if fd >= 0 else -1 for fd in high]
    for target, source in ((0, high[0]), (1, high[0]), (2, high[0]), (3, high[1]), (4, high[2])):
        if source >= 0:
            os.dup2(source, target, inheritable=target < 3)
    os.closerange(5 if keep >= 0 else 4, 1 << 20)


def take_channel(answers: int, requests: int, output: int) -> None:
    """Output and errors to `output`; the pipe of answers as 3, in the place of the orders, that of requests as 4."""
    given = [os.dup(fd) for fd in (answers, requests, output, output)]
    for fd in (answers, requests, output):
        os.close(fd)
    while min(given) <= player.REQUESTS:  # out of the way of the places they go to
        given = [os.dup(fd) for fd in given]
    for source, target in zip(given, (player.ANSWERS, player.REQUESTS, 1, 2), strict=True):
        os.dup2(source, target, inheritable=target < 3)
    os.closerange(player.REQUESTS + 1, 1 << 20)


def unix_socket(fd: int) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)


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


def kill_descendants(except_for: Set[int] = frozenset()) -> None:
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
