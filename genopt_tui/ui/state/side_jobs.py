"""Side jobs: their progress and results, what single hunks were worth among them. Pure."""

from collections.abc import Mapping
from time import monotonic

from genopt_tui.session.journal import Event
from genopt_tui.ui.state.snapshot import HunkWorth, SideJob

MAX_JOBS = 8
"""Side jobs that are remembered."""


class SideJobTracker:
    """`jobs` are the side jobs by token, the newest last."""

    def __init__(self) -> None:
        self.jobs: Mapping[str, SideJob] = {}
        self._hunk_worth: dict[tuple[str, str], HunkWorth] = {}
        self._started_at: dict[str, float] = {}

    def add(self, token: str, kind: str) -> None:
        """Note a request that the runner has not taken up yet."""
        self._update(SideJob(token, kind))

    def apply(self, event: Event) -> None:
        """Take one more event."""
        data = event.data
        if event.kind == "aside_started":
            self._started_at[data["token"]] = monotonic()
            self._update(SideJob(data["token"], data["what"], int(data["size"])))
        elif event.kind == "aside_finished":
            before = self.jobs.get(data["token"], SideJob(data["token"], ""))
            self._update(SideJob(before.token, before.kind, before.size, before.size, 0.0, data))
            if hunks := data.get("hunks"):
                rows = {int(row["hunk"]): row for row in hunks["hunks"]}
                self._hunk_worth[hunks.get("base_tree", ""), hunks.get("tree", "")] = rows
        elif event.kind == "rollout_finished" and not event.step:
            self._count_rollout()

    def get_hunk_worth(self, base_tree: str, tree: str) -> HunkWorth:
        """What leaving out each hunk of this edit cost; empty where that was not measured."""
        return self._hunk_worth.get((base_tree, tree), {})

    def has_scored(self, commit: str, fingerprint: str) -> bool:
        """Whether a version was scored on demand under this state of the task."""
        results = (job.data for job in self.jobs.values() if job.data)
        return any(
            data.get("fingerprint") == fingerprint and commit in data.get("versions", ())
            for data in results
        )

    def _count_rollout(self) -> None:
        for job in self.jobs.values():
            if job.data is None and job.size:
                done = min(job.done + 1, job.size)
                seconds = monotonic() - self._started_at.get(job.token, monotonic())
                self._update(
                    SideJob(
                        job.token,
                        job.kind,
                        job.size,
                        done,
                        seconds / done * (job.size - done),
                    )
                )
                return

    def _update(self, job: SideJob) -> None:
        others = [other for other in self.jobs.values() if other.token != job.token]
        self.jobs = {one.token: one for one in [*others, job][-MAX_JOBS:]}
