"""What needs the models of settings and tasks and is asked once in a while: the user's own settings, and the state of a task.

A process that does not hold those models yet (the application: they take a third of its memory) asks another one, which ends.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genopt_tui.errors import SessionError, TaskError, UsageError

Facts = dict[str, Any]


def own() -> Facts:
    """The user's settings as they stand in the file; with `why` the defaults, where something is wrong with it."""
    from genopt_tui.config import UserSettings

    try:
        return UserSettings.load().model_dump()
    except UsageError as error:
        return {**UserSettings().model_dump(), "why": str(error)}


def task(session: str, choices: str) -> Facts:
    """The state of the session's task under these design choices (the text of genopt.toml): its fingerprint, the rule of its
    scores, and the files and folders in which it would change. Empty where the task is not on this machine.
    """
    from genopt_tui.config import from_toml
    from genopt_tui.session.state import state_of

    try:
        chosen = from_toml(choices)
        folder, fingerprint = state_of(Path(session), chosen)
        rule = folder.task.scored_by(folder.task.resolve(chosen.task))
    except (TaskError, KeyError):
        return {}
    files = folder.code()
    places = sorted({str(place) for file in files for place in (file, file.parent)})
    return {"fingerprint": fingerprint, "rule": rule, "places": places}


KNOWN: dict[str, Callable[..., Facts]] = {"own": own, "task": task}
ASK = "from genopt_tui.session.facts import answer; answer()"


def at_hand() -> bool:
    """Whether this process holds the models anyway, so that asking costs nothing."""
    return "genopt_tui.config" in sys.modules


def ask(what: str, *about: str) -> Facts:
    """`own` or `task`, answered here where the models are at hand, else by a process of its own. Raises GenoptError."""
    if at_hand():
        return KNOWN[what](*about)
    command = [sys.executable, "-c", ASK, what, *about]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SessionError(f"cannot read the {what} settings", (ended.stderr.strip().splitlines() or ["no reason"])[-1])
    told: Facts = json.loads(ended.stdout)
    if "error" in told:
        raise UsageError(str(told["error"]))
    return told


def answer() -> None:
    """What `ask` runs: print the facts, or the error that a person is to read."""
    what, *about = sys.argv[1:]
    try:
        print(json.dumps(KNOWN[what](*about)))
    except UsageError as error:
        print(json.dumps({"error": str(error)}))
