"""What the compare screen shows, read from git and journal in a thread of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError, SessionError
from genopt_tui.learn.gate import Comparison as Tested
from genopt_tui.session.compare import Comparison, Key, Scored, compare, scores_of
from genopt_tui.session.journal import Journal
from genopt_tui.ui import words
from genopt_tui.ui.widgets.lines import Line

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.session.repository import Repository

CHOICES = "genopt.toml"
Place = tuple[str, str, int]
"""Split, example and repeat of a rollout."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions side by side. `found` is None without a shared example.

    `missing` are versions that lack scores of the gate, `lacking` how many rollouts that are (0: not known). `old` and `new`
    hold the artifact's files and the design choices. `opens` says which example Enter on a line of `examples` is about,
    `traced` which examples have a trace of both.
    """

    said: str
    found: Comparison | None
    missing: tuple[str, ...]
    lacking: int
    old: Mapping[str, str]
    new: Mapping[str, str]
    examples: Sequence[Line]
    opens: Mapping[int, Place] = field(default_factory=dict)
    traced: Sequence[Place] = ()
    cost: Sequence[Line] = ()


def read(session: Path, a: str, b: str, names: Mapping[str, str]) -> Compared:
    """Compare version `b` with `a`; `names` are what a person calls them. Raises GenoptError, OSError."""
    from genopt_tui.session.repository import Repository

    journal = Journal(session, durable=False)
    try:
        with Repository.open(session) as repository:
            return _Reading(repository, journal, (a, b), names).all()
    finally:
        journal.close()


class _Reading:
    def __init__(
        self, repository: "Repository", journal: Journal, pair: tuple[str, str], names: Mapping[str, str]
    ) -> None:
        self.repository, self.journal, self.pair, self.names = repository, journal, pair, names

    def all(self) -> Compared:
        from genopt_tui.session.state import state_of

        repository = self.repository
        choices = repository.choices(repository.head())
        task, fingerprint = state_of(repository.path, choices)
        failure = task.task.failure_score
        sides = [
            scores_of(repository, self.journal, commit, failure_score=failure, fingerprint=fingerprint)
            for commit in self.pair
        ]
        keys = gate_keys(self.journal, choices, fingerprint)
        missing, lacking = _missing(sides, keys)
        old, new = (self._files(commit) for commit in self.pair)
        found, said = None, ""
        try:
            found = compare(
                *sides, direction=task.task.direction, confidence=choices.gate.confidence, keys=keys, test=tested
            )
            rule = task.task.scored_by(task.task.resolve(choices.task))
            said = f"{verdict(found)}\nscores: {rule}"
        except SessionError:
            said = "no example was scored for both under the task as it is now"
        lines, opens = example_lines(found) if found else ([((said, "warn"),)], {})
        return Compared(said, found, missing, lacking, old, new, lines, opens, self._traced(), self._cost())

    def _files(self, commit: str) -> dict[str, str]:
        return {**self.repository.files(commit), CHOICES: self.repository.choices_text(commit)}

    def _traced(self) -> list[Place]:
        sides = []
        for commit in self.pair:
            rows = self.journal.rollouts(self.repository.tree(commit))
            sides.append({(r.result.split, r.result.example, r.result.repeat) for r in rows if r.traced})
        return sorted(sides[0] & sides[1])

    def _cost(self) -> list[Line]:
        lines: list[Line] = []
        for commit in self.pair:
            record = self.repository.record(commit)
            usage = record.usage or {}
            rows = self.journal.rollouts(self.repository.tree(commit))
            seconds = sum(r.result.seconds for r in rows)
            cost = usage.get("cost")
            told = "no model call" if not record.reply else "$?" if cost is None else f"${cost:.4f}"
            tokens = f", {usage.get('input', 0)} tokens in, {usage.get('output', 0)} out" if record.reply else ""
            name = self.names.get(commit, commit[:7])
            lines.append(((f"{name:>8}  ", "title"), (f"model {record.model or '-'}: {told}{tokens}", "")))
            lines.append(((f"{'':10}{len(rows)} rollouts of this artifact, {seconds:.1f} s", "dim"),))
        return lines


TEST = (
    "import json, sys; from dataclasses import asdict; from genopt_tui.learn.gate import compare; "
    "base, new, how = json.load(sys.stdin); print(json.dumps(asdict(compare(base, new, **how))))"
)


def tested(base: Sequence[float], new: Sequence[float], **how: Any) -> Tested:
    """What the gate's test says, from a process of its own: numpy and scipy would stay in the application's memory, and double it.

    Raises GenoptError.
    """
    given = json.dumps([base, new, how])
    ended = subprocess.run([sys.executable, "-c", TEST], input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise GenoptError("the versions cannot be compared", (ended.stderr.strip().splitlines() or ["no reason"])[-1])
    said = json.loads(ended.stdout)
    return Tested(**{**said, "interval": said["interval"] and tuple(said["interval"])})


def gate_keys(journal: Journal, choices: "DesignChoices", fingerprint: str) -> list[Key]:
    """The gate's (example, repeat) pairs under the task as it is now, as a runner last named them; empty where none did."""
    gate = choices.gate.model_dump()
    events = journal.events(kinds=["scored", "aside_finished"])
    for event in reversed(events):
        data = event.data
        if data.get("fingerprint") != fingerprint or data.get("gate") != gate:
            continue
        pairs = data.get("pairs") or [(row["example"], row["repeat"]) for row in data.get("scores", ())]
        keys = [(str(example), int(repeat)) for example, repeat in pairs]
        if keys and not any(example in choices.exclude for example, _ in keys):
            return keys
    return []


def _missing(sides: Sequence[Scored], keys: Sequence[Key]) -> tuple[tuple[str, ...], int]:
    """Versions that lack scores of the gate (where that is not known: which the other one has), and how many rollouts."""
    wanted = set(keys) or set(sides[0].scores) | set(sides[1].scores)
    lacking = [(side.commit, len(wanted - side.scores.keys())) for side in sides]
    if not wanted:
        return tuple(side.commit for side in sides), 0
    return tuple(commit for commit, count in lacking if count), sum(count for _, count in lacking)


def verdict(c: Comparison) -> str:
    """`9 -> 14.2  d +5.2 [+2.1, +8.3] BETTER  7 up 1 down 2 same  n=10  (paired sign-flip permutation, 95%)`."""
    span = f" [{words.signed(c.interval[0])}, {words.signed(c.interval[1])}]" if c.interval else ""
    counts = f"{c.better} up {c.worse} down {c.same} same"
    means = f"{words.score(c.mean_a)} -> {words.score(c.mean_b)}"
    return f"{means}  d {words.signed(c.difference)}{span} {c.verdict.upper()}  {counts}  n={c.n}  ({c.test}, {c.confidence:.0%})"


def example_lines(c: Comparison) -> tuple[list[Line], dict[int, Place]]:
    """Examples by size of change, and which one each line is about."""
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
    places = [(pair.example, pair.repeat) for pair in c.pairs] + list(c.missing)
    return lines, {y: ("gate", *key) for y, key in enumerate(places)}
