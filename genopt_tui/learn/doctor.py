"""The loop doctor: what about a loop would mislead its owner, as findings with figures and advice. Pure: facts in, findings out.

The traps are those found in published loops (arXiv 2603.23994, §2 to §6): degenerate splits, gates that are too small,
deterministic repeats taken for samples, truncated evidence, hints about data that do not exist.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, mean, stdev
from typing import Literal

from genopt_tui.config import DesignChoices
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Json, Split

Level = Literal["error", "warning", "info"]
POWER = 0.8
AS = {"As in", "That "}  # what a part begins with that another start has as well
PARTS = ("structure", "documentation", "code")  # of a starting artifact
IDENTIFIER = re.compile(r"""\w+\[["'](\w+)["']\]|`(\w+)`""")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `code` is stable, `message` holds the figures, `advice` says what to do."""

    code: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """An example as the doctor sees it: `digest` of its data, `label` where there is one."""

    id: str
    digest: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A rollout of the start on the gate. `seconds` is wall time, `signature` digests actions and rewards."""

    example: str
    repeat: int
    score: float
    status: str
    seconds: float
    signature: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What is known of a loop before its first step.

    `fields` are the keys seen in observations of a training rollout; `tokens` the size of a batch's whole traces and of what
    the horizon keeps of them. `cut` counts steps in which something observed was cut, `cut_calls` those in which only calls may
    have been. `null` is (times accepted, times tried) of the same version against itself, `best` the mean score of the best
    version (None before there is one other than the start).
    """

    task: Task
    choices: DesignChoices
    files: Mapping[str, str]
    scope: Sequence[str]
    examples: Mapping[Split, Sequence[Card]]
    gate: Sequence[Scored] = ()
    fields: frozenset[str] = frozenset()
    steps: int = 0
    tokens: tuple[int, int] = (0, 0)
    cut: int = 0
    cut_calls: int = 0
    null: tuple[int, int] | None = None
    best: float | None = None
    budget_steps: int | None = None
    budget_minutes: float | None = None
    workers: int = 1
    deterministic_by_seed: bool = False


def examine(facts: Facts) -> list[Finding]:
    """All findings, errors first, then warnings, then what is only stated."""
    found = [finding for rule in RULES for finding in rule(facts)]
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.level))


def _splits(facts: Facts) -> Iterator[Finding]:
    for required in ("train", "gate"):
        if not facts.examples.get(required):
            yield Finding(
                "empty-split",
                "error",
                f"The {required} split holds no example.",
                f"Let examples('{required}') return some.",
            )
    if not facts.examples.get("test"):
        advice = "Keep some examples for a last look that nothing was chosen by."
        yield Finding(
            "no-test-split",
            "info",
            "There is no test split: the best version cannot be checked on fresh examples.",
            advice,
        )


def _balance(facts: Facts) -> Iterator[Finding]:
    for split, cards in facts.examples.items():
        counts = Counter(card.label for card in cards if card.label is not None)
        if counts and len(counts) <= 12:
            shares = ", ".join(f"{label} {count / counts.total():.0%}" for label, count in counts.most_common())
            yield Finding("label-balance", "info", f"{split}: {counts.total()} examples: {shares}.")


def _constant(facts: Facts) -> Iterator[Finding]:
    labels = {split: Counter(c.label for c in cards if c.label is not None) for split, cards in facts.examples.items()}
    train = labels.get("train", Counter())
    if not train:
        return
    kinds = len(set().union(*labels.values()))
    answer, count = train.most_common(1)[0]
    for split, counts in labels.items():
        share = counts[answer] / counts.total() if counts else 0.0
        if counts and share >= max(0.6, 1.5 / kinds):
            others = ", ".join(f"{s} {c[answer] / c.total():.0%}" for s, c in labels.items() if c and s != split)
            yield Finding(
                "constant-answer",
                "warning",
                f"Always answering '{answer}' is right in {share:.0%} of {split} (elsewhere: {others}); chance is {1 / kinds:.0%}.",
                "Use a stratified split: what is learned here may be no more than this constant.",
            )
    if len(train) == 1 and kinds > 1:
        yield Finding(
            "one-label", "warning", f"All {count} train examples have the answer '{answer}'.", "Use a stratified split."
        )


