"""`python -m genopt_tui.runner SESSION`: the runner's process. It writes to no terminal; its
starter gives it a log.

`--early FD` in place of the session: it is told on FD once the starter knows it (`session.early`).
"""

import asyncio
import gc
import importlib
import os
import signal
import sys
from pathlib import Path

from genopt_tui.errors import Exit, GenoptError
from genopt_tui.session import prespawn
from genopt_tui.session.journal import Journal
from genopt_tui.session.lock import SessionLock
from genopt_tui.session.places import require_trust


def prepare() -> None:
    """Load what the runner works with, and fork a first judge on the way: both are ready once there
    is something to do."""
    gc.disable()  # nothing of what is loaded here is ever garbage
    ahead = importlib.import_module("genopt_tui.evaluate.prefork")
    gc.freeze()
    ahead.fork()
    importlib.import_module("genopt_tui.runner.runner")
    gc.freeze()
    gc.enable()


def main(arguments: list[str]) -> int:
    """Run the session until its runner is not needed any more."""
    session = (
        prespawn.receive_session(int(arguments[1]))
        if arguments[0] == prespawn.OPTION
        else Path(arguments[0]).resolve()
    )
    if session is None:
        return Exit.DONE
    try:
        require_trust(session)
        while True:
            with SessionLock(session):
                code = run(session)
            if code or not has_waiting_commands(
                session
            ):  # a command may have come while the runner was ending
                return code
    except GenoptError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)


def has_waiting_commands(session: Path) -> bool:
    """Whether a command waits that nobody has taken up."""
    journal = Journal(session)
    try:
        return bool(journal.read_commands())
    finally:
        journal.close()


def run(session: Path) -> int:
    """The runner under the lock. Whatever ends it unforeseen is said in the journal before it is
    told to the log."""
    whole = False
    try:
        code = asyncio.run(serve(session))
        whole = True
        return code
    finally:
        if not whole:
            journal = Journal(session)
            log = session / ".genopt" / "runner.log"
            journal.append_event(
                0, "error", message="the runner broke off", advice=f"See {log}", detail=""
            )
            journal.close()


async def serve(session: Path) -> int:
    from genopt_tui.runner.hooks import EventHooks
    from genopt_tui.runner.runner import Runner

    runner = Runner(session)
    runner.event_log.notify = EventHooks(session).run_hook
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(
            number, lambda: runner.stop("stopped by a signal", Exit.INTERRUPTED)
        )
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    await runner.serve()
    compact(session)
    return Exit.DONE


def compact(session: Path) -> None:
    """Pack what has gathered in git and in the journal, unless somebody waits."""
    from genopt_tui.session.history.repository import Repository

    with Repository.open(session) as repository:
        repository.pack_if_due()
    journal = Journal(session)
    try:
        journal.archive(lambda: bool(journal.read_commands()))
    finally:
        journal.close()


if __name__ == "__main__":
    if (
        os.getpid() != os.getpgrp()
    ):  # the leader of a process group cannot begin a session, and needs none
        os.setsid()
    prepare()
    sys.exit(main(sys.argv[1:]))
