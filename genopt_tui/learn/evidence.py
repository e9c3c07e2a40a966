"""Evidence: exactly what the model is shown about the batch. One pure function of rollouts, design choices and the person's choices.

Nothing is cut silently. When the evidence does not fit its room, every rollout gets an equal share (what one does not need
goes to the others) and shows fewer steps of its horizon: `first` keeps the first, `last` the last, all other kinds the
beginning and the end. Each cut is marked where it was made and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.learn import compact, horizon
from genopt_tui.learn.text import Count, cut_middle, estimate_tokens
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import TraceStep

ERROR = 4_000  # characters of an artifact's traceback
SAMPLE = 12  # steps from which the size of the others is estimated
ROUNDS = 4
Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class RolloutView:
    """A rollout as evidence sees it. `steps` is read lazily: only what is shown is asked for. `covers` says in words what its
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
    """What a person chose about the evidence: examples left out now or for good, pinned ones, hints for this and for every update."""

    dropped: frozenset[str] | set[str] = frozenset()
    pinned: Sequence[str] = ()
    hints: Sequence[str] = ()
    standing: Sequence[str] = ()
    excluded: Mapping[str, str] | Sequence[str] = ()


@dataclass
class Part:
    """What is shown of one rollout: `shown` are inclusive ranges of steps, `wanted` those of the horizon;
    `cut` counts steps of the horizon that did not fit, `lost` characters of feedback, error and calls left out."""

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
    """The evidence of one update. `text` is what the prompt holds, byte for byte. `cuts` counts steps and characters left out for room."""

    parts: list[Part]
    text: str
    tokens: int
    room: int
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
        parts = [{k: v for k, v in asdict(p).items() if k not in {"text", "wanted"}} for p in self.parts]
        return {
            "parts": parts,
            "sections": self.sections,
            "tokens": self.tokens,
            "budget": self.room,
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
    count: Count = estimate_tokens,
    *,
    room: int | None = None,
    chooser: horizon.Chooser | None = None,
) -> Evidence:
    """The evidence of a batch in at most `room` tokens (by default three quarters of the context).

    `count` counts tokens; `chooser` is the function of a `python:FILE:FUNCTION` horizon.
    """
    room = choices.evidence.context * 3 // 4 if room is None else room
    out = set(person.dropped) | set(person.excluded)
    kept = [v for v in views if v.example not in out]
    pins = list(person.pinned)
    kept.sort(key=lambda v: pins.index(v.example) if v.example in pins else len(pins))
    mean = _mean(kept, task)
    sheets = [_Sheet(v, choices, task, chooser) for v in kept]
    covers = _covers(sheets, choices, task)
    head = _head(kept, mean, covers, choices, task)
    scale = 1.0
    for attempt in range(ROUNDS):
        _fill(sheets, max(0, int((room - estimate_tokens(head)) * scale)))
        text = "\n".join([head, *(s.part.text for s in sheets)])
        tokens = count(text)
        tight = 0.85 * room <= tokens or not any(s.part.cut for s in sheets)
        if (tokens <= room and tight) or attempt == ROUNDS - 1:
            break
        scale *= min(room / max(tokens, 1) * 0.97, 1.5)
    for sheet in sheets:
        sheet.part.tokens = count(sheet.part.text)
    left_out = [v.name for v in views if v.example in out]
    parts = [s.part for s in sheets]
    section = {"name": "evidence", "tokens": tokens, "cut": sum(p.cut + p.lost for p in parts)}
    shape = {"kind": choices.horizon.kind, "steps": choices.horizon.steps}
    return Evidence(parts, text, tokens, room, mean, covers, shape, [section], count is estimate_tokens, left_out)


