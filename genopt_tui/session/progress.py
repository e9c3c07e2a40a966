"""The step in flight as a pure function of its events: the loop continues from it, the faces show
it.

Events and what they carry (`step` is a column; everything here is JSON). `candidate` and `attempt`
count from 0.

run_started      mode, steps, until, model (the setting), name (who that is: 'NAME (recorded)' for a
                 replay), pid, sandbox, workers
batch_sampled    base (commit), tree (of artifact/), branch, examples [[id, repeat]...], epoch
rollout_finished example, repeat, split, score, status, cached, seconds, rollout (journal id), tree
[, candidate] [, hint (the sandbox setting it failed for; for the person)]
evidence_built   parts [{example, repeat, score, status, rollout, steps, shown [[first, last]...],
                 cut, tokens}], sections [{name, tokens, cut}],
                 tokens, budget, estimated, horizon {kind, steps}, covers {trace, score}, mean,
                 learning (the template in force: interactive, batch, episodic, batch of episodes)
prompt_built     candidate, attempt, messages, tokens, repair (bool)
reply_delta      candidate, attempt, text (not kept as an event: pieces live in `reply_chunk`)
reply_finished   candidate, attempt, reply (journal id), complete, finish_reason, usage {input,
                 output}, cost, seconds, error, model
edit_parsed      candidate, attempt, tree, files [changed names], hunks, added, removed, reasoning,
                 because [[example, step]], expects [[example, up|down]]
edit_refused     candidate, attempt, why, place, nearest, final (bool: no further attempt)
gate_finished    candidate, tree, base_tree, mean, stderr, n, base_mean, base_stderr, difference,
                 interval [low, high], p, verdict, test, confidence,
                 better, worse, same, failed, scores [{example, repeat, base, score}], complete
                 (bool), looks [pairs at each look], most (pairs up to which it might grow)
decision_wanted  pending (propose | decide), candidates [numbers], since
decided          candidate, decision, by (person | gate | runner), reason
committed        candidate, version (commit), tree, branch, subject, decision, score, n, stderr,
                 base_score, verdict, cost
rejected         candidate, version (commit), ref, decision, reason, subject, score, n, stderr,
                 base_score, verdict, cost
step_ended       outcome
budget           spent {steps, cost, tokens, calls, minutes}, agent (the agent model's part: cost,
                 tokens, calls), limits {...},
                 unknown_cost (bool), warning
command_done     id, command, ok, why
aside_started    token, what (fill, hunks), size (rollouts to be run; theirs have step 0)
aside_finished   token, error [, versions, fingerprint, gate, pairs]
                 [, hunks {tree, base_tree, mean, difference, hunks [{hunk, without, worth,
                 interval, verdict}]}]
design_set       pairs (KEY=VALUE that wait for the next step), acts (the last act on history then)
design_undone    pairs (the last ones, which wait no more), acts
moved            act, branch, old, new (the head moved by an act on history)
paused, resumed  why [, code (exit code for who waits for the run: it cannot go on without a
                 person)]
error            message, advice, detail
run_finished     reason, code (exit code), steps, best {version, step, score, n}

What a person has said, as far as the next prompt has not carried it yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genopt_tui.session.journal import Event, Journal

IDLE, RUNNING, WAITING, PAUSED, FINISHED, FAILED = (
    "idle",
    "running",
    "waiting",
    "paused",
    "finished",
    "failed",
)


def list_unchecked(
    expects: Iterable[Sequence[str]], promised: Iterable[Sequence[Any]]
) -> tuple[str, ...]:
    """The examples of `expects` that could not be checked, because they have no score of both
    versions; `promised` holds those that could."""
    checked = {example for example, *_ in promised}
    return tuple(str(example) for example, _ in expects if example not in checked)


@dataclass(frozen=True)
class Candidate:
    """One proposal of the step in flight, as far as it has come."""

    number: int = 0
    attempt: int = 0
    prompts: tuple[Mapping[str, Any], ...] = ()
    replies: tuple[Mapping[str, Any], ...] = ()
    refusals: tuple[Mapping[str, Any], ...] = ()
    edit: Mapping[str, Any] | None = None
    gate: Mapping[str, Any] | None = None
    decided: Mapping[str, Any] | None = None
    ended: Mapping[str, Any] | None = None

    @property
    def refused(self) -> bool:
        return self.edit is None and bool(self.refusals) and bool(self.refusals[-1]["final"])


@dataclass(frozen=True)
class Progress:
    """The newest step and the state of the run. `asked`: a person sent a prompt after the run was
    over."""

    step: int = 0
    batch: Mapping[str, Any] | None = None
    rollouts: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] | None = None
    proposed: bool = False
    asked: bool = False
    candidates: Mapping[int, Candidate] = field(default_factory=dict)
    pending: Mapping[str, Any] | None = None
    ended: str = ""
    run: Mapping[str, Any] | None = None
    finished: Mapping[str, Any] | None = None
    paused: str = ""
    budget: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def phase(self) -> str:
        """What the step is doing, in the words of the walk of one step."""
        if self.ended or not self.batch:
            return "idle"
        if self.pending:
            return "deciding" if self.pending["pending"] == "decide" else "proposing"
        if not self.evidence:
            return "rolling out"
        open_ = [c for c in self.candidates.values() if not c.ended]
        if any(c.decided for c in open_):
            return "committing"
        if any(c.edit and not c.gate for c in open_):
            return "gate"
        return "asking"

    def state(self, runner_alive: bool) -> str:
        """`idle`, `running`, `waiting`, `paused`, `finished` or `failed`."""
        if self.pending and not self.ended:
            return WAITING
        if self.finished:  # a runner may linger a moment for another wish
            if self.finished.get("reason") == "stopped":
                return IDLE
            ends = {0: FINISHED, 3: FINISHED, 4: IDLE, 130: IDLE}  # exit codes, see errors.Exit
            failed = (
                FAILED if self.error else IDLE
            )  # a person may have begun a step since, which is past that error
            return ends.get(self.finished.get("code", 0), failed)
        if self.paused:  # its runner may have ended: the next one goes on
            return PAUSED
        return (
            RUNNING if runner_alive and self.run else IDLE
        )  # without a run it is there for a command alone


def fold_events(events: Iterable[Event], start: Progress | None = None) -> Progress:
    """The progress after `events`, which may hold several steps: the newest wins."""
    progress = start or Progress()
    for event in events:
        progress = advance(progress, event)
    return progress


def load_progress(journal: Journal) -> tuple[Progress, int]:
    """The progress of the newest step and the id of the last event, without reading the steps
    before it."""
    sampled = journal.find_last("batch_sampled")
    first = sampled.id if sampled else 0
    kinds = [("run_started",), ("run_finished",), ("paused", "resumed"), ("budget",)]
    before = [
        event for event in (journal.find_last(*k) for k in kinds) if event and event.id < first
    ]
    events = [*sorted(before, key=lambda e: e.id), *journal.read_events(max(first - 1, 0))]
    return fold_events(events), events[-1].id if events else 0


def advance(p: Progress, event: Event) -> Progress:
    """The progress after one more event."""
    data = event.data
    match event.kind:
        case "run_started":
            return replace(p, run=data, finished=None, paused="", error=None)
        case "run_finished":
            return replace(p, finished=data, paused="", asked=False)
        case "paused":
            return replace(p, paused=str(data.get("why") or "paused"))
        case "resumed":
            return replace(p, paused="")
        case "budget":
            return replace(p, budget=data)
        case "error":
            return replace(p, error=data)
        case "batch_sampled":
            return Progress(
                step=event.step,
                batch=data,
                run=p.run,
                finished=p.finished,
                paused=p.paused,
                budget=p.budget,
            )
    if event.step != p.step or not event.step:
        return p
    match event.kind:
        case "rollout_finished":
            return replace(p, rollouts=(*p.rollouts, data))
        case "evidence_built":
            return replace(p, evidence=data, proposed=False, pending=None)
        case "decision_wanted":
            return replace(p, pending={**data, "step": event.step})
        case "step_ended":
            return replace(p, ended=str(data["outcome"]), pending=None)
        case (
            "prompt_built"
            | "reply_finished"
            | "edit_parsed"
            | "edit_refused"
            | "gate_finished"
            | "decided"
            | "committed"
            | "rejected"
        ):
            number = int(data.get("candidate", 0))
            candidate = _advance_candidate(p.candidates.get(number, Candidate(number)), event)
            pending = None if event.kind in {"prompt_built", "decided"} else p.pending
            return replace(
                p,
                proposed=p.proposed or event.kind == "prompt_built",
                asked=p.asked or (event.kind == "prompt_built" and p.finished is not None),
                pending=pending,
                candidates={**p.candidates, number: candidate},
            )
    return p


def _advance_candidate(c: Candidate, event: Event) -> Candidate:
    data = event.data
    match event.kind:
        case "prompt_built":
            return replace(c, attempt=int(data["attempt"]), prompts=(*c.prompts, data))
        case "reply_finished":
            return replace(c, replies=(*c.replies, data))
        case "edit_refused":
            return replace(c, refusals=(*c.refusals, data))
        case "edit_parsed":
            return replace(c, edit=data)
        case "gate_finished":
            return replace(c, gate=data)
        case "decided":
            return replace(c, decided=data)
    return replace(c, ended={**data, "kind": event.kind})


@dataclass(frozen=True)
class PendingInput:
    """`hints` go into one update, `standing` into all; `staged` are KEY=VALUE pairs that wait for
    the next step;
    `pinned` are examples taken into every batch."""

    hints: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)

    def excluded(self, committed: Mapping[str, str]) -> dict[str, str]:
        """Examples left out from the next step on, with the reason: those that the choices leave
        out, and what waits beside."""
        pairs = [pair for pair in self.staged if pair.startswith("exclude.")]
        if not pairs:
            return {example: reason for example, reason in committed.items() if reason}
        from genopt_tui.config import split_pair  # loads pydantic, too heavy for the interface

        found = dict(committed)
        for key, _, reason in (split_pair(pair) for pair in pairs):
            found[key.removeprefix("exclude.")] = reason
        return {example: reason for example, reason in found.items() if reason}


def read_pending_input(journal: Journal, step: int) -> PendingInput:
    """What counts for `step`: hints given after the prompts of the steps before it, and all that
    stands."""
    hints: list[str] = []
    standing: list[str] = []
    staged: list[str] = []
    pinned: list[str] = []
    carried = journal.find_last("prompted", below=step)
    for event in journal.read_events(
        kinds=["hint", "design_set", "design_undone", "design_committed", "examples_set"]
    ):
        data: Mapping[str, Any] = event.data
        match event.kind:
            case "hint" if data.get("remove"):
                standing = [text for text in standing if text != data["text"]]
            case "hint" if data.get("always"):
                standing.append(data["text"])
            case "hint" if carried is None or event.id > int(carried.data.get("until", carried.id)):
                hints.append(data["text"])
            case "design_set":
                staged += data["pairs"]
            case "design_undone":
                staged = staged[: len(staged) - len(data["pairs"])]
            case "design_committed":
                staged.clear()
            case "examples_set":
                pinned = list(data.get("pinned", pinned))
    return PendingInput(hints, standing, staged, pinned)


def describe_gate_size(gate: Mapping[str, Any]) -> str:
    """`30 of up to 40` for the data of a gate that could grow, else `n=10`."""
    looks, most = gate.get("looks") or [0], gate.get("most") or 0
    return f"{looks[-1]} of up to {most}" if most > looks[0] else f"n={gate.get('n', 0)}"
