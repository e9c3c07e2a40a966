"""Work beside the steps that was asked for: how far it has come, and what single hunks turned out
to be worth. Pure."""

from collections.abc import Mapping
from time import monotonic

from genopt_tui.session.journal import Event
from genopt_tui.ui.state.snapshot import HunkWorth, SideJob

MAX_JOBS = 8
"""Pieces of work that are remembered."""


class SideJobTracker:
    """`found` are the pieces of work by token, the newest last."""

    def __init__(self) -> None:
        self.jobs: Mapping[str, SideJob] = {}
        self._hunk_worth: dict[tuple[str, str], HunkWorth] = {}
        self._started_at: dict[str, float] = {}

    def add(self, token: str, what: str) -> None:
        """This was asked for; the runner has not begun yet."""
        self._update(SideJob(token, what))

    def apply(self, event: Event) -> None:
        """One more event."""
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
        """What each hunk of this edit turned out to be worth; empty where that was not measured."""
        return self._hunk_worth.get((base_tree, tree), {})

    def has_scored(self, commit: str, fingerprint: str) -> bool:
        """Whether a version was scored on demand under this state of the task."""
        told = (aside.data for aside in self.jobs.values() if aside.data)
        return any(
            d.get("fingerprint") == fingerprint and commit in d.get("versions", ()) for d in told
        )

    def _count_rollout(self) -> None:
        for aside in self.jobs.values():
            if aside.data is None and aside.size:
                done = min(aside.done + 1, aside.size)
                seconds = monotonic() - self._started_at.get(aside.token, monotonic())
                self._update(
                    SideJob(
                        aside.token,
                        aside.kind,
                        aside.size,
                        done,
                        seconds / done * (aside.size - done),
                    )
                )
                return

    def _update(self, aside: SideJob) -> None:
        others = [a for a in self.jobs.values() if a.token != aside.token]
        self.jobs = {a.token: a for a in [*others, aside][-MAX_JOBS:]}
