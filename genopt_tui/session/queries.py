"""What needs the models of settings and tasks and is asked once in a while: the user's own
settings, and the state of a task.

A process that does not hold those models yet (the application: they take a third of its memory)
asks another one, which ends.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genopt_tui.errors import SessionError, TaskError, UsageError

QueryResult = dict[str, Any]


def query_user_settings() -> QueryResult:
    """The user's settings as they stand in the file; with `why` the defaults, where something is
    wrong with it."""
    from genopt_tui.config import UserSettings

    try:
        return UserSettings.load().model_dump()
    except UsageError as error:
        return {**UserSettings().model_dump(), "why": str(error)}


def query_task_state(session: str, choices: str) -> QueryResult:
    """The state of the session's task under these design choices (the text of genopt.toml): its
    fingerprint, the rule of its
    scores, and the files and folders in which it would change. Empty where the task is not on this
    machine.
    """
    from genopt_tui.config import from_toml
    from genopt_tui.session.task_state import load_task_state

    try:
        chosen = from_toml(choices)
        folder, fingerprint = load_task_state(Path(session), chosen)
        rule = folder.task.describe_scoring(folder.task.resolve_settings(chosen.task))
    except (TaskError, KeyError):
        return {}
    files = folder.list_scoring_files()
    places = sorted({str(place) for file in files for place in (file, file.parent)})
    return {"fingerprint": fingerprint, "rule": rule, "places": places}


QUERIES: dict[str, Callable[..., QueryResult]] = {
    "own": query_user_settings,
    "task": query_task_state,
}
QUERY_PROGRAM = "from genopt_tui.session.queries import answer_query; answer_query()"


def has_models_loaded() -> bool:
    """Whether this process holds the models anyway, so that asking costs nothing."""
    return "genopt_tui.config" in sys.modules


def run_query(query: str, *arguments: str) -> QueryResult:
    """`own` or `task`, answered here where the models are at hand, else by a process of its own.
    Raises GenoptError."""
    if has_models_loaded():
        return QUERIES[query](*arguments)
    command = [sys.executable, "-c", QUERY_PROGRAM, query, *arguments]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SessionError(
            f"cannot read the {query} settings",
            (ended.stderr.strip().splitlines() or ["no reason"])[-1],
        )
    told: QueryResult = json.loads(ended.stdout)
    if "error" in told:
        raise UsageError(str(told["error"]))
    return told


def answer_query() -> None:
    """What `ask` runs: print the facts, or the error that a person is to read."""
    what, *about = sys.argv[1:]
    try:
        print(json.dumps(QUERIES[what](*about)))
    except UsageError as error:
        print(json.dumps({"error": str(error)}))
