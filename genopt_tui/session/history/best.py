"""Which version is best: by the lower confidence bound, never by luck.

The best of each set of versions that may be compared is kept in a log cache, `best.json`.
"""

from collections.abc import Iterable
from typing import Any

from genopt_tui.learn.student import t_quantile
from genopt_tui.session.history import message
from genopt_tui.session.history.log_cache import load_log_cache
from genopt_tui.session.history.message import Trailer
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import ACCEPTED, Version, parse_task_trailer

CONFIDENCE = 0.95
DIRECTION_SIGN = {"higher": 1, "lower": -1}


def compute_bound(version: Version, direction: str) -> float:
    """The end of the score's confidence interval that counts: one-sided 95 % by Student's t. With n
    = 1 the score itself; where rollouts failed, of what the version is ranked by."""
    score = (version.score or 0.0) if not isinstance(version.rank, float) else version.rank
    if version.stderr is None or version.n < 2:
        return score
    margin = t_quantile(CONFIDENCE, version.n - 1) * version.stderr
    return score - margin if direction == "higher" else score + margin


def rank_version(version: Version, direction: str) -> tuple[bool, float]:
    """What versions are ordered by, the best highest: one of which nothing ran is below all."""
    return version.rank != "failed", DIRECTION_SIGN[direction] * compute_bound(version, direction)


def find_best(repository: HistoryReader, direction: str = "higher") -> Version | None:
    """The best version scored as head's line was (same task, same gate examples), of equals the
    earlier; None when none is."""
    group = find_score_group(repository, repository.head())
    if group is None:
        return None
    found = load_bests(repository).get(f"{direction} {group}")
    return repository.read_version(found["commit"]) if found else None


def find_score_group(repository: HistoryReader, commit: str) -> str | None:
    """Task and gate examples of a version's score, or of its nearest scored ancestor's; None where
    none is scored."""
    while commit:
        made = repository.objects.read_commit(commit)
        lines = message.parse_trailers(made.message)
        if message.parse_score(lines.get(Trailer.SCORE, "")) is not None:
            return " ".join(parse_task_trailer(lines.get(Trailer.TASK, "")))
        commit = made.parents[0] if made.parents else ""
    return None


def load_bests(repository: HistoryReader) -> dict[str, Any]:
    """Direction and group to {"commit", "bound", "step"} of the best version."""
    return load_log_cache(repository, "best.json", "bests", _update_bests)


def _update_bests(bests: dict[str, Any], versions: Iterable[Version]) -> None:
    for version in versions:
        if version.score is None or version.decision not in ACCEPTED:
            continue
        for direction, sign in DIRECTION_SIGN.items():
            key = f"{direction} {version.task} {version.gate_set}"
            entry = {
                "commit": version.commit,
                "ran": version.rank != "failed",
                "bound": compute_bound(version, direction),
                "step": version.step or 0,
            }
            old = bests.get(key)
            if old is None or _sort_key(entry, sign) > _sort_key(old, sign):
                bests[key] = entry


def _sort_key(entry: dict[str, Any], sign: int) -> tuple[bool, float, int]:
    # caches written before `ran` was kept have none
    return entry.get("ran", True), sign * entry["bound"], -entry["step"]