def _overlap(facts: Facts) -> Iterator[Finding]:
    held = {split: {card.digest for card in cards} for split, cards in facts.examples.items() if cards}
    if len(held) > 1 and len(set().union(*held.values())) == 1:
        message = (
            "All splits hold the same one example: this problem itself is optimized, and nothing is said of others."
        )
        yield Finding("one-problem", "info", message)
        return
    seen: dict[str, Split] = {}
    repeats: Counter[Split] = Counter()
    shared: Counter[tuple[Split, Split]] = Counter()
    for split, cards in facts.examples.items():
        digests = Counter(card.digest for card in cards)
        repeats[split] += sum(count - 1 for count in digests.values())
        for digest in digests:
            if digest in seen:
                shared[seen[digest], split] += 1
            seen.setdefault(digest, split)
    for (one, other), count in shared.items():
        advice = "Scores on one say nothing new about the other: make the splits disjoint."
        yield Finding("overlap", "warning", f"{count} examples are both in {one} and in {other}.", advice)
    for split, count in repeats.items():
        if count:
            advice = "Repeated examples count as evidence more than once: remove them."
            yield Finding("repeated-examples", "warning", f"{split} holds {count} examples more than once.", advice)


def _noise(facts: Facts) -> Iterator[Finding]:
    scores = [scored.score for scored in facts.gate]
    if len(scores) < 2:
        if facts.gate and not facts.task.deterministic:
            yield Finding(
                "gate-of-one",
                "warning",
                "The gate holds one example: nothing can be said about noise.",
                "Raise gate.examples.",
            )
        return
    spread = stdev(scores)
    error = spread / math.sqrt(len(scores))
    reach = (
        (NormalDist().inv_cdf((1 + facts.choices.gate.confidence) / 2) + NormalDist().inv_cdf(POWER))
        * error
        * math.sqrt(2)
    )
    yield Finding(
        "noise", "info", f"Start on the gate: {mean(scores):.4g}, standard error {error:.3g}, n {len(scores)}."
    )
    distance = abs(mean(scores) - facts.task.failure_score) or spread
    hoped = facts.task.effect if facts.task.effect is not None else max(distance, spread)
    if reach > hoped:
        wanted = math.ceil(len(scores) * (reach / hoped) ** 2)
        yield Finding(
            "gate-too-small",
            "warning",
            f"With n {len(scores)} a true gain below about {reach:.3g} mostly stays undecided; a gain of {hoped:.3g} is hoped for.",
            f"Raise gate.examples to about {wanted}, or hope for more.",
        )


def _repeats(facts: Facts) -> Iterator[Finding]:
    by_example: dict[str, set[tuple[float, str]]] = {}
    for scored in facts.gate:
        by_example.setdefault(scored.example, set()).add((scored.score, scored.signature))
    if facts.choices.gate.repeats > 1 and by_example and all(len(kinds) == 1 for kinds in by_example.values()):
        message = f"{facts.choices.gate.repeats} repeats of each example give the same rollout (deviation 0)."
        yield Finding(
            "deterministic-repeats", "warning", message, "Set gate.repeats to 1: repeats are no samples here."
        )
    first = [scored for scored in facts.gate if scored.repeat == 0 and scored.signature]
    if len(first) > 1 and facts.deterministic_by_seed and len({scored.signature for scored in first}) == 1:
        message = f"{len(first)} gate examples gave one and the same rollout: the seed changes nothing."
        advice = "Add randomness (task.sticky, task.noops), or use one example: n is 1 as it stands."
        yield Finding("seed-ignored", "warning", message, advice)


def _null(facts: Facts) -> Iterator[Finding]:
    if facts.null:
        accepted, tried = facts.null
        allowed = 1 - facts.choices.gate.confidence
        message = f"The same version against itself was called better in {accepted} of {tried} trials (allowed: {allowed:.0%})."
        too_often = accepted > tried * allowed + 3 * math.sqrt(tried * allowed * (1 - allowed))
        if too_often:
            yield Finding(
                "null-accepted",
                "warning",
                message,
                "Scores are not what the gate takes them for: look at seeds and repeats.",
            )
        else:
            yield Finding("null-control", "info", message)
    if facts.choices.gate.rule == "always":
        yield Finding(
            "always-accept",
            "info",
            "Every proposal is accepted, better or not (gate.rule = always).",
            "gate.rule=better",
        )


