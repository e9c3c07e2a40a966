"""What the panes show: immutable values, made by the store, compared by identity.

A part that did not change is the same object in the next snapshot, so a pane skips its work when
`new.part is old.part`. All text may come from a model: it is data, never markup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from genopt_tui.session.progress import RUNNING, Candidate, Progress
from genopt_tui.task.rollout import Picture, TraceStep

EMPTY: Mapping[str, Any] = {}
Files = Mapping[str, str]
"""File name to text."""
HunkWorth = Mapping[int, Mapping[str, Any]]
"""What leaving each hunk out cost, by hunk number."""
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history: a version, or a proposal that was not accepted.

    `label` is the step ("12", "11b" for candidate 1 of step 11), `kind` one of branch, rejected,
    abandoned, live. `base_score` is the gate score of its base, `note` what a person wrote about
    it. `task_changed`: it was scored under another state of the task than its parent. `group`
    names task and gate examples of its score: only scores of one group compare.
    """

    commit: str
    label: str
    step: int
    candidate: int = 0
    kind: str = "branch"
    decision: str = ""
    score: float | None = None
    stderr: float | None = None
    n: int = 0
    base_score: float | None = None
    verdict: str = ""
    subject: str = ""
    model: str = ""
    decided_by: str = ""
    branches: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    head: bool = False
    cost: float | None = None
    at: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    task_changed: bool = False
    group: str = ""

    @property
    def difference(self) -> float | None:
        return (
            None if self.score is None or self.base_score is None else self.score - self.base_score
        )


