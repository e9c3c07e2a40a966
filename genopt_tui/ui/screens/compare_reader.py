"""Reads from git and journals what the compare screen shows. Blocks; call it in a thread."""

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
    """A version to compare: its session, and how the user calls it."""

    session: Path
    commit: str
    name: str = ""


Sides = tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Two versions compared.

    `result` is None without a common example. `missing` maps sides that lack gate scores to the
    number of missing rollouts (0: unknown). `trees` are the artifacts; `old` and `new` are their
    files with the design choices. `targets` maps lines of `examples` to what Enter opens, `traced`
    lists examples with a trace on both sides.
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
    """The version that the user calls `text` in session `there`, which must be of the same task as
    `here`.

    Raises GenoptError.
    """
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.places import quote_session

    with Repository.open(here) as ours, Repository.open(there) as theirs:
        check_same_task(ours, theirs)
        return Side(there, theirs.resolve(text), f"{quote_session(there)}@{text}")


def read_comparison(sides: Sides) -> VersionComparison:
    """Compare the second side with the first, under the task and gate of the first side's session.

    Raises GenoptError and OSError.
    """
    from genopt_tui.session.history.repository import Repository

    with ExitStack() as stack:
        readers = [
            _SideReader(
                side,
                stack.enter_context(Repository.open(side.session)),
                stack.enter_context(closing(Journal(side.session, durable=False))),
            )
            for side in sides
        ]
        return _ComparisonReader(readers[0], readers[1]).read_all()


class _SideReader:
    """Reads one side from its session."""

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
        """The task, its fingerprint, and what else decides a rollout besides the artifact: the
        seed, and the model that answers `llm`."""
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
        task, fingerprint, conditions = a.read_state()
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
        mismatch = self._explain_mismatch(task, fingerprint, conditions)
        if self.across_sessions:
            their_scores = {} if mismatch else sides[1].scores
            own_scores = load_rollout_scores(
                a.journal, b.tree, failure_score=failure, fingerprint=fingerprint
            )
            sides[1] = VersionScores(b.side.commit, b.tree, {**their_scores, **own_scores})
        keys = find_gate_keys(a.journal, choices, fingerprint)
        missing = _count_missing(dict(zip((a.side, b.side), sides, strict=True)), keys)
        comparison = None
        try:
            comparison = compare_scores(
                *sides,
                direction=task.task.direction,
                confidence=choices.gate.confidence,
                keys=keys,
                deterministic=task.task.deterministic,
                test=run_gate_test,
            )
            rule = task.task.describe_scoring(task.task.resolve_settings(choices.task))
            verdict = f"{format_verdict(comparison)}\nscores: {rule}"
        except SessionError:
            verdict = "no example was scored for both under the current task"
        lines, opens = (
            build_example_lines(comparison) if comparison else ([((verdict, "warn"),)], {})
        )
        if mismatch and b.side in missing:
            verdict += f"\n{b.side.session.name}'s own scores do not compare: {mismatch}"
        trees, traced, cost = (a.tree, b.tree), self._list_traced(), self._build_cost_lines()
        return VersionComparison(
            verdict,
            comparison,
            missing,
            trees,
            a.read_files(),
            b.read_files(),
            lines,
            opens,
            traced,
            cost,
        )

    def _explain_mismatch(self, task: "TaskFolder", fingerprint: str, conditions: object) -> str:
        """Why scores of the other session are not comparable; empty if they are."""
        if not self.across_sessions:
            return ""
        if task.task.measure == "time":
            return "times compare only if measured together"
        _, theirs, other = self.b.read_state()
        if theirs != fingerprint:
            return "its task has other code, settings or limits"
        return "" if other == conditions else "it has another seed or agent model"

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
        name_width = max(8, len(self.a.side.name), len(self.b.side.name))
        for half in (self.a, self.b):
            record = half.repository.read_record(half.side.commit)
            usage = record.usage or {}
            rows = half.read_rollouts()
            seconds = sum(r.result.seconds for r in rows)
            cost = usage.get("cost")
            spent = (
                "no model call" if not record.reply else "$?" if cost is None else f"${cost:.4f}"
            )
            tokens = (
                f", {usage.get('input', 0)} tokens in, {usage.get('output', 0)} out"
                if record.reply
                else ""
            )
            lines.append(
                (
                    (f"{half.side.name:>{name_width}}  ", "title"),
                    (f"model {record.model or '-'}: {spent}{tokens}", ""),
                )
            )
            indent = " " * (name_width + 2)
            played = f"{indent}{len(rows)} rollouts of this artifact, {seconds:.1f} s"
            lines.append(((played, "dim"),))
        return lines