def _ceiling(facts: Facts) -> Iterator[Finding]:
    if not facts.gate:
        return
    score, ceiling = mean(scored.score for scored in facts.gate), facts.task.best_possible
    if ceiling is not None and math.isclose(score, ceiling, rel_tol=0.01, abs_tol=1e-9):
        yield Finding(
            "at-ceiling",
            "warning",
            f"The start already scores {score:.4g} of {ceiling:.4g}.",
            "Nothing is left to gain: take harder examples.",
        )
    labels = Counter(card.label for card in facts.examples.get("gate", ()) if card.label is not None)
    if labels and len(labels) > 1:
        constant = labels.most_common(1)[0][1] / labels.total()
        if constant >= 0.3 and abs(score - constant) < 1e-9:
            message = f"The start scores {score:.0%}, as the constant answer '{labels.most_common(1)[0][0]}' would."
            yield Finding("at-constant", "warning", message, "Look whether it answers always the same.")
    failed = [scored for scored in facts.gate if scored.status != "ok"]
    if failed:
        kinds = ", ".join(f"{count} {status}" for status, count in Counter(s.status for s in failed).items())
        yield Finding(
            "start-fails",
            "warning",
            f"{len(failed)} of {len(facts.gate)} gate rollouts of the start failed: {kinds}.",
            "Try `genopt task try`.",
        )


def _window(facts: Facts) -> Iterator[Finding]:
    whole, shown = facts.tokens
    room = facts.choices.evidence.context
    if whole > room and shown <= room:
        message = f"Whole traces of a batch take about {whole} tokens, more than the {room} of the window; the horizon keeps {shown}."
        yield Finding(
            "trace-window",
            "info",
            message,
            "What lies outside the horizon is never seen: look whether points are lost there.",
        )
    elif shown > room:
        message = f"What the horizon keeps of a batch takes about {shown} tokens, more than the {room} of the window."
        yield Finding(
            "trace-too-long", "warning", message, "Shorten the horizon (horizon.steps), the batch, or evidence.detail."
        )
    if facts.cut:
        yield Finding(
            "values-cut",
            "warning",
            f"Values were cut in {facts.cut} steps of a trace: they were too large.",
            "What is asked may stand in them: record less at a time, or in smaller steps.",
        )
    if facts.cut_calls:
        message = f"Arguments or results of calls were shortened in {facts.cut_calls} steps of a trace."
        yield Finding("calls-cut", "info", message, "evidence.detail=trace leaves calls out.")


def _fields(facts: Facts) -> Iterator[Finding]:
    if not facts.fields:
        return
    said = f"{facts.task.objective}\n{facts.task.documentation}\n" + "\n".join(facts.files.values())
    known = facts.fields | _names(facts.files) | set(facts.task.settings)
    named = {one or other for one, other in IDENTIFIER.findall(said)}
    if missing := sorted(name for name in named if name not in known and not name.isdigit()):
        message = f"Instruction or documentation names {', '.join(missing)}, which no observation held."
        yield Finding(
            "unknown-fields",
            "warning",
            message,
            "Correct the text, or add the fields (another value of task.observation).",
        )


def _stages(facts: Facts) -> Iterator[Finding]:
    if len(facts.task.feedback) < 2 or not facts.gate:
        return
    metrics = _mean_metrics(facts.gate)
    start = facts.task.stage(mean(s.score for s in facts.gate), metrics)
    if start == facts.task.feedback[0].text:
        message = "The start already gets the last stage of the feedback: its thresholds never apply."
        yield Finding(
            "stages-passed",
            "warning",
            message,
            "Set the thresholds in task.toml between the start's score and what you hope for.",
        )
    by_metric = any(stage.metric for stage in facts.task.feedback)
    if facts.best is not None and not by_metric and facts.task.stage(facts.best) == start:
        message = "Start and best get the same stage of the feedback."
        yield Finding("stage-constant", "warning", message, "Set thresholds between their scores.")


def _time(facts: Facts) -> Iterator[Finding]:
    if not facts.gate:
        return
    seconds = mean(scored.seconds for scored in facts.gate)
    step = seconds * (len(facts.gate) + facts.choices.batch.size) * facts.choices.candidates / max(1, facts.workers)
    yield Finding(
        "step-time", "info", f"A rollout takes {seconds:.2g} s; a step about {step:.2g} s beside the model's reply."
    )
    if facts.budget_minutes and facts.budget_steps and step * facts.budget_steps > facts.budget_minutes * 60:
        needed = step * facts.budget_steps / 60
        message = (
            f"{facts.budget_steps} steps need about {needed:.0f} min, the budget is {facts.budget_minutes:.0f} min."
        )
        yield Finding(
            "time-budget", "warning", message, "Lower gate.examples or budget.steps, or raise budget.minutes."
        )


