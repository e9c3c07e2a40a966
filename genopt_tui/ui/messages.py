"""What panes tell the screen above them, and what the store tells the screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.message import Message

from genopt_tui.ui.state.snapshot import TracePicture, TraceSlice


@dataclass
class TraceRequested(Message):
    """Steps `first` to `first + count` of a rollout are about to be visible."""

    rollout: int
    first: int
    count: int


@dataclass
class PictureRequested(Message):
    """The picture at `step` of a rollout is about to be visible."""

    rollout: int
    step: int


@dataclass
class VersionSelected(Message):
    """Show this version in all panes; an empty commit goes back to head."""

    commit: str


@dataclass
class TraceStepSelected(Message):
    """Show step `step` of the trace of `example` (a promise's `because`, an example of the
    evidence)."""

    example: str
    step: int = 0


@dataclass
class CopyRequested(Message):
    """A pane wants `text` on the clipboard; `what` names it in one or two words."""

    text: str
    what: str = "text"


@dataclass
class PaneChanged(Message):
    """What a pane can do now has changed (hunks left out, a search started): footer and gate line
    are drawn again."""


@dataclass
class CommandRequested(Message):
    """A pane wants a command left for the runner."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class ProposalEdited(Message):
    """A person edited the proposal: `files` is the whole artifact as it is now wanted, None as the
    model wrote it."""

    files: Mapping[str, str] | None


@dataclass
class BlameRequested(Message):
    """Who wrote each line of this version is about to be shown."""

    commit: str


@dataclass
class CandidateSelected(Message):
    """Show this candidate of the step: decisions are then about it."""

    step: int
    number: int


@dataclass
class SnapshotReady(Message):
    """There is a newer snapshot: take it with `Store.take`."""


@dataclass
class TraceDataReady(Message):
    """A part of a trace that was asked for."""

    data: TraceSlice | TracePicture


@dataclass
class CommandCompleted(Message):
    """The runner's answer to a command of this application."""

    kind: str
    ok: bool
    reason: str


@dataclass
class DoctorWarned(Message):
    """The loop doctor has something to say of the run that goes on."""

    message: str


@dataclass
class StoreFailed(Message):
    """Something could not be read or written; the rest goes on."""

    message: str
