"""Which version is best: by the lower confidence bound, never by luck."""

from collections.abc import Sequence

from genopt_tui.session.history import Version

CONFIDENCE = 0.95


def comparable(versions: Sequence[Version], head: str) -> list[Version]:
    """Scored, accepted versions under the task and the gate examples that head's score (or its nearest scored ancestor's) had."""
    known = {version.commit: version for version in versions}
    at = known.get(head)
    while at is not None and at.score is None:
        at = known.get(at.parent)
    if at is None:
        return []
    return [
        v
        for v in versions
        if v.score is not None and v.kind != "rejected" and (v.task, v.gate_set) == (at.task, at.gate_set)
    ]


def bound(version: Version, direction: str) -> float:
    """The end of the score's confidence interval that counts: one-sided 95 % by Student's t. With n = 1 the score itself."""
    from scipy.special import stdtrit

    score = version.score or 0.0
    if version.stderr is None or version.n < 2:
        return score
    margin = float(stdtrit(version.n - 1, CONFIDENCE)) * version.stderr
    return score - margin if direction == "higher" else score + margin


def best(versions: Sequence[Version], head: str, direction: str = "higher") -> Version | None:
    """The best of the comparable versions; of equals the earlier. None when none is scored."""
    sign = 1 if direction == "higher" else -1
    return max(comparable(versions, head), key=lambda v: (sign * bound(v, direction), -(v.step or 0)), default=None)
