"""Earlier attempts that the prompt shows, so that the model neither repeats nor forgets them."""

from collections.abc import Sequence
from dataclasses import dataclass

from genopt_tui.config import Memory
from genopt_tui.learn.text import cut_middle, make_fence

MAX_DIFF = 2_000  # characters of an attempt's diff that are shown


@dataclass(frozen=True, slots=True)
class Attempt:
    """One earlier proposal.

    `decision` is a key of OUTCOME_TEXTS; `score` and `base_score` are means on the gate; `reason`
    comes from a person or the runner; `declined` is a diff of the hunks that a person left out.
    `on_branch`: its base is head or an ancestor of head.
    """

    step: int
    candidate: int = 0
    decision: str = ""
    score: float | None = None
    base_score: float | None = None
    verdict: str = ""
    reason: str = ""
    subject: str = ""
    diff: str = ""
    abandoned: bool = False
    on_branch: bool = True
    declined: str = ""


def select_attempts(
    attempts: Sequence[Attempt], memory: Memory, direction: str = "higher"
) -> list[Attempt]:
    """The attempts to show, in the order to show them.

    A reason given in the newest step, and hunks declined there, are shown whatever the size is.
    """
    visible = [a for a in attempts if a.on_branch or memory.scope == "session"]
    newest = max((a.step for a in visible), default=0)
    must = [a for a in visible if a.step == newest and (a.reason or a.declined)]
    sign = 1 if direction == "higher" else -1
    recent = sorted(visible, key=lambda a: (-a.step, a.candidate))
    if memory.order == "best":
        recent.sort(key=lambda a: (a.score is None, -sign * (a.score or 0.0)))
    kept = recent[: memory.size]
    return kept + [a for a in must if a not in kept]


def describe_attempt(attempt: Attempt, limit: int = MAX_DIFF) -> tuple[str, int]:
    """An attempt in words, and how many characters of its diff were left out (marked in the
    text)."""
    number = f"{attempt.step}" + (f".{attempt.candidate + 1}" if attempt.candidate else "")
    head = f"Step {number}: {OUTCOME_TEXTS.get(attempt.decision, attempt.decision or 'kept')}"
    head += ", later left behind by a rewind" if attempt.abandoned else ""
    lines = [f"{head}. {attempt.subject}".rstrip(" .") + "."]
    if attempt.score is not None:
        base = f" (its base: {attempt.base_score:.4g})" if attempt.base_score is not None else ""
        verdict = f", {attempt.verdict}" if attempt.verdict else ""
        lines.append(f"Gate score {attempt.score:.4g}{base}{verdict}.")
    if attempt.reason:
        lines.append(f"Reason given: {attempt.reason}")
    lost = 0
    for title, text in (
        ("Change:", attempt.diff),
        ("Parts of it that were declined:", attempt.declined),
    ):
        if text:
            shown, cut = cut_middle(text.rstrip("\n"), limit)
            fence = make_fence(shown)
            lines += [title, f"{fence}diff", shown, fence]
            lost += cut
    return "\n".join(lines), lost


OUTCOME_TEXTS = {
    "approved": "accepted by the person",
    "edited": "accepted after the person edited it",
    "gate": "accepted by the gate",
    "always": "accepted without a test",
    "manual": "written by the person",
    "rejected": "rejected",
    "undecided": "not accepted: the scores do not show that it is better",
    "refused": "not applied: the reply could not be used",
    "failed": "not accepted: it could not be evaluated",
    "superseded": "set aside: the base had moved on",
    "not-chosen": "not chosen: another candidate of the same step was",
}