class _Sheet:
    """One rollout's part of the evidence, written to a given number of tokens."""

    def __init__(self, view: RolloutView, choices: DesignChoices, task: Task, chooser: horizon.Chooser | None) -> None:
        self.view, self.choices = view, choices
        self.part = Part(view.example, view.repeat, view.score, view.status, view.rollout, len(view.steps))
        self.head = self._head(task)
        self.traced = choices.evidence.detail in {"trace", "calls"} and len(view.steps) > 0
        self.why: dict[int, str] = {}
        if self.traced:
            found = horizon.chosen(
                choices.horizon.kind,
                choices.horizon.steps,
                len(view.steps),
                view.steps,
                view.status != "ok",
                view.score,
                chooser,
            )
            self.part.wanted = [(a, b) for a, b, _ in found]
            self.why = {a: why for a, _, why in found if why}
        self.known = compact.Known()
        self.read: dict[int, TraceStep] = {}
        self.per_step = self._size_of_step()
        self.written = -1

    @property
    def wants(self) -> int:
        """Tokens it would take to show everything, at a guess."""
        return estimate_tokens(self.head) + 30 + int(self.per_step * compact.total_steps(self.part.wanted))

    def write(self, tokens: int) -> None:
        """Write the part in about `tokens` tokens."""
        if tokens == self.written:
            return
        self.written = tokens
        head_room = max(60, tokens) * 3
        head, lost = cut_middle(self.head, head_room) if len(self.head) > head_room else (self.head, 0)
        lines, lost_in_calls = [head], 0
        if self.traced:
            left = tokens - estimate_tokens(head) - 30
            total = compact.total_steps(self.part.wanted)
            fits = total if tokens >= self.wants else max(0, int(left / self.per_step)) if self.per_step else 0
            self.part.shown = fewer(self.part.wanted, fits, self.choices.horizon.kind)
            lines += self._trace()
            lost_in_calls = self.writer.cuts
        self.part.cut = compact.total_steps(self.part.wanted) - compact.total_steps(self.part.shown)
        self.part.lost = lost + lost_in_calls
        self.part.text = "\n".join(lines) + "\n"

    def _trace(self) -> list[str]:
        part = self.part
        self.writer = compact.Writer(calls=self.choices.evidence.detail == "calls", known=self.known)
        outside = part.steps - compact.total_steps(part.wanted)
        lines = [f"trace ({part.steps} steps were recorded; {outside} lie outside the horizon):"]
        at = 0
        for first, last in part.shown:
            lines += self._gap(at, first - 1)
            self.writer.interrupt()
            for index in range(first, last + 1):
                lines += self.writer.lines(self._step(index))
                if why := self.why.get(index):
                    lines[-1] += f"  [shown because: {why}]"
            at = last + 1
        lines += self._gap(at, part.steps - 1)
        return lines

    def _step(self, index: int) -> TraceStep:
        """A step of the trace, unpacked once."""
        step = self.read.get(index)
        if step is None:
            step = self.read[index] = self.view.steps[index]
        return step

    def _gap(self, first: int, last: int) -> list[str]:
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

    def _head(self, task: Task) -> str:
        view, detail = self.view, self.choices.evidence.detail
        lines = [f"## rollout of example {view.name}", _score_line(view, task)]
        if detail != "score":
            if view.metrics:
                lines.append("metrics: " + ", ".join(f"{k} {v:g}" for k, v in view.metrics.items()))
            if view.feedback and self.choices.feedback.detail != "score":
                lines.append(f"feedback: {view.feedback}")
            if view.error:
                text, cut = cut_middle(view.error.rstrip("\n"), ERROR)
                self.part.lost += cut
                lines += ["error raised by the artifact:", text]
        return "\n".join(lines)

    def _size_of_step(self) -> float:
        """Tokens of a step at a guess: from the first few that are wanted, as those are read anyway."""
        if not self.part.wanted:
            return 0.0
        first, last = self.part.wanted[-1] if self.choices.horizon.kind == "last" else self.part.wanted[0]
        writer = compact.Writer(calls=self.choices.evidence.detail == "calls", known=self.known)
        taken = range(first, min(last, first + SAMPLE) + 1)
        sizes = [estimate_tokens("\n".join(writer.lines(self._step(i)))) + 1 for i in taken]
        later = sum(sizes[1:]) / (len(sizes) - 1) if len(sizes) > 1 else sizes[0]
        runs = len(self.part.wanted) / compact.total_steps(self.part.wanted)
        return later + (sizes[0] - later) * max(runs, 1 / compact.FULL_EVERY)


