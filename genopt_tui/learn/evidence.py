"""Evidence: exactly what the model is shown about the batch. One pure function of rollouts, design
choices and the person's choices.

Nothing is cut silently. When the evidence does not fit its room, every rollout gets an equal share
(what one does not need
goes to the others) and shows fewer steps of its horizon: `first` keeps the first, `last` the last,
all other kinds the
beginning and the end. Each cut is marked where it was made and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.learn import horizon, trace_writer
from genopt_tui.learn.text import TokenCounter, cut_middle, estimate_tokens
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import TraceStep

MAX_ERROR = 4_000  # characters of an artifact's traceback
SAMPLE_STEPS = 12  # steps from which the size of the others is estimated
MAX_FIT_ROUNDS = 4
Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class RolloutView:
    """A rollout as evidence sees it. `steps` is read lazily: only what is shown is asked for.
    `covers` says in words what its
    score covers ('' leaves it to the task); `rollout` is its id in the journal."""

    example: str
    repeat: int = 0
    score: float | None = None
    status: str = "ok"
    feedback: str = ""
    error: str = ""
    output: str = ""
    steps: Sequence[TraceStep] = ()
    covers: str = ""
    rollout: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.example}#{self.repeat}" if self.repeat else self.example


@dataclass(frozen=True)
class PersonChoices:
    """What a person chose about the evidence: examples left out now or for good, pinned ones, hints
    for this and for every update."""

    dropped: frozenset[str] | set[str] = frozenset()
    pinned: Sequence[str] = ()
    hints: Sequence[str] = ()
    standing_hints: Sequence[str] = ()
    excluded: Mapping[str, str] | Sequence[str] = ()


@dataclass
class EvidencePart:
    """What is shown of one rollout: `shown` are inclusive ranges of steps, `wanted` those of the
    horizon;
    `cut` counts steps of the horizon that did not fit, `lost` characters of feedback, error and
    calls left out."""

    example: str
    repeat: int
    score: float | None
    status: str
    rollout: int
    steps: int
    wanted: Ranges = field(default_factory=list)
    shown: Ranges = field(default_factory=list)
    cut: int = 0
    lost: int = 0
    tokens: int = 0
    text: str = ""


@dataclass
class Evidence:
    """The evidence of one update. `text` is what the prompt holds, byte for byte. `cuts` counts
    steps and characters left out for room."""

    parts: list[EvidencePart]
    text: str
    tokens: int
    token_budget: int
    mean: float | None
    covers: dict[str, str]
    horizon: dict[str, Any]
    sections: list[dict[str, Any]]
    estimated: bool
    left_out: list[str]

    @property
    def cuts(self) -> int:
        return sum(p.cut + p.lost for p in self.parts)

    def payload(self) -> dict[str, Any]:
        """The data of the `evidence_built` event."""
        parts = [
            {k: v for k, v in asdict(p).items() if k not in {"text", "wanted"}} for p in self.parts
        ]
        return {
            "parts": parts,
            "sections": self.sections,
            "tokens": self.tokens,
            "budget": self.token_budget,
            "estimated": self.estimated,
            "horizon": self.horizon,
            "covers": self.covers,
            "mean": self.mean,
            "left_out": self.left_out,
            "cut": self.cuts,
        }


def build_evidence(
    views: Sequence[RolloutView],
    choices: DesignChoices,
    person: PersonChoices,
    task: Task,
    count: TokenCounter = estimate_tokens,
    *,
    token_budget: int | None = None,
    chooser: horizon.Chooser | None = None,
) -> Evidence:
    """The evidence of a batch in at most `room` tokens (by default three quarters of the context).

    `count` counts tokens; `chooser` is the function of a `python:FILE:FUNCTION` horizon.
    """
    token_budget = choices.evidence.context * 3 // 4 if token_budget is None else token_budget
    out = set(person.dropped) | set(person.excluded)
    kept = [v for v in views if v.example not in out]
    pins = list(person.pinned)
    kept.sort(key=lambda v: pins.index(v.example) if v.example in pins else len(pins))
    mean = _mean(kept, task)
    sheets = [_PartWriter(v, choices, task, chooser) for v in kept]
    covers = _describe_coverage(sheets, choices, task)
    head = _format_header(kept, mean, covers, choices, task)
    scale = 1.0
    for attempt in range(MAX_FIT_ROUNDS):
        _share_tokens(sheets, max(0, int((token_budget - estimate_tokens(head)) * scale)))
        text = "\n".join([head, *(s.part.text for s in sheets)])
        tokens = count(text)
        tight = 0.85 * token_budget <= tokens or not any(s.part.cut for s in sheets)
        if (tokens <= token_budget and tight) or attempt == MAX_FIT_ROUNDS - 1:
            break
        scale *= min(token_budget / max(tokens, 1) * 0.97, 1.5)
    for sheet in sheets:
        sheet.part.tokens = count(sheet.part.text)
    left_out = [v.name for v in views if v.example in out]
    parts = [s.part for s in sheets]
    section = {"name": "evidence", "tokens": tokens, "cut": sum(p.cut + p.lost for p in parts)}
    shape = {"kind": choices.horizon.kind, "steps": choices.horizon.steps}
    return Evidence(
        parts,
        text,
        tokens,
        token_budget,
        mean,
        covers,
        shape,
        [section],
        count is estimate_tokens,
        left_out,
    )


class _PartWriter:
    """One rollout's part of the evidence, written to a given number of tokens."""

    def __init__(
        self, view: RolloutView, choices: DesignChoices, task: Task, chooser: horizon.Chooser | None
    ) -> None:
        self.view, self.choices = view, choices
        self.part = EvidencePart(
            view.example, view.repeat, view.score, view.status, view.rollout, len(view.steps)
        )
        self.head = self._format_part_header(task)
        self.has_trace = choices.evidence.detail in {"trace", "calls"} and len(view.steps) > 0
        self.reasons: dict[int, str] = {}
        if self.has_trace:
            found = horizon.select_steps(
                choices.horizon.kind,
                choices.horizon.steps,
                len(view.steps),
                view.steps,
                view.status != "ok",
                view.score,
                chooser,
            )
            self.part.wanted = [(a, b) for a, b, _ in found]
            self.reasons = {a: why for a, _, why in found if why}
        self.trace_cache = trace_writer.TraceCache()
        self.steps_read: dict[int, TraceStep] = {}
        self.tokens_per_step = self._estimate_step_tokens()
        self.tokens_written = -1

    @property
    def wanted_tokens(self) -> int:
        """Tokens it would take to show everything, at a guess."""
        return (
            estimate_tokens(self.head)
            + 30
            + int(self.tokens_per_step * trace_writer.count_steps(self.part.wanted))
        )

    def write(self, tokens: int) -> None:
        """Write the part in about `tokens` tokens."""
        if tokens == self.tokens_written:
            return
        self.tokens_written = tokens
        head_room = max(60, tokens) * 3
        head, lost = (
            cut_middle(self.head, head_room) if len(self.head) > head_room else (self.head, 0)
        )
        lines, lost_in_calls = [head], 0
        if self.has_trace:
            left = tokens - estimate_tokens(head) - 30
            total = trace_writer.count_steps(self.part.wanted)
            fits = (
                total
                if tokens >= self.wanted_tokens
                else max(0, int(left / self.tokens_per_step))
                if self.tokens_per_step
                else 0
            )
            self.part.shown = trim_ranges(self.part.wanted, fits, self.choices.horizon.kind)
            lines += self._format_trace()
            lost_in_calls = self.writer.cuts
        self.part.cut = trace_writer.count_steps(self.part.wanted) - trace_writer.count_steps(
            self.part.shown
        )
        self.part.lost = lost + lost_in_calls
        self.part.text = "\n".join(lines) + "\n"

    def _format_trace(self) -> list[str]:
        part = self.part
        self.writer = trace_writer.TraceWriter(
            calls=self.choices.evidence.detail == "calls", known=self.trace_cache
        )
        outside = part.steps - trace_writer.count_steps(part.wanted)
        lines = [f"trace ({part.steps} steps were recorded; {outside} lie outside the horizon):"]
        at = 0
        for first, last in part.shown:
            lines += self._format_gap(at, first - 1)
            self.writer.interrupt()
            for index in range(first, last + 1):
                lines += self.writer.format_step(self._load_step(index))
                if why := self.reasons.get(index):
                    lines[-1] += f"  [shown because: {why}]"
            at = last + 1
        lines += self._format_gap(at, part.steps - 1)
        return lines

    def _load_step(self, index: int) -> TraceStep:
        """A step of the trace, unpacked once."""
        step = self.steps_read.get(index)
        if step is None:
            step = self.steps_read[index] = self.view.steps[index]
        return step

    def _format_gap(self, first: int, last: int) -> list[str]:
        """The mark for steps that are not shown, and why."""
        if first > last:
            return []
        hidden = last - first + 1
        cut = sum(max(0, min(b, last) - max(a, first) + 1) for a, b in self.part.wanted)
        name = f"step {first}" if hidden == 1 else f"steps {first}-{last}"
        if not cut:
            return [f"[... {name} not shown: outside the horizon ...]"]
        rest = f", the other {hidden - cut} outside the horizon" if cut < hidden else ""
        return [f"[... {name} not shown: {cut} cut because the context is full{rest} ...]"]

    def _format_part_header(self, task: Task) -> str:
        view, detail = self.view, self.choices.evidence.detail
        lines = [f"## rollout of example {view.name}", _score_line(view, task)]
        if detail != "score":
            if view.metrics:
                lines.append("metrics: " + ", ".join(f"{k} {v:g}" for k, v in view.metrics.items()))
            if view.feedback and self.choices.feedback.detail != "score":
                lines.append(f"feedback: {view.feedback}")
            if view.error:
                text, cut = cut_middle(view.error.rstrip("\n"), MAX_ERROR)
                self.part.lost += cut
                lines += ["error raised by the artifact:", text]
        return "\n".join(lines)

    def _estimate_step_tokens(self) -> float:
        """Tokens of a step at a guess: from the first few that are wanted, as those are read
        anyway."""
        if not self.part.wanted:
            return 0.0
        first, last = (
            self.part.wanted[-1] if self.choices.horizon.kind == "last" else self.part.wanted[0]
        )
        writer = trace_writer.TraceWriter(
            calls=self.choices.evidence.detail == "calls", known=self.trace_cache
        )
        taken = range(first, min(last, first + SAMPLE_STEPS) + 1)
        sizes = [
            estimate_tokens("\n".join(writer.format_step(self._load_step(i)))) + 1 for i in taken
        ]
        later = sum(sizes[1:]) / (len(sizes) - 1) if len(sizes) > 1 else sizes[0]
        runs = len(self.part.wanted) / trace_writer.count_steps(self.part.wanted)
        return later + (sizes[0] - later) * max(runs, 1 / trace_writer.FULL_EVERY)


