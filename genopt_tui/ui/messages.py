"""Messages from panes and from the store to the main screen."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.message import Message

from genopt_tui.session.commands import Command
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
    """Show step `step` of the trace of `example`."""

    example: str
    step: int = 0


@dataclass
class CopyRequested(Message):
    """Put `text` on the clipboard; `what` names it in one or two words."""

    text: str
    what: str = "text"


@dataclass
class PaneChanged(Message):
    """The state of a pane has changed (hunks left out, a search began): draw footer and gate line
    again."""


@dataclass
class CommandRequested(Message):
    """A pane wants a command left for the runner."""

    command: Command


@dataclass
class ProposalEdited(Message):
    """A person edited the proposal: `files` is the whole artifact as it is now wanted, None as the
    model wrote it."""

    files: Mapping[str, str] | None


@dataclass
class BlameRequested(Message):
    """The authors of this version's lines are about to be visible."""

    commit: str


@dataclass
class CandidateSelected(Message):
    """Show this candidate of the step: decisions are then about it."""

    step: int
    number: int


@dataclass
class SnapshotReady(Message):
    """A newer snapshot is ready: take it with `Store.take_snapshot`."""


@dataclass
class TraceDataReady(Message):
    """A part of a trace that was requested."""

    data: TraceSlice | TracePicture


@dataclass
class CommandCompleted(Message):
    """The runner's answer to a command of this application."""

    kind: str
    ok: bool
    reason: str


@dataclass
class DoctorWarned(Message):
    """The loop doctor warns about the run in progress."""

    message: str


@dataclass
class StoreFailed(Message):
    """Something could not be read or written; the rest goes on."""

    message: str
