"""What the compare screen shows, read from git and journal in a thread of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError
from genopt_tui.session.compare import Comparison, Scored, compare, scores_of
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.ui import words
from genopt_tui.ui.widgets.lines import Line
from genopt_tui.ui.widgets.values import brief

if TYPE_CHECKING:
    from genopt_tui.session.repository import Repository
    from genopt_tui.task.rollout import TraceStep

AROUND = (3, 12)
"""Steps shown before and after the first difference of two traces."""
CHUNK = 64


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions side by side. `comparison` is None without a shared example; `missing` are versions that lack scores."""

    said: str
    missing: tuple[str, ...]
    diff: Sequence[Line]
    examples: Sequence[Line]
    traces: Sequence[Line]
    cost: Sequence[Line]


def read(session: Path, a: str, b: str, names: Mapping[str, str]) -> Compared:
    """Compare version `b` with `a`; `names` are what a person calls them. Raises GenoptError, OSError."""
    from genopt_tui.session.repository import Repository

    journal = Journal(session, durable=False)
    try:
        with Repository.open(session) as repository:
            return _Reading(repository, journal, a, b, names).all()
    finally:
        journal.close()


class _Reading:
    def __init__(self, repository: "Repository", journal: Journal, a: str, b: str, names: Mapping[str, str]) -> None:
        self.repository, self.journal, self.a, self.b = repository, journal, a, b
        self.names = names

    def all(self) -> Compared:
        said, missing, examples = self._scores()
        return Compared(said, missing, self._diff(), examples, self._traces(), self._cost())

    def _scores(self) -> tuple[str, tuple[str, ...], Sequence[Line]]:
        from genopt_tui.task import loader

        choices = self.repository.choices(self.repository.head())
        failure = loader.find(str(choices.task["name"])).task.failure_score
        scored = self.journal.last("scored")
        fingerprint = str(scored.data["fingerprint"]) if scored else ""
        sides = [
            scores_of(self.repository, self.journal, commit, failure_score=failure, fingerprint=fingerprint)
            for commit in (self.a, self.b)
        ]
        missing = _missing(sides, choices.gate.examples * choices.gate.repeats)
        try:
            found = compare(*sides, direction=self.repository.direction(), confidence=choices.gate.confidence)
        except GenoptError as error:
            return str(error), missing, [((str(error), "warn"),)]
        return verdict(found), missing, example_lines(found)

    def _diff(self) -> Sequence[Line]:
        from genopt_tui.learn.diff import unified

        old, new = self.repository.files(self.a), self.repository.files(self.b)
        choices = [{"genopt.toml": self.repository.choices_text(commit)} for commit in (self.a, self.b)]
        lines = [*diff_lines(unified(old, new)), *diff_lines(unified(*choices))]
        return lines or [(("artifact and design choices are the same", "dim"),)]

    def _traces(self) -> Sequence[Line]:
        pairs = self._traced_pairs()
        if not pairs:
            return [(("no train example was traced for both versions", "dim"),)]
        lines: list[Line] = []
        for a, b in pairs:
            lines += [*self._trace(a, b), ()]
        return lines

    def _traced_pairs(self) -> list[tuple[RolloutRow, RolloutRow]]:
        sides = []
        for commit in (self.a, self.b):
            rows = self.journal.rollouts(self.repository.tree(commit))
            sides.append({(r.result.split, r.result.example, r.result.repeat): r for r in rows if r.traced})
        return [(sides[0][key], sides[1][key]) for key in sorted(sides[0].keys() & sides[1].keys())]

    def _trace(self, a: RolloutRow, b: RolloutRow) -> list[Line]:
        at = self._first_difference(a, b)
        scores = f"{words.score(a.result.score)} and {words.score(b.result.score)}"
        title = f"{a.result.example}  score {scores}  {a.result.steps} and {b.result.steps} steps"
        if at is None:
            return [((title, "title"),), (("   the traces are the same", "dim"),)]
        first, count = max(0, at - AROUND[0]), sum(AROUND)
        left, right = self._steps(a, first, count), self._steps(b, first, count)
        lines: list[Line] = [((title, "title"), (f"  first difference at step {at}", "warn"))]
        for number in range(first, first + count):
            lines.append(_aligned(number, left.get(number), right.get(number)))
        return lines

    def _first_difference(self, a: RolloutRow, b: RolloutRow) -> int | None:
        longest = max(a.result.steps, b.result.steps)
        for first in range(0, longest, CHUNK):
            left, right = self._steps(a, first, CHUNK), self._steps(b, first, CHUNK)
            for number in range(first, min(first + CHUNK, longest)):
                if _told(left.get(number)) != _told(right.get(number)):
                    return number
        return None

    def _steps(self, row: RolloutRow, first: int, count: int) -> "dict[int, TraceStep]":
        from genopt_tui.task.trace import decode

        chunks = self.journal.trace_chunks(row.id, first, count)
        return {s.index: s for chunk in chunks for s in decode(chunk) if first <= s.index < first + count}

    def _cost(self) -> Sequence[Line]:
        lines: list[Line] = []
        for commit in (self.a, self.b):
            record = self.repository.record(commit)
            usage = record.usage or {}
            rows = self.journal.rollouts(self.repository.tree(commit))
            seconds = sum(r.result.seconds for r in rows)
            cost = usage.get("cost")
            told = "$?" if cost is None and record.reply else f"${cost or 0:.4f}"
            tokens = f"{usage.get('input', 0)} tokens in, {usage.get('output', 0)} out"
            lines.append(
                (
                    (f"{self.names.get(commit, commit[:7]):>6}  ", "title"),
                    (f"model {record.model or '-'}: {tokens}, {told}", ""),
                )
            )
            lines.append(((f"{'':8}{len(rows)} rollouts, {seconds:.1f} s", "dim"),))
        return lines


