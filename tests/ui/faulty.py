"""The application on a session, with faults that a key sets off: `python faulty.py SESSION
FAULT`."""

import os
import subprocess
import sys
from pathlib import Path

from genopt_tui.ui.actions.handlers import NavigationHandlers
from genopt_tui.ui.app import run_app

SECRET = "sk-" + "0123456789"


def crash(handlers: NavigationHandlers) -> None:
    key = SECRET
    raise LookupError(key)


def worker(handlers: NavigationHandlers) -> None:
    async def fail() -> None:
        crash(handlers)

    handlers.host.run_worker(fail())


def thread(handlers: NavigationHandlers) -> None:
    handlers.host.store._requests.put(lambda: crash(handlers))


def noise(handlers: NavigationHandlers) -> None:
    os.write(2, b"noise from a library\n")
    subprocess.run(["sh", "-c", "echo noise from a program >&2"], check=True)
    sys.stderr.write("noise from python\n")
    print("noise on standard output")
    handlers.host.show_notice("all said")


if __name__ == "__main__":
    FAULTS = {"crash": crash, "worker": worker, "thread": thread, "noise": noise}
    setattr(NavigationHandlers, "zoom", FAULTS[sys.argv[2]])  # noqa: B010
    sys.exit(run_app(Path(sys.argv[1])))
