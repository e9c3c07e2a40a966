"""Where a session stands: its best version, the start with its known score included, and what
follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.runner.context import RunContext
from genopt_tui.session.history.best import DIRECTION_SIGN, compute_bound, rank_version
from genopt_tui.session.history.versions import Version

RELAPSE_SHARE = (
    0.8  # share of the best's gain over the start under which a version counts as a relapse
)
RELAPSE_COUNT = 5


@dataclass
class Ranking:
    """The versions of a session by score. The start has no gate of its own: its score is the one
    that was told (`scored`)."""

    context: RunContext

    @property
    def direction(self) -> str:
        return self.context.load_task(self._head_choices()).task.direction

    def find_best(self) -> Version:
        """The best version by the lower confidence bound; of equals the earlier. Head where none is
        scored."""
        repository = self.context.repository
        found, start = repository.find_best(self.direction), self.find_start()
        if start is None or start.commit == found.commit:
            return start or found
        direction = self.direction
        if found.score is None or rank_version(start, direction) >= rank_version(found, direction):
            return start
        return found

    def find_start(self) -> Version | None:
        """The start with its score under head's gate; None where it was not scored under it."""
        repository, choices = self.context.repository, self._head_choices()
        version = repository.read_version(repository.resolve("start"))
        tree = repository.artifact_tree(version.commit)
        for event in self.context.event_log.journal.read_events(kinds=["scored"], limit=50):
            scored = event.data
            if (
                scored["tree"] == tree
                and choices.gate.selects_as(scored["gate"])
                and scored["mean"] is not None
            ):
                return replace(
                    version,
                    score=scored["mean"],
                    stderr=scored["stderr"],
                    n=scored["n"],
                    rank=scored.get("rank"),
                )
        return None

    def describe_result(self) -> dict[str, Any]:
        """The version to report at the end: the best, or the last where the design choices say
        so."""
        repository = self.context.repository
        version = self.find_best()
        if self._head_choices().select == "last" and version.commit != repository.head():
            version = repository.read_version(repository.head())
        return {
            "version": version.commit,
            "step": version.step or 0,
            "score": version.score,
            "n": version.n,
        }

    def has_reached(self, until: float) -> bool:
        """Whether the best version's lower confidence bound is at `until` (its upper one where
        lower is better)."""
        best = self.find_best()
        if best.score is None or best.rank == "failed":
            return False
        end = compute_bound(best, self.direction)
        return end >= until if self.direction == "higher" else end <= until

    def describe_ceiling(self) -> str:
        """Why nothing can be better than head: it has the best possible score on every gate
        example. Empty where that is not so, or not known."""
        repository, choices = self.context.repository, self._head_choices()
        task = self.context.load_task(choices).task
        if task.best_possible is None or choices.gate.rule != "better" or task.measure == "time":
            return ""
        head = repository.head()
        tree, record = repository.artifact_tree(head), repository.read_record(head)
        rows = record.scores.rows if record.scores.tree == tree else []
        if not rows:
            events = self.context.event_log.journal.read_events(kinds=["scored"], limit=50)
            known = [event.data["scores"] for event in events if event.data["tree"] == tree]
            rows = known[-1] if known else []
        if not rows or any(row["score"] != task.best_possible for row in rows):
            return ""
        return f"every gate example scores {task.best_possible:g}, the best possible"

    def count_idle_steps(self) -> int:
        """Steps since the best version was found."""
        if self.context.settings.budget.patience is None:
            return 0
        step = self.find_best().step or 0
        return len(
            [
                e
                for e in self.context.event_log.journal.read_events(kinds=["step_ended"])
                if e.step > step
            ]
        )

    def find_rollback_target(self) -> Version | None:
        """The best version of the active branch, when the last `RELAPSE_COUNT` after it all kept
        less than `RELAPSE_SHARE` of its gain over the start."""
        best, start = self.find_best(), self.find_start()
        if (
            start is None
            or start.score is None
            or best.score is None
            or best.commit == start.commit
        ):
            return None
        latest = [v for v in self.context.repository.read_log() if v.score is not None]
        after = [v.score or 0.0 for v in latest[:RELAPSE_COUNT] if (v.step or 0) > (best.step or 0)]
        relapsed = is_relapse(start.score, best.score, after, self.direction)
        if not relapsed or not self.context.repository.is_ancestor(
            best.commit, self.context.repository.head()
        ):
            return None
        return best

    def _head_choices(self) -> DesignChoices:
        return self.context.load_choices(self.context.repository.head())


def is_relapse(start: float, best: float, latest: Sequence[float], direction: str) -> bool:
    """Whether `RELAPSE_COUNT` versions all kept less than `RELAPSE_SHARE` of what `best` gained."""
    sign = DIRECTION_SIGN[direction]
    gain = sign * (best - start)
    if gain <= 0:  # best by its lower bound alone: there is no gain to lose
        return False
    return len(latest) >= RELAPSE_COUNT and all(
        sign * (score - start) < RELAPSE_SHARE * gain for score in latest
    )
