"""The application on a session, with faults that a key sets off: `python faulty.py SESSION FAULT`."""

import os
import subprocess
import sys
from pathlib import Path

from genopt_tui.ui.app import run_app
from genopt_tui.ui.deeds.look import LookDeeds

SECRET = "sk-" + "0123456789"


def crash(deeds: LookDeeds) -> None:
    key = SECRET
    raise LookupError(key)


def worker(deeds: LookDeeds) -> None:
    async def fail() -> None:
        crash(deeds)

    deeds.screen.run_worker(fail())


def thread(deeds: LookDeeds) -> None:
    deeds.screen.store._wishes.put(lambda: crash(deeds))


def noise(deeds: LookDeeds) -> None:
    os.write(2, b"noise from a library\n")
    subprocess.run(["sh", "-c", "echo noise from a program >&2"], check=True)
    sys.stderr.write("noise from python\n")
    print("noise on standard output")
    deeds.screen.say("all said")


if __name__ == "__main__":
    FAULTS = {"crash": crash, "worker": worker, "thread": thread, "noise": noise}
    setattr(LookDeeds, "do_zoom", FAULTS[sys.argv[2]])  # noqa: B010
    sys.exit(run_app(Path(sys.argv[1])))
