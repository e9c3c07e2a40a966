"""What the compare screen shows, read from git and journal in a thread of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError, SessionError
from genopt_tui.learn.gate import Comparison as Tested
from genopt_tui.session.compare import (
    Comparison,
    ScoreKey,
    VersionScores,
    check_same_task,
    compare_scores,
    load_rollout_scores,
    load_scores,
)
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.ui import formatters
from genopt_tui.ui.widgets.line_source import Line

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.session.history.reader import HistoryReader
    from genopt_tui.task.loader import TaskFolder

CHOICES_FILE = "genopt.toml"
RolloutKey = tuple[str, str, int]
"""Split, example and repeat of a rollout."""


@dataclass(frozen=True, slots=True)
class Side:
    """A version that is compared: where it is, and what a person calls it."""

    session: Path
    commit: str
    name: str = ""


Sides = tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Two versions side by side. `found` is None without a shared example.

    `missing` says of each side that lacks scores of the gate how many rollouts those are (0: not
    known). `old` and `new`
    hold the artifact's files and the design choices. `opens` says which example Enter on a line of
    `examples` is about,
    `traced` which examples have a trace of both. `trees` are the artifacts.
    """

    verdict: str
    result: Comparison | None
    missing: Mapping[Side, int]
    trees: tuple[str, str]
    old: Mapping[str, str]
    new: Mapping[str, str]
    examples: Sequence[Line]
    targets: Mapping[int, RolloutKey] = field(default_factory=dict)
    traced: Sequence[RolloutKey] = ()
    cost: Sequence[Line] = ()


def resolve_side(here: Path, there: Path, text: str) -> Side:
    """The version that a person calls `text` in the session `there`, which is another one of the
    task of `here`. Raises GenoptError."""
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.places import quote_session

    with Repository.open(here) as ours, Repository.open(there) as theirs:
        check_same_task(ours, theirs)
        return Side(there, theirs.resolve(text), f"{quote_session(there)}@{text}")


def read_comparison(sides: Sides) -> VersionComparison:
    """Compare the second with the first, under the task and gate of the first one's session. Raises
    GenoptError, OSError."""
    from genopt_tui.session.history.repository import Repository

    with ExitStack() as opened:
        halves = [
            _SideReader(
                side,
                opened.enter_context(Repository.open(side.session)),
                opened.enter_context(closing(Journal(side.session, durable=False))),
            )
            for side in sides
        ]
        return _ComparisonReader(halves[0], halves[1]).read_all()


class _SideReader:
    """What one session knows of its version."""

    def __init__(self, side: Side, repository: "HistoryReader", journal: Journal) -> None:
        self.side, self.repository, self.journal = side, repository, journal
        self.tree = repository.artifact_tree(side.commit)

    def read_files(self) -> dict[str, str]:
        return {
            **self.repository.read_artifact(self.side.commit),
            CHOICES_FILE: self.repository.read_choices_text(self.side.commit),
        }

    def read_rollouts(self) -> list[RolloutRow]:
        return self.journal.read_rollouts(self.tree)

    def read_state(self) -> "tuple[TaskFolder, str, object]":
        """The task, its fingerprint, and what else decides a rollout but the artifact: the seed,
        and who answers `llm`."""
        from genopt_tui.config import SessionSettings
        from genopt_tui.session.task_state import load_task_state

        task, fingerprint = load_task_state(
            self.side.session, self.repository.read_choices(self.repository.head())
        )
        s = SessionSettings.load(self.side.session)
        agent = (s.agent_model, s.temperature, s.params) if task.task.agent else ()
        return task, fingerprint, (s.seed, agent)


class _ComparisonReader:
    def __init__(self, a: _SideReader, b: _SideReader) -> None:
        self.a, self.b = a, b
        self.across_sessions = a.side.session != b.side.session

    def read_all(self) -> VersionComparison:
        a, b = self.a, self.b
        choices = a.repository.read_choices(a.repository.head())
        task, fingerprint, luck = a.read_state()
        failure = task.task.failure_score
        sides = [
            load_scores(
                half.repository,
                half.journal,
                half.side.commit,
                failure_score=failure,
                fingerprint=fingerprint,
            )
            for half in (a, b)
        ]
        unlike = self._explain_mismatch(task, fingerprint, luck)
        if self.across_sessions:
            theirs = {} if unlike else sides[1].scores
            here = load_rollout_scores(
                a.journal, b.tree, failure_score=failure, fingerprint=fingerprint
            )
            sides[1] = VersionScores(b.side.commit, b.tree, {**theirs, **here})
        keys = find_gate_keys(a.journal, choices, fingerprint)
        missing = _count_missing(dict(zip((a.side, b.side), sides, strict=True)), keys)
        found = None
        try:
            found = compare_scores(
                *sides,
                direction=task.task.direction,
                confidence=choices.gate.confidence,
                keys=keys,
                test=run_gate_test,
            )
            said = f"{format_verdict(found)}\nscores: {task.task.describe_scoring(task.task.resolve_settings(choices.task))}"
        except SessionError:
            said = "no example was scored for both under the task as it is now"
        lines, opens = build_example_lines(found) if found else ([((said, "warn"),)], {})
        if unlike and b.side in missing:
            said += f"\n{b.side.session.name}'s own scores do not compare: {unlike}"
        trees, traced, cost = (a.tree, b.tree), self._list_traced(), self._build_cost_lines()
        return VersionComparison(
            said, found, missing, trees, a.read_files(), b.read_files(), lines, opens, traced, cost
        )

    def _explain_mismatch(self, task: "TaskFolder", fingerprint: str, luck: object) -> str:
        """Why scores that the other session has do not compare with ours; empty where they do."""
        if not self.across_sessions:
            return ""
        if task.task.measure == "time":
            return "times count only side by side"
        _, theirs, other = self.b.read_state()
        if theirs != fingerprint:
            return "its task's code, settings or limits are others"
        return (
            "" if other == luck else "its seed or the model that answers its artifacts is another"
        )

    def _list_traced(self) -> list[RolloutKey]:
        a, b = (
            {
                (r.result.split, r.result.example, r.result.repeat)
                for r in half.read_rollouts()
                if r.traced
            }
            for half in (self.a, self.b)
        )
        return sorted(a & b)

    def _build_cost_lines(self) -> list[Line]:
        lines: list[Line] = []
        wide = max(8, len(self.a.side.name), len(self.b.side.name))
        for half in (self.a, self.b):
            record = half.repository.read_record(half.side.commit)
            usage = record.usage or {}
            rows = half.read_rollouts()
            seconds = sum(r.result.seconds for r in rows)
            cost = usage.get("cost")
            told = "no model call" if not record.reply else "$?" if cost is None else f"${cost:.4f}"
            tokens = (
                f", {usage.get('input', 0)} tokens in, {usage.get('output', 0)} out"
                if record.reply
                else ""
            )
            lines.append(
                (
                    (f"{half.side.name:>{wide}}  ", "title"),
                    (f"model {record.model or '-'}: {told}{tokens}", ""),
                )
            )
            lines.append(
                ((f"{'':{wide + 2}}{len(rows)} rollouts of this artifact, {seconds:.1f} s", "dim"),)
            )
        return lines