@dataclass(frozen=True, slots=True)
class VersionView:
    """The version that the panes show: head, or another one.

    `files` are the artifact's, `before` its parent's (empty for a start), `start` those of the
    start it grew from. `scope` holds the entries of the design choices (None while they are not
    loaded), `blame` by file the label of the version that wrote each line (empty until it is
    requested, see messages.BlameRequested), `record` the parsed `record.json`, empty until it is
    read.
    """

    commit: str
    label: str
    files: Mapping[str, str]
    before: Mapping[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, str] = field(default_factory=dict)
    blame: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One candidate: the reply as it streams, then the edit, its gate and its decision.

    `text` is the raw reply so far of attempt `attempt`, `streaming` whether more may come. `base`
    and `files` are whole artifacts, `files` None until an edit was parsed; `changes` names the
    files that differ. `gate_scores` are its gate rollouts as they arrive ({example, repeat, score,
    status}), `gate_size` how many there will be. `decision` is empty until there is one. `edited`:
    a person made `files`, and no gate has run for them. `hunk_worth` holds, by hunk number, what
    leaving that hunk out cost ({worth, without, interval, verdict}), once it was measured.
    """

    step: int
    number: int
    attempt: int = 0
    label: str = ""
    text: str = ""
    streaming: bool = False
    reasoning: str = ""
    base: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] | None = None
    changes: tuple[str, ...] = ()
    because: tuple[tuple[str, int], ...] = ()
    expects: tuple[tuple[str, str], ...] = ()
    unchecked: tuple[str, ...] = ()
    gate_scores: tuple[Mapping[str, Any], ...] = ()
    gate_size: int = 0
    gate: Mapping[str, Any] | None = None
    refusals: tuple[Mapping[str, Any], ...] = ()
    decision: str = ""
    reason: str = ""
    tree: str = ""
    edited: bool = False
    hunk_worth: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    candidate: Candidate = field(default_factory=Candidate)


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """What the step shows the model, and what the next update will.

    `sent` is the data of `evidence_built` (None before); `rollouts` the train rollouts so far;
    `batch` the (example, repeat) sampled for `step`; `editable` whether the prompt waits to be sent
    (mode step). `messages` is the whole prompt of the first attempt, empty before. `hints` are for
    the next update, `standing_hints` for all; `staged` are KEY=VALUE pairs that the next step
    takes; `excluded` maps examples left out for good to the reason; `pinned` ones are in every
    batch. `design` holds choices in the words of genopt.toml (`horizon`: {kind, steps}, `batch`:
    {size, ...}). Of a prompt that waits: `dropped` are the examples left out, `edited` whether a
    person wrote it.
    """

    step: int
    sent: Mapping[str, Any] | None = None
    batch: tuple[tuple[str, int], ...] = ()
    rollouts: tuple[Mapping[str, Any], ...] = ()
    editable: bool = False
    messages: tuple[Mapping[str, str], ...] = ()
    hints: tuple[str, ...] = ()
    standing_hints: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    design: Mapping[str, Any] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True)
class TraceSource:
    """A recorded trace: `rollout` is its id in the journal, `steps` its length.

    `shown` are the inclusive ranges of steps that became evidence (None: not known, nothing is
    dimmed). A pane asks for steps with TraceRequested and gets them in `TracePane.receive`.
    """

    rollout: int
    example: str
    repeat: int
    steps: int
    score: float | None = None
    status: str = "ok"
    shown: tuple[tuple[int, int], ...] | None = None
    covers: str = ""


@dataclass(frozen=True, slots=True)
class TraceSlice:
    """Steps of one rollout from `first` on: the answer to TraceRequested."""

    rollout: int
    first: int
    steps: Sequence[TraceStep]


@dataclass(frozen=True, slots=True)
class TracePicture:
    """The picture at `step` (None: no picture): the answer to PictureRequested."""

    rollout: int
    step: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What was spent, and the limits that are set. `estimated`: some cost is not known."""

    spent: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    estimated: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BaselineProgress:
    """Gate rollouts that belong to no step: they score the version that a run begins from.

    `seconds` is the mean duration of one rollout.
    """

    done: int
    size: int
    mean: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SideJob:
    """Work beside the steps: `kind` is fill, trace or hunks.

    `data` is that of `aside_finished` (None before), with `error` where it failed.
    """

    token: str
    kind: str
    size: int = 0
    done: int = 0
    seconds_left: float = 0.0
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExternalChanges:
    """What happened to the session's folder outside of this application.

    `edited` are files that a person changed, `conflicted` those of them with conflict markers,
    `git_change` what plain git did. `task_changed`: since head was scored.
    """

    edited: tuple[str, ...] = ()
    conflicted: tuple[str, ...] = ()
    git_change: str = ""
    task_changed: bool = False


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known about a session without asking its runner.

    `gate_size` is the number of rollouts of its gate, `rule` its score rule with the settings of
    the task that were changed.
    """

    name: str
    path: str
    task: str = ""
    start: str = ""
    model: str = ""
    mode: str = "ask"
    sandbox: str = ""
    workers: int = 1
    gate_size: int = 0
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the screen shows, at one moment.

    `live` is the row of the step in flight, `loaded` whether the history was read,
    `unread_versions` how many it still lacks. `awaited_commands` are the kinds of commands that no
    runner has answered yet, `activity` says in one line what the loop does. `marked_traces` are the
    marked version's traces of the examples of `traces`, `mark_label` its label (empty: no mark).
    `chosen_candidate` is the (step, candidate) that a person turned to, `test_openings` how often
    the test split was opened, `side_jobs` are by token.
    """

    session: SessionInfo
    number: int = 0
    branch: str = ""
    head: str = ""
    head_label: str = ""
    best: str = ""
    state: str = "idle"
    alive: bool = False
    loaded: bool = False
    progress: Progress = field(default_factory=Progress)
    rows: tuple[HistoryRow, ...] = ()
    live: HistoryRow | None = None
    version: VersionView | None = None
    is_historical: bool = False
    proposals: tuple[ProposalView, ...] = ()
    evidence: EvidenceView = field(default_factory=lambda: EvidenceView(0))
    traces: tuple[TraceSource, ...] = ()
    budget: BudgetView = field(default_factory=BudgetView)
    banner: str = ""
    marked_traces: tuple[TraceSource, ...] = ()
    mark_label: str = ""
    chosen_candidate: tuple[int, int] | None = None
    baseline_progress: BaselineProgress | None = None
    awaited_commands: tuple[str, ...] = ()
    activity: str = ""
    unread_versions: int = 0
    test_openings: int = 0
    external_changes: ExternalChanges = field(default_factory=ExternalChanges)
    side_jobs: Mapping[str, SideJob] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether the whole history was read."""
        return self.loaded and not self.unread_versions

    @property
    def pending(self) -> str:
        """The decision that is wanted: `propose`, `decide`, or empty."""
        return (
            str(self.progress.pending["pending"])
            if self.progress.pending and not self.progress.ended
            else ""
        )

    @property
    def is_reply_awaited(self) -> bool:
        """Whether a person is the model (`manual`) and owes the reply to the prompt."""
        asked = (
            self.session.model == "manual"
            and self.state == RUNNING
            and self.progress.phase == "asking"
        )
        p = self.proposal
        return (
            asked
            and not self.is_historical
            and p is not None
            and p.files is None
            and not p.decision
        )

    @property
    def active_side_job(self) -> SideJob | None:
        """The side job that is under way."""
        return next((job for job in self.side_jobs.values() if job.data is None), None)

    @property
    def proposal(self) -> ProposalView | None:
        """The candidate that a person chose, else the first that waits for a decision, else the
        newest."""
        if not self.proposals:
            return None
        if chosen := next(
            (p for p in self.proposals if (p.step, p.number) == self.chosen_candidate), None
        ):
            return chosen
        wanted = (self.progress.pending or EMPTY).get("candidates") or ()
        return next((p for p in self.proposals if p.number in wanted), self.proposals[-1])


def keep_if_equal(old: Part, new: Part) -> Part:
    """`old` where both are equal: panes compare by identity."""
    return old if old == new else new
