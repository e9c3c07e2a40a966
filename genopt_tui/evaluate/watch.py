"""Guarding one rollout from outside: wall time, output, and the runner's word, in a thread of the judge."""

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from genopt_tui.evaluate.core import Core
from genopt_tui.evaluate.players import Player
from genopt_tui.evaluate.wire import Channel, Closed, WireError
from genopt_tui.task.rollout import Limits

AHEAD = 0.1  # seconds into a rollout at which the next player is forked: not while many rollouts begin at once
LOOK = 0.25  # seconds between two looks at the size of a scratch folder on disk
DEEPEST = 100  # folders inside folders on disk; looking through deeper ones takes too long
KEPT = 16 * 1024  # bytes of output kept from its beginning, and as many from its end


class Watch(threading.Thread):
    """Kills the player at the first limit it breaks; `verdict` then says which: timeout, output, scratch or cancelled.

    While it runs it is the only reader of the runner's channel: answers to `llm` questions land in `answers`.
    `prepare` is called once, AHEAD seconds into the rollout.
    """

    def __init__(
        self, player: Player, limits: Limits, runner: Channel, prepare: Callable[[], None], scratch: str = ""
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self.player, self.limits, self.runner, self.scratch = player, limits, runner, scratch
        self._prepare: Callable[[], None] | None = prepare
        self.verdict = ""
        self.core: Core | None = None  # to be kept an eye on
        self.answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._head, self._tail, self._printed = bytearray(), bytearray(), 0
        self._begun, self._paused, self._paused_at = time.monotonic(), 0.0, 0.0
        self._wake, self._waker = os.pipe()
        self._over = False

    def seconds(self) -> float:
        """Wall time so far, without the pauses."""
        now = self._paused_at or time.monotonic()
        return now - self._begun - self._paused

    def pause(self) -> None:
        """Stop the clock (while a model answers)."""
        self._paused_at = time.monotonic()

    def resume(self) -> None:
        self._paused += time.monotonic() - self._paused_at
        self._paused_at = 0.0
        os.write(self._waker, b".")

    def stop(self) -> None:
        """End the guard; the rollout is over."""
        self._over = True
        os.write(self._waker, b".")
        self.join()
        if self.core:
            self.core.let_go()
        for fd in (self._wake, self._waker):
            os.close(fd)

    def run(self) -> None:
        poll = select.poll()
        for fd in (self.player.output, self._wake, self.runner.reading):
            poll.register(fd, select.POLLIN)
        while not self._over:
            if self.core and not self.verdict:
                self.core.look()
            if self._prepare and time.monotonic() >= self._begun + AHEAD:
                self._prepare()
                self._prepare = None
            left = self.limits.seconds - self.seconds()
            if left <= 0 and not self._paused_at:
                self._stop_player("timeout")
            if self.scratch and not self.verdict and self._scratch_full(left):
                self._stop_player("scratch")
            ready = poll.poll(self._patience(left))
            for fd, _ in ready:
                if fd == self._wake:
                    os.read(self._wake, 4096)
                elif fd == self.player.output and not self.read_output():
                    poll.unregister(fd)
                elif fd == self.runner.reading:
                    self._listen()

    def _scratch_full(self, left: float) -> bool:
        return occupied(self.scratch, self.limits.scratch, left) > self.limits.scratch

    def _patience(self, left: float) -> float | None:
        """Milliseconds until the next look is due; None: nothing to look for."""
        if self.verdict:
            return None
        waits = [] if self._paused_at else [max(left, 0)]
        waits += [LOOK] if self.scratch else []
        waits += [max(self._begun + AHEAD - time.monotonic(), 0)] if self._prepare else []
        waits += [self.core.patience()] if self.core and not self._paused_at else []
        return min(waits) * 1000 + 1 if waits else None

    def read_output(self) -> bool:
        """Take in what the player printed; False at its end."""
        try:
            data = os.read(self.player.output, 65536)
        except BlockingIOError:
            return True
        self._printed += len(data)
        room = KEPT - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[max(room, 0) :])[-KEPT:]
        if self._printed > self.limits.output:
            self._stop_player("output")
        return bool(data)

    def drain(self) -> None:
        """Take in what is left of the output once the player is dead."""
        while self._printed <= self.limits.output and select.select([self.player.output], [], [], 0)[0]:
            if not self.read_output():
                break

    def output(self) -> str:
        """What the player printed, its middle left out when it is long."""
        left_out = self._printed - len(self._head) - len(self._tail)
        gap = f"\n… {left_out} bytes left out …\n".encode() if left_out else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "replace")

    def _stop_player(self, verdict: str) -> None:
        if not self.verdict:
            self.verdict = verdict
        self.player.kill()

    def _listen(self) -> None:
        self._hear()
        while self.runner.spare():
            self._hear()

    def _hear(self) -> None:
        try:
            message = self.runner.receive()
        except (Closed, WireError):
            self.player.kill()
            os._exit(0)  # the runner is gone: nobody wants the result
        if message["op"] == "answer":
            self.answers.put(message)
        elif message["op"] == "cancel":
            self._stop_player("cancelled")
            self.answers.put({"text": "", "error": "cancelled"})


def occupied(folder: str, enough: int, seconds: float) -> int:
    """Bytes of the files below `folder`; the count stops once it exceeds `enough`, which folders too deep do, or after `seconds`."""
    total, folders, until = 0, [(folder, 0)], time.monotonic() + seconds
    while folders and total <= enough and time.monotonic() < until:
        path, depth = folders.pop()
        if depth > DEEPEST:
            return enough + 1
        with contextlib.suppress(OSError), os.scandir(path) as entries:  # a file may go while it is looked at
            for entry in entries:
                total += 512 + entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, depth + 1))
    return total