def _scope(facts: Facts) -> Iterator[Finding]:
    functions = _names(facts.files)
    texts = [stage.text for stage in facts.task.feedback]
    named = {name for text in texts for name in re.findall(r"\b\w+\b", text) if "_" in name and name in functions}
    inside = [
        entry for entry in facts.scope if ":" not in entry or entry.rpartition(":")[2].rpartition(".")[2] in named
    ]
    if named and not inside:
        message = f"The feedback speaks of {', '.join(sorted(named))}, none of which may be edited."
        yield Finding("scope-excludes-feedback", "warning", message, "Widen the scope, or change the feedback.")
    if not facts.scope:
        yield Finding(
            "empty-scope",
            "error",
            "Nothing may be edited.",
            "Give the start a scope in task.toml, or --set scope=FILE.",
        )


def _starts(facts: Facts) -> Iterator[Finding]:
    """Where another start differs from this one in more than one of its three parts, no comparison tells which mattered."""
    starts, name = facts.task.starts, facts.choices.start
    if name not in starts:
        return
    confounded = []
    for other, start in starts.items():
        said = [(part, getattr(starts[name], part), getattr(start, part)) for part in PARTS]
        parts = [part for part, ours, theirs in said if ours != theirs and not {ours[:5], theirs[:5]} & AS]
        if other != name and len(parts) > 1:
            confounded.append(f"{other} ({', '.join(parts)})")
    if confounded:
        message = f"Start {name} differs in more than one part from {'; '.join(confounded)}."
        yield Finding("starts-differ", "info", message, "A difference between their results has more than one cause.")


def _stated(facts: Facts) -> Iterator[Finding]:
    crash = {"counts": "counts as a step", "free": "costs no step", "zero": "scores zero and counts as a step"}[
        facts.choices.crash
    ]
    failure = f"a failed rollout scores {facts.task.failure_score:g}"
    yield Finding("crash-policy", "info", f"A step whose rollouts crash {crash}; {failure}.")
    yield Finding("template", "info", f"Learning template: {learning_template(facts.choices, facts.steps)}.")


def learning_template(choices: DesignChoices, steps: int) -> str:
    """`interactive`, `batch` or `episodic`: one example an update, several joined, or a trace of many steps (paper §1)."""
    if steps > 1 and choices.evidence.detail in {"trace", "calls"}:
        return "episodic" if choices.batch.size == 1 else "batch of episodes"
    return "interactive" if choices.batch.size == 1 else "batch"


def overfitting(
    train: Sequence[float], gate: Sequence[float], direction: str = "higher", window: int = 5
) -> Finding | None:
    """A warning where, over the last `window` accepted versions, train rises while gate falls (paper §2.3: the optimizer overfits)."""
    if min(len(train), len(gate)) < window:
        return None
    sign = 1 if direction == "higher" else -1
    up, down = sign * _slope(train[-window:]), sign * _slope(gate[-window:])
    if up > 0 > down:
        message = f"Over the last {window} versions train went {train[-window]:.3g} to {train[-1]:.3g}, gate {gate[-window]:.3g} to {gate[-1]:.3g}."
        return Finding(
            "meta-overfitting", "warning", message, "Edits fit the train examples: widen the batch, or rewind to best."
        )
    return None


def _slope(values: Sequence[float]) -> float:
    middle = (len(values) - 1) / 2
    return sum((i - middle) * value for i, value in enumerate(values))


def _names(files: Mapping[str, str]) -> set[str]:
    """Names that the artifact's Python files define or use as names (functions, classes, parameters, variables)."""
    names: set[str] = set()
    for name, text in files.items():
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            match node:
                case (
                    ast.FunctionDef(name=found)
                    | ast.ClassDef(name=found)
                    | ast.arg(arg=found)
                    | ast.Name(id=found)
                    | ast.Attribute(attr=found)
                ):
                    names.add(found)
    return names


def _mean_metrics(scored: Sequence[Scored]) -> dict[str, float]:
    names = set.intersection(*(set(s.metrics) for s in scored)) if scored else set()
    return {name: mean(s.metrics[name] for s in scored) for name in names}


def observed(observation: Json, depth: int = 4) -> set[str]:
    """All keys of an observation, nested ones too."""
    if depth and isinstance(observation, Mapping):
        return set(map(str, observation)) | set().union(*(observed(value, depth - 1) for value in observation.values()))
    if depth and isinstance(observation, list):
        return set().union(*(observed(value, depth - 1) for value in observation[:50]))
    return set()


RULES: Sequence[Callable[[Facts], Iterator[Finding]]] = (
    _splits, _balance, _constant, _overlap, _noise, _repeats, _null, _ceiling, _window, _fields, _stages, _time, _scope, _starts, _stated,
)  # fmt: skip
