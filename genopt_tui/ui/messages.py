"""What panes tell the screen above them, and what the store tells the screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.message import Message

from genopt_tui.ui.snapshot import PicturePiece, TracePiece


@dataclass
class TraceWanted(Message):
    """Steps `first` to `first + count` of a rollout are about to be visible."""

    rollout: int
    first: int
    count: int


@dataclass
class PictureWanted(Message):
    """The picture at `step` of a rollout is about to be visible."""

    rollout: int
    step: int


@dataclass
class VersionChosen(Message):
    """Show this version in all panes; an empty commit goes back to head."""

    commit: str


@dataclass
class PlaceChosen(Message):
    """Show step `step` of the trace of `example` (a promise's `because`, an example of the evidence)."""

    example: str
    step: int = 0


@dataclass
class Copied(Message):
    """A pane wants `text` on the clipboard; `what` names it in one or two words."""

    text: str
    what: str = "text"


@dataclass
class PaneChanged(Message):
    """What a pane can do now has changed (hunks left out, a search started): footer and gate line are drawn again."""


@dataclass
class CommandWanted(Message):
    """A pane wants a command left for the runner."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Edited(Message):
    """A person edited the proposal: `files` is the whole artifact as it is now wanted, None as the model wrote it."""

    files: Mapping[str, str] | None


@dataclass
class BlameWanted(Message):
    """Who wrote each line of this version is about to be shown."""

    commit: str


@dataclass
class CandidateChosen(Message):
    """Show this candidate of the step: decisions are then about it."""

    step: int
    number: int


@dataclass
class Fresh(Message):
    """There is a newer snapshot: take it with `Store.take`."""


@dataclass
class Piece(Message):
    """A part of a trace that was asked for."""

    piece: TracePiece | PicturePiece


@dataclass
class Answered(Message):
    """The runner's answer to a command of this application."""

    kind: str
    ok: bool
    why: str


@dataclass
class Warned(Message):
    """The loop doctor has something to say of the run that goes on."""

    message: str


@dataclass
class Failed(Message):
    """Something could not be read or written; the rest goes on."""

    message: str
