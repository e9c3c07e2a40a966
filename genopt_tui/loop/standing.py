"""Where a session stands: its best version, the start with its known score included, and what follows from it."""

from dataclasses import dataclass, replace
from typing import Any

from genopt_tui.config import DesignChoices
from genopt_tui.loop.desk import Desk
from genopt_tui.session.best import SIGN, bound
from genopt_tui.session.history import Version

BELOW = 0.8  # share of the best's gain over the start under which a version counts as a relapse
RELAPSES = 5


@dataclass
class Standings:
    """The versions of a session by score. The start has no gate of its own: its score is the one that was told (`scored`)."""

    desk: Desk

    @property
    def direction(self) -> str:
        return self.desk.task(self._choices()).task.direction

    def best(self) -> Version:
        """The best version by the lower confidence bound; of equals the earlier. Head where none is scored."""
        repository = self.desk.repository
        found, start = repository.best(self.direction), self.start()
        if start is None or start.commit == found.commit:
            return start or found
        sign = SIGN[self.direction]
        if found.score is None or sign * bound(start, self.direction) >= sign * bound(found, self.direction):
            return start
        return found

    def start(self) -> Version | None:
        """The start with its score under head's gate; None where it was not scored under it."""
        repository, choices = self.desk.repository, self._choices()
        version = repository.version(repository.resolve("start"))
        tree, gate = repository.tree(version.commit), choices.gate.model_dump()
        for event in self.desk.book.journal.events(kinds=["scored"], limit=50):
            told = event.data
            if told["tree"] == tree and told["gate"] == gate and told["mean"] is not None:
                return replace(version, score=told["mean"], stderr=told["stderr"], n=told["n"])
        return None

    def reported(self) -> dict[str, Any]:
        """The version to report at the end: the best, or the last where the design choices say so."""
        repository = self.desk.repository
        version = self.best()
        if self._choices().select == "last" and version.commit != repository.head():
            version = repository.version(repository.head())
        return {"version": version.commit, "step": version.step or 0, "score": version.score, "n": version.n}

    def reached(self, until: float) -> bool:
        """Whether the best version's lower confidence bound is at `until` (its upper one where lower is better)."""
        best = self.best()
        if best.score is None:
            return False
        end = bound(best, self.direction)
        return end >= until if self.direction == "higher" else end <= until

    def idle_steps(self) -> int:
        """Steps since the best version was found."""
        if self.desk.settings.budget.patience is None:
            return 0
        step = self.best().step or 0
        return len([e for e in self.desk.book.journal.events(kinds=["step_ended"]) if e.step > step])

    def relapse(self) -> Version | None:
        """The best version of the active branch, when the last `RELAPSES` after it all kept less than `BELOW` of its gain."""
        best, start = self.best(), self.start()
        if start is None or start.score is None or best.score is None or best.commit == start.commit:
            return None
        gain = best.score - start.score
        line = [v for v in self.desk.repository.log() if v.score is not None][:RELAPSES]
        lost = [v for v in line if (v.step or 0) > (best.step or 0) and ((v.score or 0) - start.score) / gain < BELOW]
        if len(lost) < RELAPSES or not self.desk.repository.is_ancestor(best.commit, self.desk.repository.head()):
            return None
        return best

    def _choices(self) -> DesignChoices:
        return self.desk.choices(self.desk.repository.head())
