"""Evidence: exactly what the model is shown about the batch. A pure function of rollouts, design
choices and the person's choices.

Nothing is cut silently. Evidence that exceeds its token budget gives every rollout an equal share
(what one does not need goes to the others), in which it shows fewer steps of its horizon: `first`
keeps the first, `last` the last, every other kind the beginning and the end. Each cut is marked in
place and counted. Text that an artifact may have written stands in fences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.learn import trace_writer
from genopt_tui.learn.horizon import Chooser, describe_horizon, select_steps
from genopt_tui.learn.step_ranges import Ranges, count_steps, trim_ranges
from genopt_tui.learn.text import TokenCounter, cut_middle, estimate_tokens, make_fence
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import TraceStep

MAX_ERROR = 4_000  # characters of an artifact's traceback
SAMPLE_STEPS = 12  # steps that are written to estimate the size of a step
MIN_TEXT = 120  # characters that feedback and error keep, however tight the budget is
MAX_FIT_ROUNDS = 4


@dataclass(frozen=True)
class RolloutView:
    """A rollout as evidence sees it.

    `steps` is read lazily: only the steps shown are unpacked. `covers` says in words what the
    score covers ('': the task says it); `rollout` is the id in the journal.
    """

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
    """What a person chose about the evidence: examples left out of this update (`dropped`) or of
    all (`excluded`), pinned ones, hints for this update and for every one."""

    dropped: frozenset[str] | set[str] = frozenset()
    pinned: Sequence[str] = ()
    hints: Sequence[str] = ()
    standing_hints: Sequence[str] = ()
    excluded: Mapping[str, str] | Sequence[str] = ()


@dataclass
class EvidencePart:
    """What is shown of one rollout.

    `wanted` are the steps of the horizon, `shown` those of them that fit, as inclusive ranges.
    `cut` counts the steps that did not fit, `lost` the characters cut from feedback, error and
    calls.
    """

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
    """The evidence of one update. `text` is what the prompt contains, byte for byte; `cuts` counts
    steps and characters that did not fit."""

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
    chooser: Chooser | None = None,
) -> Evidence:
    """The evidence of a batch in at most `token_budget` tokens (default: three quarters of the
    context).

    `count` counts tokens; `chooser` is the function of a `python:FILE:FUNCTION` horizon.
    """
    token_budget = choices.evidence.context * 3 // 4 if token_budget is None else token_budget
    omitted = set(person.dropped) | set(person.excluded)
    kept = [v for v in views if v.example not in omitted]
    pins = list(person.pinned)
    kept.sort(key=lambda v: pins.index(v.example) if v.example in pins else len(pins))
    mean = _mean(kept, task)
    writers = [_PartWriter(v, choices, task, chooser) for v in kept]
    covers = _describe_coverage(writers, choices, task)
    head = _format_header(kept, mean, covers, choices, task)
    scale = 1.0
    for attempt in range(MAX_FIT_ROUNDS):
        _share_tokens(writers, max(0, int((token_budget - estimate_tokens(head)) * scale)))
        text = "\n".join([head, *(w.part.text for w in writers)])
        tokens = count(text)
        tight = 0.85 * token_budget <= tokens or not any(w.part.cut for w in writers)
        if (tokens <= token_budget and tight) or attempt == MAX_FIT_ROUNDS - 1:
            break
        scale *= min(token_budget / max(tokens, 1) * 0.97, 1.5)
    for writer in writers:
        writer.part.tokens = count(writer.part.text)
    left_out = [v.name for v in views if v.example in omitted]
    parts = [w.part for w in writers]
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
        self, view: RolloutView, choices: DesignChoices, task: Task, chooser: Chooser | None
    ) -> None:
        self.view, self.choices = view, choices
        self.part = EvidencePart(
            view.example, view.repeat, view.score, view.status, view.rollout, len(view.steps)
        )
        self.facts, self.texts = self._describe_outcome(task)
        self.head = self._format_head(None)[0]
        self.has_trace = choices.evidence.detail in {"trace", "calls"} and len(view.steps) > 0
        self.reasons: dict[int, str] = {}
        if self.has_trace:
            selected = select_steps(
                choices.horizon,
                len(view.steps),
                view.steps,
                failed=view.status != "ok",
                score=view.score,
                chooser=chooser,
            )
            self.part.wanted = [(first, last) for first, last, _ in selected]
            self.reasons = {first: why for first, _, why in selected if why}
        self.trace_cache = trace_writer.TraceCache()
        self.steps_read: dict[int, TraceStep] = {}
        self.tokens_per_step = self._estimate_step_tokens()
        self.tokens_written = -1

    @property
    def wanted_tokens(self) -> int:
        """Estimated tokens to show everything."""
        return (
            estimate_tokens(self.head)
            + 30
            + int(self.tokens_per_step * count_steps(self.part.wanted))
        )

    def write(self, tokens: int) -> None:
        """Write the part in about `tokens` tokens."""
        if tokens == self.tokens_written:
            return
        self.tokens_written = tokens
        head_limit = max(60, tokens) * 3  # characters
        fits_head = len(self.head) <= head_limit
        head, lost = self._format_head(None if fits_head else head_limit)
        lines, lost_in_calls = [head], 0
        if self.has_trace:
            left = tokens - estimate_tokens(head) - 30
            total = count_steps(self.part.wanted)
            fits = total
            if tokens < self.wanted_tokens:
                fits = max(0, int(left / self.tokens_per_step)) if self.tokens_per_step else 0
            self.part.shown = trim_ranges(self.part.wanted, fits, self.choices.horizon.kind)
            trace, lost_in_calls = self._format_trace()
            lines += trace
        self.part.cut = count_steps(self.part.wanted) - count_steps(self.part.shown)
        self.part.lost = lost + lost_in_calls
        self.part.text = "\n".join(lines) + "\n"

    def _format_trace(self) -> tuple[list[str], int]:
        """(lines of the trace, characters cut from its calls)."""
        part = self.part
        writer = trace_writer.TraceWriter(
            calls=self.choices.evidence.detail == "calls", known=self.trace_cache
        )
        outside = part.steps - count_steps(part.wanted)
        lines = [f"trace ({part.steps} steps were recorded; {outside} lie outside the horizon):"]
        at = 0
        for first, last in part.shown:
            lines += self._format_gap(at, first - 1)
            writer.interrupt()
            for index in range(first, last + 1):
                lines += writer.format_step(self._load_step(index))
                if why := self.reasons.get(index):
                    lines[-1] += f"  [shown because: {why}]"
            at = last + 1
        lines += self._format_gap(at, part.steps - 1)
        return lines, writer.cuts

    def _load_step(self, index: int) -> TraceStep:
        """A step of the trace, unpacked once."""
        step = self.steps_read.get(index)
        if step is None:
            step = self.steps_read[index] = self.view.steps[index]
        return step

    def _format_gap(self, first: int, last: int) -> list[str]:
        """The mark in place of steps that are not shown, with the reason."""
        if first > last:
            return []
        hidden = last - first + 1
        cut = sum(max(0, min(b, last) - max(a, first) + 1) for a, b in self.part.wanted)
        name = f"step {first}" if hidden == 1 else f"steps {first}-{last}"
        if not cut:
            return [f"[... {name} not shown: outside the horizon ...]"]
        rest = f", the other {hidden - cut} outside the horizon" if cut < hidden else ""
        return [f"[... {name} not shown: {cut} cut because the context is full{rest} ...]"]

    def _describe_outcome(self, task: Task) -> tuple[list[str], list[tuple[str, str]]]:
        """(lines about the rollout, its feedback and error by title)."""
        view, detail = self.view, self.choices.evidence.detail
        facts = [f"## rollout of example {view.name}", _format_score(view, task)]
        texts: list[tuple[str, str]] = []
        if detail == "score":
            return facts, texts
        if view.metrics:
            metrics = (
                f"{' '.join(name.split())} {value:g}" for name, value in view.metrics.items()
            )
            facts.append("metrics: " + ", ".join(metrics))
        if view.feedback and self.choices.feedback.detail != "score":
            texts.append(("feedback:", view.feedback))
        if view.error:
            error, cut = cut_middle(view.error.rstrip("\n"), MAX_ERROR)
            self.part.lost += cut
            texts.append(("error raised by the artifact:", error))
        return facts, texts

    def _format_head(self, limit: int | None) -> tuple[str, int]:
        """(the part above the trace in about `limit` characters, characters cut from it)."""
        lines, lost = list(self.facts), 0
        room = MIN_TEXT
        if limit is not None and self.texts:
            room = max(MIN_TEXT, (limit - sum(map(len, lines))) // len(self.texts))
        for title, text in self.texts:
            shown, cut = (text, 0) if limit is None else cut_middle(text, room)
            lost += cut
            lines += fence_text(title, shown)
        return "\n".join(lines), lost

    def _estimate_step_tokens(self) -> float:
        """Estimated tokens of a step, from the first few of the horizon: those are read anyway."""
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
        runs = len(self.part.wanted) / count_steps(self.part.wanted)
        return later + (sizes[0] - later) * max(runs, 1 / trace_writer.FULL_EVERY)


def _share_tokens(writers: Sequence[_PartWriter], token_budget: int) -> None:
    """Write every part: equal shares; what one does not need goes to the others."""
    left, waiting = token_budget, sorted(writers, key=lambda w: w.wanted_tokens)
    while waiting:
        writer = waiting.pop(0)
        share = min(writer.wanted_tokens, max(0, left) // (len(waiting) + 1))
        writer.write(share)
        left -= share


def _mean(views: Sequence[RolloutView], task: Task) -> float | None:
    scores = [
        task.failure_score if v.score is None else v.score for v in views if v.status != "infra"
    ]
    return sum(scores) / len(scores) if scores else None


def _mean_metrics(views: Sequence[RolloutView]) -> dict[str, float]:
    """Each named metric's mean over the rollouts that have it."""
    names = {name for v in views for name in v.metrics}
    values = {name: [v.metrics[name] for v in views if name in v.metrics] for name in names}
    return {name: sum(found) / len(found) for name, found in values.items()}