def fewer(wanted: Ranges, fits: int, kind: str) -> Ranges:
    """At most `fits` steps of `wanted`: its first, its last, or both ends, as the horizon's kind says."""
    total = compact.total_steps(wanted)
    if fits >= total:
        return list(wanted)
    if kind == "first":
        return _front(wanted, fits)
    if kind == "last":
        return _back(wanted, fits)
    return horizon.merged([*_front(wanted, (fits + 1) // 2), *_back(wanted, fits // 2)])


def _front(wanted: Ranges, fits: int) -> Ranges:
    out: Ranges = []
    for first, last in wanted:
        if fits <= 0:
            break
        out.append((first, min(last, first + fits - 1)))
        fits -= out[-1][1] - first + 1
    return out


def _back(wanted: Ranges, fits: int) -> Ranges:
    out: Ranges = []
    for first, last in reversed(wanted):
        if fits <= 0:
            break
        out.insert(0, (max(first, last - fits + 1), last))
        fits -= last - out[0][0] + 1
    return out


def _fill(sheets: Sequence[_Sheet], room: int) -> None:
    """Write every sheet: equal shares, what one does not need goes to the others."""
    left, waiting = room, sorted(sheets, key=lambda s: s.wants)
    while waiting:
        sheet = waiting.pop(0)
        given = min(sheet.wants, max(0, left) // (len(waiting) + 1))
        sheet.write(given)
        left -= given


def _mean(views: Sequence[RolloutView], task: Task) -> float | None:
    scores = [task.failure_score if v.score is None else v.score for v in views if v.status != "infra"]
    return sum(scores) / len(scores) if scores else None


def _metrics(views: Sequence[RolloutView]) -> dict[str, float]:
    """Each named metric's mean over the rollouts that have it."""
    names = {name for v in views for name in v.metrics}
    told = {name: [v.metrics[name] for v in views if name in v.metrics] for name in names}
    return {name: sum(values) / len(values) for name, values in told.items()}


def _score_line(view: RolloutView, task: Task) -> str:
    if view.status == "ok" and view.score is not None:
        return f"score: {view.score:g}"
    return f"status: {STATUS.get(view.status, view.status)}; it counts as score {task.failure_score:g}"


STATUS = {
    "error": "error (the artifact raised an exception)",
    "timeout": "timeout (the artifact took too long)",
    "memory": "memory (the artifact used too much memory)",
    "killed": "killed (the artifact's process ended by itself)",
    "output": "output (the artifact printed too much)",
    "invalid": "invalid (no usable score)",
}


def _covers(sheets: Sequence[_Sheet], choices: DesignChoices, task: Task) -> dict[str, str]:
    """What traces and scores cover, separately: the two may differ, and silently did elsewhere."""
    if choices.evidence.detail not in {"trace", "calls"}:
        trace = f"no trace is shown (evidence.detail = {choices.evidence.detail})"
    elif not any(s.traced for s in sheets):
        trace = "these rollouts have no trace"
    else:
        longest = max(s.part.steps for s in sheets)
        trace = f"{horizon.describe(choices.horizon.kind, choices.horizon.steps)} of each rollout; the longest has {longest}"
    said = task.score_covers or next((s.view.covers for s in sheets if s.view.covers), "")
    return {"trace": trace, "score": said or "the whole rollout, also what the trace does not show"}


def _head(
    views: Sequence[RolloutView], mean: float | None, covers: Mapping[str, str], choices: DesignChoices, task: Task
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
    if mean is not None and choices.feedback.detail == "staged" and (stage := task.stage(mean, _metrics(views))):
        lines.append(f"Advice for this level of score: {stage}")
    if choices.evidence.detail in {"trace", "calls"} and any(len(v.steps) for v in views):
        lines.append(f"How to read a trace: {compact.LEGEND}")
        if choices.evidence.detail == "calls":
            lines.append(compact.CALLS_LEGEND)
    return "\n".join(lines) + "\n"
