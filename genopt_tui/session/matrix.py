"""Examples by versions: who solved what when, and where it was lost again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from genopt_tui.errors import SessionError
from genopt_tui.session.compare import load_scores
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import Version
from genopt_tui.session.journal import Journal


@dataclass(frozen=True, slots=True)
class Loss:
    """The greatest loss on one example between two neighbouring scored versions."""

    example: str
    before: str
    after: str
    change: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Mean scores of examples (rows) in versions (columns, the oldest first); None where one was
    not scored.

    `left_out` counts versions scored under another state of the task: they may not be compared with
    these.
    """

    versions: Sequence[Version]
    examples: Sequence[str]
    scores: Mapping[str, Mapping[str, float]]
    losses: Sequence[Loss]
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """As `genopt matrix --json` prints it."""
        heads = [
            {"version": v.commit, "step": v.step, "name": v.name, "subject": v.subject}
            for v in self.versions
        ]
        rows = [
            {"example": e, "scores": [self.scores[v.commit].get(e) for v in self.versions]}
            for e in self.examples
        ]
        lost = [
            {"example": x.example, "before": x.before, "after": x.after, "change": x.change}
            for x in self.losses
        ]
        return {"versions": heads, "examples": rows, "losses": lost, "left_out": self.left_out}


def build_matrix(
    repository: HistoryReader,
    journal: Journal | None,
    *,
    failure_score: float,
    direction: str,
    fingerprint: str = "",
) -> Matrix:
    """The versions on the way to head against the gate's examples, under the task's state of head
    (or `fingerprint`)."""
    line = repository.read_log()[::-1]
    wanted = fingerprint or next((v.task for v in reversed(line) if v.task), "")
    scores: dict[str, dict[str, float]] = {}
    left_out = 0
    for version in line:
        found = average_scores(repository, journal, version.commit, failure_score, wanted)
        if found:
            scores[version.commit] = found
        elif version.task and version.task != wanted:
            left_out += 1
    versions = [v for v in line if v.commit in scores]
    examples = sorted({example for found in scores.values() for example in found})
    return Matrix(
        versions, examples, scores, find_losses(versions, examples, scores, direction), left_out
    )


def find_losses(
    versions: Sequence[Version],
    examples: Sequence[str],
    scores: Mapping[str, Mapping[str, float]],
    direction: str,
) -> list[Loss]:
    """For each example that lost something, the step at which it lost most; the greatest loss
    first."""
    sign, found = 1 if direction == "higher" else -1, []
    for example in examples:
        having = [v for v in versions if example in scores[v.commit]]
        turns = [
            Loss(example, a.commit, b.commit, scores[b.commit][example] - scores[a.commit][example])
            for a, b in pairwise(having)
        ]
        worst = min(turns, key=lambda turn: sign * turn.change, default=None)
        if worst is not None and sign * worst.change < 0:
            found.append(worst)
    return sorted(found, key=lambda turn: sign * turn.change)


def average_scores(
    repository: HistoryReader,
    journal: Journal | None,
    commit: str,
    failure_score: float,
    fingerprint: str,
) -> dict[str, float]:
    """Mean score of each gate example of a version, under one state of the task; a failed rollout
    counts as one."""
    try:
        scored = load_scores(
            repository, journal, commit, failure_score=failure_score, fingerprint=fingerprint
        ).scores
    except SessionError:  # plain git made it: it has no record
        return {}
    by_example: dict[str, list[float]] = {}
    for (example, _), (score, _) in scored.items():
        by_example.setdefault(example, []).append(score)
    return {example: sum(found) / len(found) for example, found in by_example.items()}
