"""What the panes are fed: immutable values, made by the store, compared by identity.

A part that did not change is the same object in the next snapshot, so a pane may skip its work when
`new.part is old.part`.
All text in here may come from a model: it is data, never markup.
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
    """One line of the history: a version, or a proposal that was not taken.

    `label` is the step ("12", "11b" for candidate 1 of step 11), `kind` one of branch, rejected,
    abandoned, live.
    `difference` is against the gate score of its base, None where either was not measured. `note`
    is what a person noted
    about it; `task_changed`: it was scored under another state of the task than the version that it
    was made from. `group` names
    task and gate examples of its score: only scores of one group compare.
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
    """The version that the panes show: head, or an older one while looking back.

    `files` are the artifact's, `before` the parent's (empty for a start), `scope` the entries of
    the design choices
    in force (None while they are not loaded yet). `start` are the files of the start it grew from,
    `blame` the label of the
    version that wrote each line, by file (empty: not asked for yet, see messages.BlameWanted).
    `record` is the parsed
    `record.json`, empty until it is read.
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
    """One candidate: the reply as it streams, then the edit, its gate and what became of it.

    `text` is the raw reply so far (of attempt `attempt`), `streaming` while more may come. `base`
    and `files` are whole artifacts
    (name to text), `files` None until an edit was read. `changes` are names that differ.
    `candidate` has all events' data.
    `gate_scores` are gate rollouts of this candidate as they arrive ({example, repeat, score,
    status}), `gate_size` how many are awaited.
    `decision` is empty until there is one, `reason` why it was so decided. `edited`: `files` are what a person made of
    it, and no gate has run for them.
    `worth` holds, by hunk number, what leaving that hunk out cost ({worth, without, interval,
    verdict}), once it was measured.
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
    """`sent` is the data of `evidence_built` (None before); `rollouts` the train rollouts of the
    step so far.

    `batch` are (example, repeat) sampled, `step` the step they belong to, `editable` true while it
    waits to be sent (mode step).
    `messages` is the whole prompt as sent (first attempt), empty before. `hints` are those waiting
    for the next update,
    `standing` those that go into all; `staged` are KEY=VALUE pairs that wait for the next step;
    `excluded` maps examples left
    out for good to the reason, `pinned` are in every batch. `design` holds what the next update
    counts on, in the words of
    genopt.toml (`horizon`: {kind, steps}, `batch`: {size, ...}). Of a prompt that waits: `dropped`
    are the
    examples left out of it, `edited` true where a person wrote it.
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
    """A recorded trace that can be read: `rollout` is its id in the journal, `steps` its length.

    `shown` are the inclusive step ranges that became evidence (None: not known, nothing is dimmed).
    Steps are asked for by posting `TraceWanted`; they come back through `TracePane.receive`.
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
    """Steps of one rollout, from `first` on, as an answer to `TraceWanted`."""

    rollout: int
    first: int
    steps: Sequence[TraceStep]


@dataclass(frozen=True, slots=True)
class TracePicture:
    """The picture that belongs to `step` (None: there is none), as an answer to `PictureWanted`."""

    rollout: int
    step: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What was spent and what is allowed; `limits` has only limits that are set. `estimated`: some
    cost is not known."""

    spent: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    estimated: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BaselineProgress:
    """Gate rollouts that belong to no step: the version that a run begins from is scored. `seconds`
    is one rollout's mean duration."""

    done: int
    size: int
    mean: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SideJob:
    """Work beside the steps that was asked for: `what` is fill, trace or hunks; `done` of `size`
    rollouts have run, `left` seconds remain.

    `data` is that of `aside_finished` (None before), with `error` where it could not be done.
    """

    token: str
    kind: str
    size: int = 0
    done: int = 0
    seconds_left: float = 0.0
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExternalChanges:
    """What happened to the session's folder without this application.

    `edited` are files that a person changed, `torn` those of them in which a conflict is marked;
    `moved` says what plain git
    did. `task_changed`: the task is another one than head was scored under.
    """

    edited: tuple[str, ...] = ()
    conflicted: tuple[str, ...] = ()
    git_change: str = ""
    task_changed: bool = False


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a session is, as far as it is known without asking its runner. `gate_size` is how many
    rollouts its gate takes,
    `rule` the rule of its scores with the task's settings that were changed."""

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

    `live` is the line of the step in flight, `loaded` whether the history was read, `asked` the
    commands that no runner
    has taken up yet, `doing` what the loop does now and what is awaited, in one line. `beside` are
    the marked version's traces
    of the examples of `traces`, `mark_label` what that version is called (empty: nothing is
    marked).
    `chosen` is the (step, candidate) that a person turned to. `unread` counts versions that the
    history still lacks, `opened`
    how often the test split was looked at, `asides` work beside the steps by its token.
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
        """Whether all of the history was read."""
        return self.loaded and not self.unread_versions

    @property
    def pending(self) -> str:
        """`propose`, `decide`, or empty when no decision is wanted."""
        return (
            str(self.progress.pending["pending"])
            if self.progress.pending and not self.progress.ended
            else ""
        )

    @property
    def is_reply_awaited(self) -> bool:
        """Whether a person is the model (`manual`), and the reply to the prompt that was sent is
        awaited."""
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
        """The work beside the steps that is under way."""
        return next((a for a in self.side_jobs.values() if a.data is None), None)

    @property
    def proposal(self) -> ProposalView | None:
        """The candidate that was chosen to be shown, else the first that a decision is about, else
        the newest."""
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
