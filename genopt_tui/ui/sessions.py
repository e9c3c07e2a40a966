"""The sessions there are, each in one line's worth of facts; read in a thread."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from genopt_tui.errors import GenoptError
from genopt_tui.session.client import runner_pid
from genopt_tui.session.journal import Journal, path_of
from genopt_tui.session.progress import fold
from genopt_tui.session.summary import head_summary

KINDS = (
    "run_started",
    "run_finished",
    "paused",
    "resumed",
    "batch_sampled",
    "decision_wanted",
    "step_ended",
    "decided",
)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session on the start screen. `score` is head's, None where it has none; `changed` is local time."""

    path: str
    name: str
    state: str
    head: str
    score: float | None
    n: int
    changed: str


def read_sessions() -> Iterator[SessionLine]:
    """Sessions of this machine, the last changed first; those that want a decision before all others."""
    from genopt_tui.session import places

    lines = [line for path in places.sessions() if (line := _line(Path(path)))]
    yield from sorted(lines, key=lambda line: (line.state == "waiting", line.changed), reverse=True)


def _line(path: Path) -> SessionLine | None:
    try:
        head = head_summary(path)
        state = state_of(path)
    except (GenoptError, OSError):
        return None
    at = max(f.stat().st_mtime for f in (path / ".git" / "HEAD", path_of(path)) if f.exists())
    return SessionLine(
        str(path),
        path.name,
        state,
        f"{head.branch or 'detached'}@{'start' if head.decision == 'start' else head.commit[:7] if head.step is None else head.step}",
        head.score.mean if head.score else None,
        head.score.n if head.score else 0,
        datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M"),
    )


def state_of(path: Path) -> str:
    """`idle`, `running`, `waiting`, `paused`, `finished` or `failed`."""
    if not path_of(path).exists():
        return "idle"
    journal = Journal(path, durable=False)
    try:
        newest = [event for kind in KINDS if (event := journal.last(kind))]
    finally:
        journal.close()
    return fold(sorted(newest, key=lambda e: e.id)).state(runner_pid(path) is not None)
