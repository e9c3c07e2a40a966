"""Versions of a session as lists show them, read from trailers in one git log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from sys import intern
from typing import TYPE_CHECKING, Any, Literal

from genopt_tui.errors import single_line
from genopt_tui.learn.failures import Rank
from genopt_tui.session.git.objects import Commit
from genopt_tui.session.git.refs import HEADS, REJECTED, TAGS
from genopt_tui.session.history import message
from genopt_tui.session.history.message import Score, Trailer

if TYPE_CHECKING:
    from genopt_tui.session.history.record import Record

LOG_FORMAT = (
    "%H%x00%P%x00%cI%x00%D%x00%an%x00%s%x00%(trailers:only=true,unfold=true,separator=%x1f)"
)
LOG_FIELDS = 7
ACCEPTED = frozenset({"start", "approved", "edited", "gate", "always", "manual", "design"})


VersionKind = Literal["branch", "rejected", "abandoned"]


@dataclass(frozen=True, slots=True)
class Version:
    """One commit of a session.

    `step` is None for a commit made by plain git. `cost` is US dollars, None when unknown. `kind`
    is `branch` when a branch leads to it, else `rejected` or `abandoned`. `rank` and `base_rank`
    are explained in `learn.failures`. `task` is a digest of the task's code and settings,
    `gate_set` one of the gate examples.
    """

    commit: str
    parents: tuple[str, ...]
    at: str
    subject: str
    author: str
    kind: VersionKind
    step: int | None = None
    candidate: int = 0
    decision: str = ""
    score: float | None = None
    stderr: float | None = None
    n: int = 0
    base_score: float | None = None
    rank: Rank = None
    base_rank: Rank = None
    verdict: str = ""
    model: str = ""
    cost: float | None = None
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    task: str = ""
    gate_set: str = ""

    @property
    def short(self) -> str:
        return self.commit[:7]

    @property
    def parent(self) -> str:
        return self.parents[0] if self.parents else ""

    @property
    def name(self) -> str:
        """What a person calls it: `7`, `7b` for a candidate that was not taken, else the short
        id."""
        if self.step is None:
            return self.short
        accepted = self.kind != "rejected" and self.decision in ACCEPTED
        return f"{self.step}" if accepted else f"{self.step}{candidate_letter(self.candidate)}"


def candidate_letter(candidate: int) -> str:
    """`a` for candidate 0, `b` for 1, ... `.26` after `z`."""
    return chr(ord("a") + candidate) if candidate < 26 else f".{candidate}"


def parse_log(out: bytes) -> list[Version]:
    """Versions from `git log -z --decorate=full --format=FORMAT`, in its order."""
    cells = out.decode("utf-8", "replace").split("\0")
    rows = [cells[i : i + LOG_FIELDS] for i in range(0, len(cells) - LOG_FIELDS + 1, LOG_FIELDS)]
    reachable = _find_reachable(rows)
    return [_parse_log_row(row, row[0] in reachable) for row in rows]


def parse_version(commit: Commit, kind: VersionKind) -> Version:
    """One version from its commit alone: no branches and tags are named."""
    at = datetime.fromtimestamp(commit.at, UTC).isoformat()
    lines = "\n".join(
        f"{key}: {value}" for key, value in message.parse_trailers(commit.message).items()
    )
    row = [commit.sha, " ".join(commit.parents), at, "", commit.author.partition(" <")[0]]
    return replace(
        _parse_log_row([*row, commit.message.partition("\n")[0], lines], False), kind=kind
    )


def _parse_log_row(row: Sequence[str], on_branch: bool) -> Version:
    commit, parents, at, decoration, author, subject, block = row
    named = decoration.split(",") if decoration else []
    refs = [ref.strip().removeprefix("HEAD -> ").removeprefix("tag: ") for ref in named]
    trailers = message.parse_trailers(block.replace("\x1f", "\n"))
    score: Score | None = message.parse_score(trailers.get(Trailer.SCORE, ""))
    task, gates = parse_task_trailer(trailers.get(Trailer.TASK, ""))
    rejected = next((ref.removeprefix(REJECTED) for ref in refs if ref.startswith(REJECTED)), "")
    return Version(  # interned: many versions share these texts
        commit=intern(commit),
        parents=tuple(map(intern, parents.split())),
        at=at,
        subject=single_line(subject),
        author=intern(single_line(author)),
        kind="branch" if on_branch else "rejected" if rejected else "abandoned",
        step=message.parse_count(trailers.get(Trailer.STEP, "")),
        candidate=message.parse_count(trailers.get(Trailer.CANDIDATE, "")) or 0,
        decision=intern(single_line(trailers.get(Trailer.DECISION, "manual"))),
        score=score.mean if score else None,
        stderr=score.stderr if score else None,
        n=score.n if score else 0,
        base_score=score.base if score else None,
        rank=score.rank if score else None,
        base_rank=score.base_rank if score else None,
        verdict=intern(score.verdict) if score else "",
        model=intern(single_line(trailers.get(Trailer.MODEL, ""))),
        cost=message.parse_cost(trailers.get(Trailer.COST, "")),
        branches=tuple(ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS)),
        tags=tuple(ref.removeprefix(TAGS) for ref in refs if ref.startswith(TAGS)),
        task=intern(task),
        gate_set=intern(gates),
    )


def parse_step(commit: Commit) -> int | None:
    """The step that made a commit; None for the start and for commits by plain git."""
    return message.parse_count(message.parse_trailers(commit.message).get(Trailer.STEP, "")) or None


def parse_task_trailer(text: str) -> tuple[str, str]:
    """The task's digest and that of the gate examples, from the trailer `Genopt-Task`."""
    task, _, gates = text.partition(" gate=")
    return task, gates