def trim_ranges(wanted: Ranges, fits: int, kind: str) -> Ranges:
    """At most `fits` steps of `wanted`: its first, its last, or both ends, as the horizon's kind
    says."""
    total = trace_writer.count_steps(wanted)
    if fits >= total:
        return list(wanted)
    if kind == "first":
        return _take_first(wanted, fits)
    if kind == "last":
        return _take_last(wanted, fits)
    return horizon.merge_ranges(
        [*_take_first(wanted, (fits + 1) // 2), *_take_last(wanted, fits // 2)]
    )


def _take_first(wanted: Ranges, fits: int) -> Ranges:
    out: Ranges = []
    for first, last in wanted:
        if fits <= 0:
            break
        out.append((first, min(last, first + fits - 1)))
        fits -= out[-1][1] - first + 1
    return out


def _take_last(wanted: Ranges, fits: int) -> Ranges:
    out: Ranges = []
    for first, last in reversed(wanted):
        if fits <= 0:
            break
        out.insert(0, (max(first, last - fits + 1), last))
        fits -= last - out[0][0] + 1
    return out


def _share_tokens(sheets: Sequence[_PartWriter], room: int) -> None:
    """Write every sheet: equal shares, what one does not need goes to the others."""
    left, waiting = room, sorted(sheets, key=lambda s: s.wanted_tokens)
    while waiting:
        sheet = waiting.pop(0)
        given = min(sheet.wanted_tokens, max(0, left) // (len(waiting) + 1))
        sheet.write(given)
        left -= given


def _mean(views: Sequence[RolloutView], task: Task) -> float | None:
    scores = [
        task.failure_score if v.score is None else v.score for v in views if v.status != "infra"
    ]
    return sum(scores) / len(scores) if scores else None


def _mean_metrics(views: Sequence[RolloutView]) -> dict[str, float]:
    """Each named metric's mean over the rollouts that have it."""
    names = {name for v in views for name in v.metrics}
    told = {name: [v.metrics[name] for v in views if name in v.metrics] for name in names}
    return {name: sum(values) / len(values) for name, values in told.items()}


def _score_line(view: RolloutView, task: Task) -> str:
    if view.status == "ok" and view.score is not None:
        return f"score: {view.score:g}"
    return f"status: {STATUS_TEXTS.get(view.status, view.status)}; it counts as score {task.failure_score:g}"


STATUS_TEXTS = {
    "error": "error (the artifact raised an exception)",
    "timeout": "timeout (the artifact took too long)",
    "memory": "memory (the artifact used too much memory)",
    "killed": "killed (the artifact's process ended by itself)",
    "output": "output (the artifact printed too much)",
    "invalid": "invalid (no usable score)",
}


def _describe_coverage(
    sheets: Sequence[_PartWriter], choices: DesignChoices, task: Task
) -> dict[str, str]:
    """What traces and scores cover, separately: the two may differ, and silently did elsewhere."""
    if choices.evidence.detail not in {"trace", "calls"}:
        trace = f"no trace is shown (evidence.detail = {choices.evidence.detail})"
    elif not any(s.has_trace for s in sheets):
        trace = "these rollouts have no trace"
    else:
        longest = max(s.part.steps for s in sheets)
        trace = f"{horizon.describe_horizon(choices.horizon.kind, choices.horizon.steps)} of each rollout; the longest has {longest}"
    said = task.score_covers or next((s.view.covers for s in sheets if s.view.covers), "")
    return {"trace": trace, "score": said or "the whole rollout, also what the trace does not show"}


def _format_header(
    views: Sequence[RolloutView],
    mean: float | None,
    covers: Mapping[str, str],
    choices: DesignChoices,
    task: Task,
) -> str:
    n = len(views)
    if not n:
        return "No rollout is shown for this update.\n"
    better = "higher is better" if task.direction == "higher" else "lower is better"
    of = f"{n} rollouts" if n > 1 else "One rollout"
    lines = [
        f"{of} of the artifact as it is now, each on one training example. Mean score {mean:.6g} ({better})."
        if mean is not None
        else f"{of} of the artifact as it is now; none has a score."
    ]
    lines.append(f"What the traces cover: {covers['trace']}.")
    lines.append(f"What the scores cover: {covers['score']}.")
    if (
        mean is not None
        and choices.feedback.detail == "staged"
        and (stage := task.choose_hint(mean, _mean_metrics(views)))
    ):
        lines.append(f"Advice for this level of score: {stage}")
    if choices.evidence.detail in {"trace", "calls"} and any(len(v.steps) for v in views):
        lines.append(f"How to read a trace: {trace_writer.LEGEND}")
        if choices.evidence.detail == "calls":
            lines.append(trace_writer.CALLS_LEGEND)
    return "\n".join(lines) + "\n"
