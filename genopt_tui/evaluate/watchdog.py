"""Enforcing one rollout's limits on wall time, output and scratch space, and the runner's messages,
in a thread of the judge."""

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from genopt_tui.evaluate.cpu_affinity import AffinityController
from genopt_tui.evaluate.wire import Channel, ChannelClosed, WireError
from genopt_tui.evaluate.zygote_client import PlayerHandle
from genopt_tui.task.rollout import Limits

# seconds into a rollout at which the next player is forked: not while many rollouts begin at once
PREPARE_DELAY = 0.1
SCRATCH_INTERVAL = 0.25  # seconds between checks of the size of a scratch folder on disk
MAX_DEPTH = 100  # folders inside folders on disk; looking through deeper ones takes too long
MAX_KEPT = 16 * 1024  # bytes of output kept from its beginning, and as many from its end


class Watchdog(threading.Thread):
    """Kills the player at the first limit that it exceeds; `limit_hit` then names it: timeout, output,
    scratch or cancelled.

    While it runs it is the only reader of the runner's channel: it puts answers to `llm` questions
    into `answers`. `prepare` is called once, PREPARE_DELAY seconds into the rollout.
    """

    def __init__(
        self,
        player: PlayerHandle,
        limits: Limits,
        runner: Channel,
        prepare: Callable[[], None],
        scratch: str = "",
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self.player, self.limits, self.runner, self.scratch = player, limits, runner, scratch
        self._prepare: Callable[[], None] | None = prepare
        self.limit_hit = ""
        self.affinity: AffinityController | None = None  # updated while the rollout runs
        self.answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._head, self._tail, self._printed = bytearray(), bytearray(), 0
        self._begun, self._paused, self._paused_at = time.monotonic(), 0.0, 0.0
        self._wake_reader, self._wake_writer = os.pipe()
        self._done = False

    def get_elapsed_seconds(self) -> float:
        """Wall time so far, without the pauses."""
        now = self._paused_at or time.monotonic()
        return now - self._begun - self._paused

    def pause(self) -> None:
        """Stop the clock (while a model answers)."""
        self._paused_at = time.monotonic()

    def resume(self) -> None:
        self._paused += time.monotonic() - self._paused_at
        self._paused_at = 0.0
        os.write(self._wake_writer, b".")

    def stop(self) -> None:
        """End the thread; the rollout is over."""
        self._done = True
        os.write(self._wake_writer, b".")
        self.join()
        if self.affinity:
            self.affinity.release()
        for fd in (self._wake_reader, self._wake_writer):
            os.close(fd)

    def run(self) -> None:
        poll = select.poll()
        for fd in (self.player.output, self._wake_reader, self.runner.read_fd):
            poll.register(fd, select.POLLIN)
        while not self._done:
            if self.affinity and not self.limit_hit:
                self.affinity.update()
            if self._prepare and time.monotonic() >= self._begun + PREPARE_DELAY:
                self._prepare()
                self._prepare = None
            left = self.limits.seconds - self.get_elapsed_seconds()
            if left <= 0 and not self._paused_at:
                self._stop_player("timeout")
            if self.scratch and not self.limit_hit and self._is_scratch_full(left):
                self._stop_player("scratch")
            ready = poll.poll(self._get_poll_timeout(left))
            for fd, _ in ready:
                if fd == self._wake_reader:
                    os.read(self._wake_reader, 4096)
                elif fd == self.player.output and not self.read_output():
                    poll.unregister(fd)
                elif fd == self.runner.read_fd:
                    self._read_messages()

    def _is_scratch_full(self, left: float) -> bool:
        return measure_folder(self.scratch, self.limits.scratch, left) > self.limits.scratch

    def _get_poll_timeout(self, left: float) -> float | None:
        """Milliseconds until the next check is due; None where none is."""
        if self.limit_hit:
            return None
        waits = [] if self._paused_at else [max(left, 0)]
        waits += [SCRATCH_INTERVAL] if self.scratch else []
        waits += [max(self._begun + PREPARE_DELAY - time.monotonic(), 0)] if self._prepare else []
        waits += (
            [self.affinity.get_seconds_until_update()]
            if self.affinity and not self._paused_at
            else []
        )
        return min(waits) * 1000 + 1 if waits else None

    def read_output(self) -> bool:
        """Read what the player printed; False at its end."""
        try:
            data = os.read(self.player.output, 65536)
        except BlockingIOError:
            return True
        self._printed += len(data)
        room = MAX_KEPT - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[max(room, 0) :])[-MAX_KEPT:]
        if self._printed > self.limits.output:
            self._stop_player("output")
        return bool(data)

    def drain_output(self) -> None:
        """Read the rest of the output once the player is dead."""
        while (
            self._printed <= self.limits.output
            and select.select([self.player.output], [], [], 0)[0]
        ):
            if not self.read_output():
                break

    def get_output(self) -> str:
        """What the player printed, without its middle when it is long."""
        left_out = self._printed - len(self._head) - len(self._tail)
        gap = f"\n… {left_out} bytes left out …\n".encode() if left_out else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "replace")

    def _stop_player(self, verdict: str) -> None:
        if not self.limit_hit:
            self.limit_hit = verdict
        self.player.kill()

    def _read_messages(self) -> None:
        self._read_message()
        while self.runner.has_unread():
            self._read_message()

    def _read_message(self) -> None:
        try:
            message = self.runner.receive()
        except (ChannelClosed, WireError):
            self.player.kill()
            os._exit(0)  # the runner is gone: nobody wants the result
        if message["op"] == "answer":
            self.answers.put(message)
        elif message["op"] == "cancel":
            self._stop_player("cancelled")
            self.answers.put({"text": "", "error": "cancelled"})


def measure_folder(folder: str, max_bytes: int, seconds: float) -> int:
    """Bytes of the files below `folder`, at least; stops above `max_bytes` (folders nested too deep
    count as more) or after `seconds`."""
    total, folders, until = 0, [(folder, 0)], time.monotonic() + seconds
    while folders and total <= max_bytes and time.monotonic() < until:
        path, depth = folders.pop()
        if depth > MAX_DEPTH:
            return max_bytes + 1
        with (
            contextlib.suppress(OSError),
            os.scandir(path) as entries,
        ):  # a file may go while it is looked at
            for entry in entries:
                total += 512 + entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, depth + 1))
    return total
