"""A runner's process started before its session is known: it loads its modules while its starter
reads the command line.

Standard library only, and little of it: this comes before anything else of a command.
"""

import contextlib
import os
import sys
from pathlib import Path

# of `python -m genopt_tui.runner`: a descriptor follows, from which the session's path comes
OPTION = "--early"
IMPORT_ROOT = str(Path(__file__).resolve().parents[2])

_waiting_pipes: list[int] = []


def spawn_runner() -> int:
    """Start a runner that waits for `take`; its process id. It ends by itself when nobody comes."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    path = os.pathsep.join(filter(None, [IMPORT_ROOT, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-P", "-m", "genopt_tui.runner", OPTION, str(reading)]
    pid = os.posix_spawn(
        sys.executable, command, {**os.environ, "PYTHONPATH": path}, file_actions=nowhere
    )
    os.close(reading)
    _waiting_pipes.append(writing)
    return pid


def hand_over(session: Path) -> bool:
    """Have the waiting runner run `session`; False where none waits."""
    while _waiting_pipes:
        with contextlib.suppress(BrokenPipeError), os.fdopen(_waiting_pipes.pop(), "wb", 0) as pipe:
            pipe.write(os.fsencode(session))
            return True
    return False


def cancel() -> None:
    """Let the waiting runner end: it is not needed."""
    while _waiting_pipes:
        os.close(_waiting_pipes.pop())


def receive_session(fd: int) -> Path | None:
    """In the runner: the session that it was started for, its log taken as output; None where
    nobody needs it."""
    with os.fdopen(fd, "rb") as pipe:
        text = pipe.read()
    if not text:
        return None
    session = Path(os.fsdecode(text))
    os.chdir(session)
    with (session / ".genopt" / "runner.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    return session
