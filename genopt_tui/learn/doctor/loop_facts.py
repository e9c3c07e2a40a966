"""What the loop doctor knows of a loop, and what a finding is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from genopt_tui.config import DesignChoices
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Split

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `code` is stable, `message` holds the figures, `advice` says what to do."""

    code: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ExampleCard:
    """An example as the doctor sees it: `digest` of its data, `label` where there is one."""

    id: str
    digest: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """A rollout of the start on the gate. `seconds` is wall time, `signature` digests actions and
    rewards."""

    example: str
    repeat: int
    score: float
    status: str
    seconds: float
    signature: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LoopFacts:
    """What is known of a loop before its first step.

    `fields` are the keys seen in observations of a training rollout of `steps` steps, of which the
    horizon shows `kept`,
    `tokens` the size of a batch's whole traces and of what the horizon keeps of them; `one_action`
    tells that the start did the
    same in every step. `cut` counts steps in which something observed was cut, `cut_calls` those in
    which only calls may have
    been. `null` is (times accepted, times tried) of the same version against itself with sides
    drawn by lot, `null_p` the
    p-value of the two sides as they came. `best` is the mean score of the best version (None before
    there is one other than
    the start), `best_metrics` its mean named metrics. `budget` holds the limits that are set, by
    key.
    """

    task: Task
    choices: DesignChoices
    files: Mapping[str, str]
    scope: Sequence[str]
    examples: Mapping[Split, Sequence[ExampleCard]]
    gate: Sequence[ScoredRollout] = ()
    fields: frozenset[str] = frozenset()
    steps: int = 0
    kept: int = 0
    one_action: bool = False
    tokens: tuple[int, int] = (0, 0)
    cut: int = 0
    cut_calls: int = 0
    null: tuple[int, int] | None = None
    null_p: float | None = None
    best: float | None = None
    best_metrics: Mapping[str, float] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)
    workers: int = 1
    deterministic_by_seed: bool = False