def _find_reachable(rows: Iterable[Sequence[str]]) -> set[str]:
    """Commits reachable from a branch; `rows` are in topological order, children first."""
    found: set[str] = set()
    for commit, parents, _, decoration, *_ in rows:
        if commit in found or HEADS in decoration:
            found.add(commit)
            found.update(parents.split())
    return found


def map_branches(versions: Sequence[Version], active: str) -> dict[str, str]:
    """Commit to the branch it belongs to; where several lead to it, the active one, else the first
    by name."""
    known = {version.commit: version for version in versions}
    tips = sorted(
        (name != active, name, version.commit) for version in versions for name in version.branches
    )
    found: dict[str, str] = {}
    for _, name, commit in tips:
        todo = [commit]
        while todo:
            at = todo.pop()
            if at in known and at not in found:
                found[at] = name
                todo += known[at].parents
    return found


def find_task_changes(versions: Sequence[Version]) -> set[str]:
    """Versions whose task had changed since their nearest scored ancestor was scored."""
    under: dict[str, str] = {}
    changed = set()
    for version in reversed(versions):
        before = under.get(version.parent, "")
        if version.task and before and version.task != before:
            changed.add(version.commit)
        under[version.commit] = version.task or before
    return changed


def mark_on_branch(version: Version) -> Version:
    """The same version, marked as on a branch, which a log of a detached HEAD cannot tell."""
    return replace(version, kind="branch")


def hash_gate_set(rows: Iterable[Mapping[str, Any]]) -> str:
    """Digest of the examples and repeats that a score covers; `-` for none."""
    keys = sorted(f"{row.get('example')}#{row.get('repeat', 0)}" for row in rows)
    return sha256("\n".join(keys).encode("utf-8", "replace")).hexdigest()[:8] if keys else "-"


def build_trailers(record: "Record", model: str) -> dict[str, str]:
    """The trailers for what lists show of a record."""
    scores = record.scores
    lines: dict[str, str] = {Trailer.STEP: str(record.step)}
    if record.candidate:
        lines[Trailer.CANDIDATE] = str(record.candidate)
    lines[Trailer.DECISION] = record.decision.decision
    if scores.mean is not None:
        lines[Trailer.SCORE] = str(
            Score(
                scores.mean,
                scores.n,
                scores.stderr,
                scores.base_mean,
                scores.verdict,
                scores.rank,
                scores.base_rank,
            )
        )
        # A gate that grew compares with one that did not: both began with the same pairs.
        first = scores.rows[: scores.looks[0]] if scores.looks else scores.rows
        lines[Trailer.TASK] = f"{record.fingerprint or '?'} gate={hash_gate_set(first)}"
    if model:
        lines[Trailer.MODEL] = model
    if "cost" in record.usage:
        lines[Trailer.COST] = message.format_cost(record.usage["cost"])
    return lines
