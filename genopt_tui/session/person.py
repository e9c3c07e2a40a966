"""What a person has said, as far as the next prompt has not carried it yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genopt_tui.session.journal import Journal


@dataclass(frozen=True)
class Said:
    """`hints` go into one update, `standing` into all; `staged` are KEY=VALUE pairs that wait for the next step;
    `pinned` are examples taken into every batch."""

    hints: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)

    def excluded(self, committed: Mapping[str, str]) -> dict[str, str]:
        """Examples left out from the next step on, with the reason: those that the choices leave out, and what waits beside."""
        found = dict(committed)
        for key, _, reason in (pair.partition("=") for pair in self.staged if pair.startswith("exclude.")):
            found[key.removeprefix("exclude.")] = reason
        return {example: reason for example, reason in found.items() if reason}


def said(journal: Journal, step: int) -> Said:
    """What counts for `step`: hints given after the prompts of the steps before it, and all that stands."""
    hints: list[str] = []
    standing: list[str] = []
    staged: list[str] = []
    pinned: list[str] = []
    carried = journal.last("prompted", below=step)
    for event in journal.events(kinds=["hint", "design_set", "design_undone", "design_committed", "examples_set"]):
        data: Mapping[str, Any] = event.data
        match event.kind:
            case "hint" if data.get("remove"):
                standing = [text for text in standing if text != data["text"]]
            case "hint" if data.get("always"):
                standing.append(data["text"])
            case "hint" if carried is None or event.id > int(carried.data.get("until", carried.id)):
                hints.append(data["text"])
            case "design_set":
                staged += data["pairs"]
            case "design_undone":
                staged = staged[: len(staged) - len(data["pairs"])]
            case "design_committed":
                staged.clear()
            case "examples_set":
                pinned = list(data.get("pinned", pinned))
    return Said(hints, standing, staged, pinned)