TEST_SCRIPT = (
    "import json, sys; from dataclasses import asdict; from genopt_tui.learn.gate import compare; "
    "base, new, how = json.load(sys.stdin); print(json.dumps(asdict(compare(base, new, **how))))"
)


def run_gate_test(base: Sequence[float], new: Sequence[float], **how: Any) -> Tested:
    """What the gate's test says, from a process of its own: numpy and scipy would stay in the
    application's memory, and double it.

    Raises GenoptError.
    """
    given = json.dumps([base, new, how])
    ended = subprocess.run(
        [sys.executable, "-c", TEST_SCRIPT],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise GenoptError(
            "the versions cannot be compared",
            (ended.stderr.strip().splitlines() or ["no reason"])[-1],
        )
    said = json.loads(ended.stdout)
    return Tested(**{**said, "interval": said["interval"] and tuple(said["interval"])})


def find_gate_keys(journal: Journal, choices: "DesignChoices", fingerprint: str) -> list[ScoreKey]:
    """The gate's (example, repeat) pairs under the task as it is now, as a runner last named them;
    empty where none did."""
    events = journal.read_events(kinds=["scored", "aside_finished"])
    for event in reversed(events):
        data = event.data
        if data.get("fingerprint") != fingerprint or not choices.gate.selects_as(
            data.get("gate") or {}
        ):
            continue
        pairs = data.get("pairs") or [
            (row["example"], row["repeat"]) for row in data.get("scores", ())
        ]
        keys = [(str(example), int(repeat)) for example, repeat in pairs]
        if keys and not any(example in choices.exclude for example, _ in keys):
            return keys
    return []


def _count_missing(
    scored: Mapping[Side, VersionScores], keys: Sequence[ScoreKey]
) -> dict[Side, int]:
    """Sides that lack scores of the gate (where that is not known: which the other one has), and
    how many (0: not known)."""
    wanted = set(keys).union(*(() if keys else found.scores for found in scored.values()))
    lacking = {side: len(wanted - found.scores.keys()) for side, found in scored.items()}
    return {side: count for side, count in lacking.items() if count or not wanted}


def format_verdict(c: Comparison) -> str:
    """`9 -> 14.2  d +5.2 [+2.1, +8.3] BETTER  7 up 1 down 2 same  n=10  (paired sign-flip
    permutation, 95%)`."""
    span = (
        f" [{formatters.format_difference(c.interval[0])}, {formatters.format_difference(c.interval[1])}]"
        if c.interval
        else ""
    )
    counts = f"{c.better} up {c.worse} down {c.same} same"
    means = f"{formatters.format_score(c.mean_a)} -> {formatters.format_score(c.mean_b)}"
    return f"{means}  d {formatters.format_difference(c.difference)}{span} {c.verdict.upper()}  {counts}  n={c.n}  ({c.test}, {c.confidence:.0%})"


def build_example_lines(c: Comparison) -> tuple[list[Line], dict[int, RolloutKey]]:
    """Examples by size of change, and which one each line is about."""
    lines: list[Line] = []
    for pair in c.pairs:
        look = "" if not pair.change else "good" if pair.change > 0 else "bad"
        name = pair.example + (f"#{pair.repeat}" if pair.repeat else "")
        status = " ".join(s for s in (pair.a_status, pair.b_status) if s not in {"", "ok"})
        lines.append(
            (
                (f"{name:<18.18}", "strong"),
                (
                    f"{formatters.format_score(pair.a):>8} -> {formatters.format_score(pair.b):<8}",
                    "",
                ),
                (f"{formatters.format_difference(pair.change):>8}", look),
                (f"  {status}", "warn"),
            )
        )
    lines += [((f"{key[0]:<18.18}", "dim"), ("not scored for both", "dim")) for key in c.missing]
    places = [(pair.example, pair.repeat) for pair in c.pairs] + list(c.missing)
    return lines, {y: ("gate", *key) for y, key in enumerate(places)}