TEST_SCRIPT = (
    "import json, sys; from dataclasses import asdict; from genopt_tui.learn.gate import compare; "
    "base, new, how = json.load(sys.stdin); print(json.dumps(asdict(compare(base, new, **how))))"
)


def run_gate_test(base: Sequence[float], new: Sequence[float], **how: Any) -> Tested:
    """The gate's test of two samples, run in a process of its own: numpy and scipy would double the
    memory of the application.

    Raises GenoptError.
    """
    process = subprocess.run(
        [sys.executable, "-c", TEST_SCRIPT],
        input=json.dumps([base, new, how]),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise GenoptError(
            "the versions cannot be compared",
            (process.stderr.strip().splitlines() or ["no reason"])[-1],
        )
    result = json.loads(process.stdout)
    return Tested(**{**result, "interval": result["interval"] and tuple(result["interval"])})


def find_gate_keys(journal: Journal, choices: "DesignChoices", fingerprint: str) -> list[ScoreKey]:
    """The gate's (example, repeat) pairs that a runner last reported for the current task; empty if
    none did."""
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
    """Sides that lack gate scores, with the number of missing ones (0: unknown).

    Without known `keys`, a side lacks what only the other one has.
    """
    expected = set(keys).union(*(() if keys else found.scores for found in scored.values()))
    missing = {side: len(expected - found.scores.keys()) for side, found in scored.items()}
    return {side: count for side, count in missing.items() if count or not expected}


def format_verdict(c: Comparison) -> str:
    """`9 -> 14.2  d +5.2 [+2.1, +8.3] BETTER  7 up 1 down 2 same  n=10  (paired sign-flip
    permutation, 95%)`."""
    span = ""
    if c.interval:
        span = " [{}, {}]".format(*map(formatters.format_difference, c.interval))
    counts = f"{c.better} up {c.worse} down {c.same} same"
    means = f"{formatters.format_score(c.mean_a)} -> {formatters.format_score(c.mean_b)}"
    change = f"d {formatters.format_difference(c.difference)}{span} {c.verdict.upper()}"
    return f"{means}  {change}  {counts}  n={c.n}  ({c.test}, {c.confidence:.0%})"


def build_example_lines(c: Comparison) -> tuple[list[Line], dict[int, RolloutKey]]:
    """Lines of examples by size of change, and the example of each line."""
    lines: list[Line] = []
    for pair in c.pairs:
        style = "" if not pair.change else "good" if pair.change > 0 else "bad"
        name = pair.example + (f"#{pair.repeat}" if pair.repeat else "")
        status = " ".join(s for s in (pair.a_status, pair.b_status) if s not in {"", "ok"})
        lines.append(
            (
                (f"{name:<18.18}", "strong"),
                (
                    f"{formatters.format_score(pair.a):>8} -> {formatters.format_score(pair.b):<8}",
                    "",
                ),
                (f"{formatters.format_difference(pair.change):>8}", style),
                (f"  {status}", "warn"),
            )
        )
    lines += [((f"{key[0]:<18.18}", "dim"), ("not scored for both", "dim")) for key in c.missing]
    keys = [(pair.example, pair.repeat) for pair in c.pairs] + list(c.missing)
    return lines, {y: ("gate", *key) for y, key in enumerate(keys)}