def fence_text(title: str, text: str) -> list[str]:
    """Text that an artifact may have written, below its title: one line as it is, more in a fence,
    so that it cannot pass for a part of the prompt."""
    if "\n" not in text and "\r" not in text:
        return [f"{title} {text}"]
    fence = make_fence(text)
    return [title, fence, text, fence]


def _format_score(view: RolloutView, task: Task) -> str:
    if view.status == "ok" and view.score is not None:
        return f"score: {view.score:g}"
    status = STATUS_TEXTS.get(view.status, view.status)
    return f"status: {status}; it counts as score {task.failure_score:g}"


STATUS_TEXTS = {
    "error": "error (the artifact raised an exception)",
    "timeout": "timeout (the artifact took too long)",
    "memory": "memory (the artifact used too much memory)",
    "killed": "killed (the artifact's process ended by itself)",
    "output": "output (the artifact printed too much)",
    "invalid": "invalid (no usable score)",
}


def _describe_coverage(
    writers: Sequence[_PartWriter], choices: DesignChoices, task: Task
) -> dict[str, str]:
    """What the traces and the scores cover: the two may differ, and the model must know it."""
    if choices.evidence.detail not in {"trace", "calls"}:
        trace = f"no trace is shown (evidence.detail = {choices.evidence.detail})"
    elif not any(w.has_trace for w in writers):
        trace = "these rollouts have no trace"
    else:
        longest = max(w.part.steps for w in writers)
        kept = describe_horizon(choices.horizon)
        trace = f"{kept} of each rollout; the longest has {longest}"
    score = task.score_covers or next((w.view.covers for w in writers if w.view.covers), "")
    return {
        "trace": trace,
        "score": score or "the whole rollout, also what the trace does not show",
    }


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
    number = f"{n} rollouts" if n > 1 else "One rollout"
    if mean is None:
        first = f"{number} of the artifact as it is now; none has a score."
    else:
        first = (
            f"{number} of the artifact as it is now, each on one training example. "
            f"Mean score {mean:.6g} ({better})."
        )
    lines = [first]
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