def _missing(sides: Sequence[Scored], size: int) -> tuple[str, ...]:
    """Versions that lack scores which the other one has, or which the gate takes."""
    wanted = set(sides[0].scores) | set(sides[1].scores)
    return tuple(s.commit for s in sides if wanted - set(s.scores) or len(s.scores) < min(size, 1))


def verdict(c: Comparison) -> str:
    """`9 -> 14.2  d +5.2 [+2.1, +8.3] BETTER  7 up 1 down 2 same  n=10  (paired sign-flip permutation)`."""
    span = f" [{words.signed(c.interval[0])}, {words.signed(c.interval[1])}]" if c.interval else ""
    counts = f"{c.better} up {c.worse} down {c.same} same"
    means = f"{words.score(c.mean_a)} -> {words.score(c.mean_b)}"
    return f"{means}  d {words.signed(c.difference)}{span} {c.verdict.upper()}  {counts}  n={c.n}  ({c.test}, {c.confidence:.0%})"


def example_lines(c: Comparison) -> list[Line]:
    """Examples by size of change."""
    lines: list[Line] = []
    for pair in c.pairs:
        look = "" if not pair.change else "good" if pair.change > 0 else "bad"
        name = pair.example + (f"#{pair.repeat}" if pair.repeat else "")
        status = " ".join(s for s in (pair.a_status, pair.b_status) if s not in {"", "ok"})
        lines.append(
            (
                (f"{name:<18.18}", "strong"),
                (f"{words.score(pair.a):>8} -> {words.score(pair.b):<8}", ""),
                (f"{words.signed(pair.change):>8}", look),
                (f"  {status}", "warn"),
            )
        )
    lines += [((f"{key[0]:<18.18}", "dim"), ("not scored for both", "dim")) for key in c.missing]
    return lines


def diff_lines(text: str) -> list[Line]:
    """A unified diff with its looks."""
    looks = {"+": "added", "-": "removed", "@": "hunk"}
    out: list[Line] = []
    for line in text.splitlines():
        look = "title" if line.startswith(("diff ", "+++", "---")) else looks.get(line[:1], "")
        out.append(((line, look),))
    return out


def _told(step: "TraceStep | None") -> Any:
    return None if step is None else (step.observation, step.action, step.reward)


def _aligned(number: int, a: "TraceStep | None", b: "TraceStep | None") -> Line:
    same = _told(a) == _told(b)
    return (
        (f"{number:>6} ", "gutter"),
        (f"{_brief(a):<52.52} ", "dim" if same else ""),
        (f"{_brief(b):<52.52}", "dim" if same else "warn"),
    )


def _brief(step: "TraceStep | None") -> str:
    if step is None:
        return "-"
    reward = f" reward {words.score(step.reward)}" if step.reward else ""
    return f"act {brief(step.action, 12)}{reward} {brief(step.observation, 36)}"
