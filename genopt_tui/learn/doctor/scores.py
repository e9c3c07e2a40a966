"""The loop doctor on the start's scores: their noise, what the gate makes of it, where they lie,
what they take."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist, mean, stdev

from genopt_tui.learn.doctor.loop_facts import Finding, LoopFacts
from genopt_tui.learn.gate import can_decide
from genopt_tui.learn.sequential import plan_looks

NULL_P_LIMIT = 0.005  # below it a version differs from itself by more than bad luck
POWER = 0.8  # with which the gate is to see the gain hoped for


def check_noise(facts: LoopFacts) -> Iterator[Finding]:
    scores = [scored.score for scored in facts.gate]
    if len(scores) < 2:
        if facts.gate and not facts.task.deterministic:
            message = "The gate holds one example: nothing can be said about noise."
            yield Finding("gate-of-one", "warning", message, "Raise gate.examples.")
        return
    spread, gate = stdev(scores), facts.choices.gate
    error = spread / math.sqrt(len(scores))
    quantiles = NormalDist().inv_cdf((1 + gate.confidence) / 2) + NormalDist().inv_cdf(POWER)
    reach = quantiles * error * math.sqrt(2)
    message = f"Start on the gate: {mean(scores):.4g}, standard error {error:.3g}, n {len(scores)}."
    yield Finding("noise", "info", message)
    distance = abs(mean(scores) - facts.task.failure_score) or spread
    hoped = facts.task.effect if facts.task.effect is not None else max(distance, spread)
    size = _largest_size(facts, len(scores))
    reach *= math.sqrt(len(scores) / size)
    if not _can_accept(facts, len(scores)):
        grown = f", grown to {size}," if size > len(scores) else ""
        message = (
            f"With n {len(scores)}{grown} the gate can never say better: not even when every "
            f"example gains ({gate.confidence:.0%} confidence)."
        )
        advice = "Raise gate.examples to 6 or more, or gate.most to 10 or more."
        yield Finding("gate-too-small", "warning", message, advice)
    elif reach > hoped:
        wanted = math.ceil(size * (reach / hoped) ** 2)
        message = f"With n {size} a true gain below about {reach:.3g} mostly stays undecided; a gain of {hoped:.3g} is hoped for."
        advice = f"Raise gate.most to about {wanted}, or hope for more."
        yield Finding("gate-too-small", "warning", message, advice)


def _largest_size(facts: LoopFacts, n: int) -> int:
    """Pairs up to which a gate of `n` may grow: by the split's examples, and by repeats where the
    scores carry noise."""
    gate = facts.choices.gate
    if gate.rule != "better":
        return n
    if facts.task.deterministic and facts.task.measure != "time":
        return max(n, min(gate.most, len(facts.examples.get("gate", ()))))
    return max(n, gate.most)


def _can_accept(facts: LoopFacts, n: int) -> bool:
    """Whether gains on all of `n` pairs, or of those it may grow to, are ever called better."""
    gate = facts.choices.gate
    exact = facts.task.deterministic and facts.task.measure != "time"
    if gate.rule != "better" or exact:
        return True
    looks = plan_looks(n, _largest_size(facts, n), 1 - gate.confidence)
    return any(can_decide(look.size, look.alpha) for look in looks)


def check_repeats(facts: LoopFacts) -> Iterator[Finding]:
    by_example: dict[str, set[tuple[float, str]]] = {}
    for scored in facts.gate:
        by_example.setdefault(scored.example, set()).add((scored.score, scored.signature))
    if (
        facts.choices.gate.repeats > 1
        and by_example
        and all(len(kinds) == 1 for kinds in by_example.values())
    ):
        message = f"{facts.choices.gate.repeats} repeats of each example give the same rollout (deviation 0)."
        advice = "Set gate.repeats to 1: repeats are no samples here."
        yield Finding("deterministic-repeats", "warning", message, advice)
    first = [scored for scored in facts.gate if scored.repeat == 0 and scored.signature]
    if (
        len(first) > 1
        and facts.deterministic_by_seed
        and len({scored.signature for scored in first}) == 1
    ):
        yield _report_identical_rollouts(facts, len(first))


def _report_identical_rollouts(facts: LoopFacts, count: int) -> Finding:
    if facts.one_action:
        message = f"The start does the same in every step, and {count} gate examples gave one and the same rollout: n is 1 for it."
        return Finding(
            "start-does-one-thing",
            "info",
            message,
            "Check again once a version acts on what it sees.",
        )
    message = f"{count} gate examples gave one and the same rollout: the seed changes nothing."
    knobs = ", ".join(f"task.{name}" for name in ("sticky", "noops") if name in facts.task.settings)
    advice = (
        f"Add randomness{f' ({knobs})' if knobs else ''}, or use one example: n is 1 as it stands."
    )
    return Finding("seed-ignored", "warning", message, advice)


def check_null_control(facts: LoopFacts) -> Iterator[Finding]:
    if facts.null:
        accepted, tried = facts.null
        allowed = 1 - facts.choices.gate.confidence
        message = f"The same version against itself was called better in {accepted} of {tried} trials (allowed: {allowed:.0%})."
        if accepted > tried * allowed + 3 * math.sqrt(tried * allowed * (1 - allowed)):
            advice = "Scores are not what the gate takes them for: look at seeds and repeats."
            yield Finding("null-accepted", "warning", message, advice)
        else:
            yield Finding("null-control", "info", message)
    if facts.null_p is not None and facts.null_p <= NULL_P_LIMIT:
        message = f"The same version scored twice differs from itself beyond chance (p {facts.null_p:.2g})."
        advice = "Scores depend on when or where they are made: look for state that outlives a rollout, or for load."
        yield Finding("null-differs", "warning", message, advice)
    if facts.choices.gate.rule == "always":
        message = "Every proposal is accepted, better or not (gate.rule = always)."
        yield Finding(
            "always-accept", "info", message, "--set gate.rule=better lets the gate decide."
        )


def check_ceiling(facts: LoopFacts) -> Iterator[Finding]:
    if not facts.gate:
        return
    score, best = mean(scored.score for scored in facts.gate), facts.task.best_possible
    if best is not None and math.isclose(score, best, rel_tol=0.01, abs_tol=1e-9):
        message = f"The start already scores {score:.4g} of {best:.4g}."
        yield Finding(
            "at-ceiling", "warning", message, "Nothing is left to gain: take harder examples."
        )
    labels = Counter(
        card.label for card in facts.examples.get("gate", ()) if card.label is not None
    )
    if labels and len(labels) > 1:
        constant = labels.most_common(1)[0][1] / labels.total()
        if constant >= 0.3 and abs(score - constant) < 1e-9:
            message = f"The start scores {score:.0%}, as the constant answer '{labels.most_common(1)[0][0]}' would."
            yield Finding(
                "at-constant", "warning", message, "Look whether it answers always the same."
            )
    failed = [scored for scored in facts.gate if scored.status != "ok"]
    if failed:
        kinds = ", ".join(
            f"{count} {status}" for status, count in Counter(s.status for s in failed).items()
        )
        message = f"{len(failed)} of {len(facts.gate)} gate rollouts of the start failed: {kinds}."
        yield Finding(
            "start-fails", "warning", message, "`genopt task try` shows one with its error."
        )


def check_stages(facts: LoopFacts) -> Iterator[Finding]:
    if len(facts.task.feedback) < 2 or not facts.gate:
        return
    metrics = mean_metrics([scored.metrics for scored in facts.gate])
    start = facts.task.choose_hint(mean(s.score for s in facts.gate), metrics)
    if start == facts.task.feedback[0].text:
        message = (
            "The start already gets the last stage of the feedback: its thresholds never apply."
        )
        advice = "Set the thresholds in task.toml between the start's score and what you hope for."
        yield Finding("stages-passed", "warning", message, advice)
    known = {stage.metric for stage in facts.task.feedback} <= {"", *facts.best_metrics}
    if (
        facts.best is not None
        and known
        and facts.task.choose_hint(facts.best, facts.best_metrics) == start
    ):
        message = "Start and best get the same stage of the feedback."
        yield Finding("stage-constant", "warning", message, "Set thresholds between their scores.")


def check_step_time(facts: LoopFacts) -> Iterator[Finding]:
    if not facts.gate:
        return
    seconds = mean(scored.seconds for scored in facts.gate)
    rollouts = facts.choices.batch.size + len(facts.gate) * facts.choices.candidates
    step = seconds * rollouts / max(1, facts.workers)
    message = f"A rollout takes {seconds:.2g} s; a step of {rollouts} rollouts about {step:.2g} s beside the model's reply."
    yield Finding("step-time", "info", message)
    minutes, steps = facts.budget.get("minutes"), facts.budget.get("steps")
    if minutes and steps and step * steps > minutes * 60:
        message = f"{steps:.0f} steps need about {step * steps / 60:.0f} min, the budget is {minutes:g} min."
        advice = "Lower gate.examples or budget.steps, or raise budget.minutes."
        yield Finding("time-budget", "warning", message, advice)


def mean_metrics(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric that all have."""
    names = set.intersection(*map(set, found)) if found else set()
    return {name: mean(metrics[name] for metrics in found) for name in names}
