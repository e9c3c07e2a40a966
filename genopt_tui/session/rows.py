"""What the journal holds, row by row. Only the standard library: the interface reads the journal before anything else."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genopt_tui.task.rollout import RolloutResult

LONG = 200  # bytes of an event's data from which it is compressed
WORDS = (
    b'{"step": 0, "candidate": 0, "attempt": 0, "messages": [{"role": "system", "content": "# Objective # Artifact # Evidence '
    b'# Memory # Hints # Answer format"}, {"role": "user"}], "sections": [{"name": "objective", "tokens": 100, "cuts": 0}, '
    b'{"name": "artifact"}, {"name": "memory"}, {"name": "answer"}], "repair": false, "parts": [{"example": "seed-0", "repeat": 0, '
    b'"score": 0.0, "status": "ok", "rollout": 0, "steps": 0, "shown": [[0, 2]], "wanted": [[0, 2]], "cut": 0, "tokens": 20}], '
    b'"budget": 8000, "estimated": true, "horizon": {"kind": "full", "steps": 5}, "covers": {"trace": "", "score": ""}, '
    b'"mean": 0.0, "left_out": [], "dropped": [], "pinned": [], "fingerprint": "", "rule": "", "gate": {"rule": "better", '
    b'"examples": 10, "repeats": 1, "confidence": 0.95, "looks": 1}, "version": "", "tree": "", "base_tree": "", "branch": "main", '
    b'"subject": "step 1: ", "decision": "gate", "reason": "better: 0 -> 1, n=10", "by": "gate", "stderr": null, "n": 10, '
    b'"failed": 0, "complete": true, "base_mean": 0.0, "base_stderr": 0.0, "base_score": 0.0, "verdict": "undecided", "cost": 0.001, '
    b'"promises_kept": 0, "promises": 0, "difference": 0.0, "interval": [-0.1, 0.1], "p": 0.5, "test": "paired sign-flip permutation", '
    b'"confidence": 0.95, "better": 0, "worse": 0, "same": 0, "spent": {"steps": 1, "cost": 0.0, "tokens": 0, "calls": 1, '
    b'"minutes": 0.0}, "agent": {}, "limits": {}, "unknown_cost": false, "warning": "", "files": ["answer.py"], "hunks": 1, "added": 1, '
    b'"removed": 1, "reasoning": "", "because": [], "expects": [], "reply": 1, "finish_reason": "stop", "usage": {"input": 0, '
    b'"output": 0}, "error": "", "model": "", "scores": [{"example": "gate-0", "repeat": 0, "base": 0.0, "score": 0.0, "status": "ok"}, '
    b'{"example": "train-0", "repeat": 0, "split": "train", "score": 0.0, "status": "ok", "cached": false, "seconds": 0.01, '
    b'"rollout": 1, "tree": "'
)
"""What events often hold, for the compressor: part of the format, never to be changed."""


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
    if len(text) < LONG or kind == "batch_sampled":
        return text
    packer = zlib.compressobj(
        1, zlib.DEFLATED, 13, 5, zdict=WORDS
    )  # fast: in blocks it is compressed once more, and well
    return packer.compress(text.encode()) + packer.flush()


def unpacked(stored: str | bytes) -> dict[str, Any]:
    """An event's data from what is stored."""
    found: dict[str, Any] = json.loads(stored if isinstance(stored, str) else _unpacked(stored))
    return found


def _unpacked(stored: bytes) -> bytes:
    return zlib.decompressobj(zdict=WORDS).decompress(stored)
