"""What the journal holds, row by row. Only the standard library: the interface reads the journal before anything else."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genopt_tui.task.rollout import RolloutResult

LONG = 1024  # bytes of an event's data from which it is compressed


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `step` is 0 for events that belong to no step."""

    id: int
    at: str
    step: int
    kind: str
    data: Mapping[str, Any]

    def line(self) -> dict[str, Any]:
        """As `--jsonl` prints it."""
        return {"at": self.at, "step": self.step, "kind": self.kind, **self.data}


@dataclass(frozen=True, slots=True)
class Command:
    """A client's wish, taken up by the runner."""

    id: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply, raw. `complete` is False for what arrived before a break. `cost` is US dollars, None when unknown."""

    step: int
    candidate: int
    attempt: int
    text: str
    complete: bool = True
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None
    cost: float | None = None
    seconds: float = 0.0
    error: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A finished rollout without its trace. `seconds` is wall time."""

    id: int
    key: str
    step: int
    tree: str
    traced: bool
    result: RolloutResult


def path_of(session: Path) -> Path:
    return session / ".genopt" / "journal.db"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def packed(kind: str, text: str) -> str | bytes:
    """An event's data (JSON) as it is stored: compressed where it is long and no query looks into it."""
    return text if len(text) < LONG or kind == "batch_sampled" else zlib.compress(text.encode(), 1)


def unpacked(stored: str | bytes) -> dict[str, Any]:
    """An event's data from what is stored."""
    found: dict[str, Any] = json.loads(stored if isinstance(stored, str) else zlib.decompress(stored))
    return found
