"""Work beside the steps that was asked for: how far it has come, and what single hunks turned out to be worth. Pure."""

from collections.abc import Mapping
from time import monotonic
from typing import Any

from genopt_tui.session.journal import Event
from genopt_tui.ui.snapshot import Aside

KEPT = 8
"""Pieces of work that are remembered."""
Worth = Mapping[int, Mapping[str, Any]]


class Asides:
    """`found` are the pieces of work by token, the newest last."""

    def __init__(self) -> None:
        self.found: Mapping[str, Aside] = {}
        self._worth: dict[tuple[str, str], Worth] = {}
        self._begun: dict[str, float] = {}

    def asked(self, token: str, what: str) -> None:
        """This was asked for; the runner has not begun yet."""
        self._keep(Aside(token, what))

    def take(self, event: Event) -> None:
        """One more event."""
        data = event.data
        if event.kind == "aside_started":
            self._begun[data["token"]] = monotonic()
            self._keep(Aside(data["token"], data["what"], int(data["size"])))
        elif event.kind == "aside_finished":
            before = self.found.get(data["token"], Aside(data["token"], ""))
            self._keep(Aside(before.token, before.what, before.size, before.size, 0.0, data))
            if hunks := data.get("hunks"):
                rows = {int(row["hunk"]): row for row in hunks["hunks"]}
                self._worth[hunks.get("base_tree", ""), hunks.get("tree", "")] = rows
        elif event.kind == "rollout_finished" and not event.step:
            self._one_more()

    def worth(self, base_tree: str, tree: str) -> Worth:
        """What each hunk of this edit turned out to be worth; empty where that was not measured."""
        return self._worth.get((base_tree, tree), {})

    def scored(self, commit: str, fingerprint: str) -> bool:
        """Whether a version was scored on demand under this state of the task."""
        told = (aside.data for aside in self.found.values() if aside.data)
        return any(d.get("fingerprint") == fingerprint and commit in d.get("versions", ()) for d in told)

    def _one_more(self) -> None:
        for aside in self.found.values():
            if aside.data is None and aside.size:
                done = min(aside.done + 1, aside.size)
                seconds = monotonic() - self._begun.get(aside.token, monotonic())
                self._keep(Aside(aside.token, aside.what, aside.size, done, seconds / done * (aside.size - done)))
                return

    def _keep(self, aside: Aside) -> None:
        others = [a for a in self.found.values() if a.token != aside.token]
        self.found = {a.token: a for a in [*others, aside][-KEPT:]}
