"""The process that runs a command task's lines, inside the sandbox, in a fresh copy of the
artifact's files.

Frames from the judge as for a player: [seed, traced, artifact] first, then ["run", [line]] for each
line. The answer's value is [exit code (negative: the signal), standard output, standard error,
seconds]. Standard library and msgpack only.
"""

import contextlib
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from genopt_tui.evaluate.player import ANSWER_FD, FAILED, MAX_JUDGE_FRAME, REQUEST_FD, RESULT
from genopt_tui.evaluate.wire import Channel, ChannelClosed

NO_CALLS = [0, 0, b""]  # recorded: there is nothing to record
POLL_INTERVAL = 20  # milliseconds between checks for a line's end, where there are no pidfds
MAX_KEPT = 4 * 1024**2  # bytes kept of what a line printed last, on each stream


def run_player(order: Mapping[str, Any]) -> NoReturn:
    """Serve the judge until it closes the channel; the process ends here. `order` holds `files`, a
    folder to copy or ""."""
    channel = Channel(REQUEST_FD, ANSWER_FD, MAX_JUDGE_FRAME)
    with contextlib.suppress(ChannelClosed):
        (_, _, artifact), failed = channel.receive(), ""
        channel.send(None)  # before any code of the artifact runs
        try:
            copy_files(order["files"], artifact)
        except OSError as error:
            failed = f"its files cannot be laid out in the sandbox: {error}"
        while True:
            _, (line,) = channel.receive()
            if failed:
                channel.send([FAILED, "error", failed, NO_CALLS])
            channel.send([RESULT, run_line(line), NO_CALLS])
    os._exit(0)


def copy_files(folder: str, artifact: Mapping[str, str]) -> None:
    """Copy `folder` here (links stay links), the artifact's files over it. Raises OSError."""
    for place, folders, names in os.walk(folder):
        here = os.path.relpath(place, folder)
        for name in [*folders, *names]:
            copy_entry(os.path.join(place, name), os.path.join(here, name))
    for file, text in artifact.items():
        if os.path.isabs(file) or ".." in file.split("/"):
            continue
        os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
        with open(file, "w", encoding="utf-8", newline="") as out:
            out.write(text)


def copy_entry(source: str, target: str) -> None:
    """A link as a link, a file with its mode (given as it is made: changing modes may be
    forbidden), a folder empty."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.mkdir(target)
    else:
        mode = os.stat(source).st_mode & 0o777 | 0o600
        with (
            open(source, "rb") as old,
            open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as new,
        ):
            shutil.copyfileobj(old, new, 1 << 20)


def run_line(line: str) -> list[Any]:
    """Run a shell line; what it prints also goes on to our own output, where it is counted."""
    begun = time.perf_counter()
    with subprocess.Popen(
        ["/bin/sh", "-c", line],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, errors = collect_output(process)
        code = process.wait()
    return [
        code,
        out.decode("utf-8", "replace"),
        errors.decode("utf-8", "replace"),
        time.perf_counter() - begun,
    ]


def collect_output(process: "subprocess.Popen[bytes]") -> list[bytes]:
    """What a process prints on its two streams until it ends; later output of its children is
    dropped."""
    assert process.stdout is not None and process.stderr is not None
    kept = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    towards = dict(zip(kept, (sys.stdout.fileno(), sys.stderr.fileno()), strict=True))
    ended = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else -1
    poll = select.poll()
    for fd in (*kept, *[ended] * (ended >= 0)):
        poll.register(fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll(None if ended >= 0 else POLL_INTERVAL)}
        if not ready & kept.keys() and (
            ended in ready or (ended < 0 and process.poll() is not None)
        ):
            break
        for fd in ready & kept.keys():
            data = os.read(fd, 65536)
            if not data:
                poll.unregister(fd)
            write_all(data, towards[fd])
            kept[fd] = (kept[fd] + data)[-MAX_KEPT:]
    if ended >= 0:
        os.close(ended)
    return list(kept.values())


def write_all(data: bytes, to: int) -> None:
    while data:
        data = data[os.write(to, data) :]
