"""Two versions on the same examples: paired scores from records and journal, and what they say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.learn import gate
from genopt_tui.learn.failures import is_failure
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.record import Record
from genopt_tui.session.journal import Journal

ScoreKey = tuple[str, int]
Direction = Literal["higher", "lower"]
CONTROL_REPEATS = (
    1_000_000  # repeats from here on are controls and re-checks: no comparison uses them
)


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores of both versions on one example and repeat. Statuses are as in a rollout; empty
    where only a record is left."""

    example: str
    repeat: int
    a: float
    b: float
    a_status: str = ""
    b_status: str = ""

    @property
    def change(self) -> float:
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class VersionScores:
    """Score and status of a version by example and repeat, under one state of the task."""

    commit: str
    tree: str
    scores: Mapping[ScoreKey, tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Version `b` against `a`. `difference` is mean b - mean a over the n pairs; `missing` are keys
    that only one has.

    `verdict`: better, worse or undecided for b, at `confidence`; `interval` is that of the
    difference (None: too few).
    """

    a: str
    b: str
    mean_a: float
    mean_b: float
    difference: float
    interval: tuple[float, float] | None
    p: float
    verdict: str
    test: str
    confidence: float
    better: int
    worse: int
    same: int
    n: int
    pairs: tuple[Pair, ...]
    missing: tuple[ScoreKey, ...]

    def to_dict(self) -> dict[str, Any]:
        """As `genopt compare --json` prints it."""
        data = asdict(self)
        data["pairs"] = [{**asdict(pair), "change": pair.change} for pair in self.pairs]
        return data


def load_scores(
    repository: HistoryReader,
    journal: Journal | None,
    commit: str,
    *,
    failure_score: float,
    fingerprint: str = "",
    split: str = "gate",
) -> VersionScores:
    """All scores of a version under the task's state `fingerprint` (empty: the one its record
    names), on one split.

    A rollout that failed by the artifact's fault counts as `failure_score`; `infra` counts as not
    run.
    """
    tree, record = repository.artifact_tree(commit), repository.read_record(commit)
    wanted = fingerprint or record.fingerprint
    found: dict[ScoreKey, tuple[float, str]] = {}
    if split == "gate" and record.fingerprint == wanted:
        found |= _read_record_scores(record, tree)
    if journal:
        found |= load_rollout_scores(
            journal, tree, failure_score=failure_score, fingerprint=wanted, split=split
        )
    return VersionScores(commit, tree, found)


def load_rollout_scores(
    journal: Journal, tree: str, *, failure_score: float, fingerprint: str, split: str = "gate"
) -> dict[ScoreKey, tuple[float, str]]:
    """The scores of an artifact that a journal holds under the task's state `fingerprint`, on one
    split."""
    found: dict[ScoreKey, tuple[float, str]] = {}
    for row in journal.read_rollouts(tree, split):
        result = row.result
        if (
            result.status == "infra"
            or result.repeat >= CONTROL_REPEATS
            or not row.key.startswith(f"{fingerprint}/")
        ):
            continue
        score = failure_score if result.status != "ok" or result.score is None else result.score
        found[(result.example, result.repeat)] = (score, result.status)
    return found


def check_same_task(here: HistoryReader, there: HistoryReader) -> None:
    """Raises UsageError where two sessions are of different tasks."""
    ours, theirs = (
        str(session.read_choices(session.head()).task["name"]) for session in (here, there)
    )
    if ours != theirs:
        raise UsageError(
            f"{here.path.name} and {there.path.name} are of different tasks",
            f"the other's is {theirs}",
        )


def compare_scores(
    a: VersionScores,
    b: VersionScores,
    *,
    direction: Direction = "higher",
    confidence: float = 0.95,
    keys: Sequence[ScoreKey] = (),
    deterministic: bool = False,
    test: Callable[..., gate.Comparison] = gate.compare,
) -> Comparison:
    """`b` against `a` on the examples that both were scored on (only `keys`, where given). Raises
    SessionError without any.

    `test` is what is asked about the paired scores. A rollout that failed is worse than any that
    ran; the means count it as its score.
    """
    shared = [key for key in sorted(a.scores.keys() & b.scores.keys()) if not keys or key in keys]
    wanted = set(keys) or (a.scores.keys() | b.scores.keys())
    if not shared:
        raise SessionError(
            f"{a.commit[:7]} and {b.commit[:7]} were never scored on the same examples",
            advice="`genopt compare` evaluates what is missing",
        )
    pairs = tuple(
        Pair(*key, a.scores[key][0], b.scores[key][0], a.scores[key][1], b.scores[key][1])
        for key in shared
    )
    said = test(
        [pair.a for pair in pairs],
        [pair.b for pair in pairs],
        direction=direction,
        confidence=confidence,
        blocks=gate.group_repeats([pair.example for pair in pairs], 1 - confidence),
        deterministic=deterministic,
        failed=(
            [is_failure(pair.a_status) for pair in pairs],
            [is_failure(pair.b_status) for pair in pairs],
        ),
    )
    return Comparison(
        a=a.commit,
        b=b.commit,
        mean_a=sum(pair.a for pair in pairs) / len(pairs),
        mean_b=sum(pair.b for pair in pairs) / len(pairs),
        difference=said.difference,
        interval=said.interval,
        p=said.p,
        verdict=said.verdict,
        test=said.test,
        confidence=said.confidence,
        better=said.better,
        worse=said.worse,
        same=said.same,
        n=said.n,
        pairs=tuple(sorted(pairs, key=lambda pair: -abs(pair.change))),
        missing=tuple(sorted(wanted - set(shared))),
    )


def _read_record_scores(record: Record, tree: str) -> dict[ScoreKey, tuple[float, str]]:
    """Scores that a record holds of exactly this tree."""
    if record.scores.tree and record.scores.tree != tree:
        return {}
    return {
        (str(row["example"]), int(row.get("repeat", 0))): (
            float(row["score"]),
            str(row.get("status", "")),
        )
        for row in record.scores.rows
        if row.get("score") is not None and "example" in row
    }
