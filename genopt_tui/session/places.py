"""Where sessions are: their folder, those made or trusted on this machine, and which one a person
means."""

import json
import os
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genopt_tui.errors import GenoptError, SessionError, UsageError, single_line
from genopt_tui.folders import user_dir
from genopt_tui.session.lock import runner_pid
from genopt_tui.session.summary import head_summary

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as lists show it. `best` is {"version", "step", "score", "n"}, None where nothing
    is scored. `step` is the last step begun; `head` is the label of the branch's version, which
    is older where later steps were rejected or wait.

    `problem` says why a session cannot be read; the other fields are then empty.
    """

    path: Path
    state: str = "idle"
    branch: str = ""
    step: int = 0
    task: str = ""
    best: dict[str, Any] | None = None
    runner_pid: int | None = None
    decision: str = ""
    at: float = 0.0
    problem: str = ""
    head: str = ""

    @property
    def name(self) -> str:
        return self.path.name


def sessions_root() -> Path:
    """Where new sessions go: `sessions/` of a checkout, else the user's own folder (also where
    `GENOPT_HOME` names one)."""
    checkout = PACKAGE_FOLDER.parent
    if (
        "GENOPT_HOME" not in os.environ
        and (checkout / "pyproject.toml").is_file()
        and (checkout / ".git").exists()
    ):
        return checkout / "sessions"
    return user_dir() / "sessions"


def choose_session_path(name: str) -> Path:
    """A free path for a session called `name`, which a number is added to where it is taken."""
    kept = (
        "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.")[:80] or "session"
    )
    path, number = sessions_root() / kept, 2
    while path.exists():
        path, number = sessions_root() / f"{kept}-{number}", number + 1
    return path


def check_name(name: str) -> None:
    """Raises UsageError where `name` cannot name a session."""
    if "/" in name or name.startswith(".") or not name.isprintable():
        raise UsageError(f"'{name}' cannot name a session", advice="Use letters, digits, - and _")


def register(path: Path) -> None:
    """Remember the session at `path` as made here, or as one whose task the user agreed to run."""
    path = path.resolve()
    mark = path / ".git" / "genopt" / "id"
    if not mark.exists():
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        mark.write_text(secrets.token_hex(16), encoding="ascii")
    data = _load_registry()
    data["trusted"][str(path)] = mark.read_text(encoding="ascii", errors="replace")
    _save_registry({**data, "last": str(path)})


def is_trusted(path: Path) -> bool:
    """Whether the session at `path` was made here or agreed to: a copy, or another one at the same
    path, was not."""
    path = path.resolve()
    mark = path / ".git" / "genopt" / "id"
    known = _load_registry()["trusted"].get(str(path))
    return (
        known is not None
        and mark.is_file()
        and mark.read_text(encoding="ascii", errors="replace") == known
    )


def require_trust(session: Path) -> None:
    """Raises SessionError where the session came from elsewhere and nobody has agreed yet that its
    task runs here."""
    if not is_trusted(session):
        raise SessionError(
            f"{session.name} was not made on this machine",
            "running it runs the code of its task and artifacts",
            f"Look at it first; agree with: genopt trust {quote_session(session)}",
        )


def record_opened(path: Path) -> None:
    """Remember the session as the one opened last."""
    data = _load_registry()
    if data["last"] != str(path.resolve()):
        _save_registry({**data, "last": str(path.resolve())})


def find_last_session() -> Path | None:
    """The session opened last, if it is still there."""
    path = Path(_load_registry()["last"])
    return path if is_session(path) else None


def is_session(path: Path) -> bool:
    return (
        path.is_absolute()
        and (path / ".git" / "HEAD").is_file()
        and (path / "genopt.toml").is_file()
    )


def resolve_session(text: str = "") -> Path:
    """The session that a person means: a name, a path, or (empty) this folder's, else the one
    opened last.

    Raises SessionError with the nearest name.
    """
    if not text:
        here = Path.cwd()
        found = (
            next((folder for folder in (here, *here.parents) if is_session(folder)), None)
            or find_last_session()
        )
        if found is None:
            raise SessionError(
                "no session was named, and none was opened yet",
                advice="Make one with `genopt new TASK`",
            )
        return found
    by_name = {path.name: path for path in reversed(list(find_sessions()))}
    if "/" not in text and text in by_name:
        return by_name[text]
    path = Path(text).expanduser().absolute()
    if is_session(path):
        return path.resolve()
    from difflib import get_close_matches

    close = get_close_matches(text, by_name, 1, 0.4)
    raise SessionError(
        f"no session '{single_line(text)[:80]}'",
        advice=f"Did you mean {close[0]}?" if close else "`genopt ls` lists them",
    )


def quote_session(path: Path) -> str:
    """What to type for the session at `path`: its name, or its path where the name means another
    session or none."""
    path = path.resolve()
    try:
        found = resolve_session(path.name)
    except SessionError:
        found = None
    return shlex.quote(path.name if found == path else str(path))


def find_sessions() -> Iterator[Path]:
    """All sessions of the user: in the sessions folder, and elsewhere where made or trusted
    here."""
    root = sessions_root()
    inside = sorted(path for path in root.iterdir() if is_session(path)) if root.is_dir() else []
    yield from inside
    yield from (
        path
        for path in map(Path, _load_registry()["trusted"])
        if path not in inside and is_session(path)
    )


def list_sessions() -> list[SessionEntry]:
    """All sessions with state and best, the one worked on last first; one that cannot be read says
    why."""
    return sorted((load_entry(path) for path in find_sessions()), key=lambda session: -session.at)


def load_entry(path: Path) -> SessionEntry:
    """One session as lists show it."""
    from genopt_tui.session.journal import journal_path

    try:
        head = head_summary(path)
        pid = runner_pid(path)
        journal = journal_path(path)
        touched = max(
            file.stat().st_mtime
            for file in (path / ".git", journal, Path(f"{journal}-wal"))
            if file.exists()
        )
        state, step = _load_state(path, pid is not None) if journal.exists() else ("idle", 0)
        return SessionEntry(
            path,
            state,
            head.branch,
            max(step, head.step or 0),
            _read_task_name(path),
            _load_best(path),
            pid,
            head.decision,
            touched,
            head=head.label,
        )
    except (GenoptError, OSError) as error:
        return SessionEntry(path, problem=single_line(str(error)))


def _load_state(path: Path, alive: bool) -> tuple[str, int]:
    from genopt_tui.session.journal import Journal
    from genopt_tui.session.progress import fold_events

    journal = Journal(path, durable=False)
    try:
        step = journal.last_step()
        events = journal.read_events(step=step)
        ends = [
            journal.find_last("run_started"),
            journal.find_last("run_finished"),
            journal.find_last("paused", "resumed"),
        ]
        events += [event for event in ends if event is not None and event.step != step]
        progress = fold_events(sorted(events, key=lambda event: event.id))
        return progress.state(alive), step
    finally:
        journal.close()


def _load_best(path: Path) -> dict[str, Any] | None:
    from genopt_tui.session.history.repository import Repository

    with Repository.open(path) as repository:
        best = repository.find_best(repository.read_direction())
    return (
        {"version": best.commit, "step": best.step, "score": best.score, "n": best.n}
        if best.score is not None
        else None
    )


def _read_task_name(path: Path) -> str:
    import tomllib

    try:
        choices = tomllib.loads((path / "genopt.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return "?"
    task = choices.get("task", {})
    return single_line(str(task.get("name", "")))[:100] if isinstance(task, dict) else "?"


def _load_registry() -> dict[str, Any]:
    file = user_dir() / "sessions.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {"trusted": dict(data["trusted"]), "last": str(data["last"])}
    except FileNotFoundError:
        return {"trusted": {}, "last": ""}
    except (ValueError, KeyError, TypeError) as error:
        raise SessionError(
            f"{file} cannot be read", str(error), "Move it away: sessions are asked about again"
        ) from error


def _save_registry(data: dict[str, Any]) -> None:
    file = user_dir() / "sessions.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".sessions.{os.getpid()}.json")
    temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")
    os.replace(temporary, file)
