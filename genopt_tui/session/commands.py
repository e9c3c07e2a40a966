"""Commands that clients leave for the runner of a session, and its answers.

A command is a row of the journal: its `kind`, and its fields as JSON. Fields that have their
default are left out of the JSON, and unknown keys are ignored, so that clients and runners of
different releases understand each other. Standard library only.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from genopt_tui.errors import UsageError
from genopt_tui.session.json_object import JsonObject

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class CommandResult:
    """What became of a command.

    `why` is a sentence for people: the reason of a refusal, or a remark. `step` is the step that
    the command began (whatif, revive, pick, accept-edits with a gate): its outcome comes as events.
    It is None where the command itself was all.
    """

    ok: bool = True
    why: str = ""
    step: int | None = None


class Command(JsonObject):
    """`head` is the commit that the sender saw as head: a command is refused once it has moved."""

    kind: ClassVar[str] = ""
    head: str | None = None


def decode_command(kind: str, data: Mapping[str, Any]) -> Command:
    """The command of a journal row. Raises UsageError when it is unknown or incomplete."""
    command = COMMANDS.get(kind)
    if command is None:
        raise UsageError(f"unknown command '{kind}'", advice="Update genopt")
    try:
        return command.from_json(data)
    except TypeError as error:
        raise UsageError(f"the command '{kind}' is incomplete", str(error)) from error


# Steering the run


class Run(Command):
    """Begin a run, or go on with the one that was cut off, for `steps` more steps or until the best
    score reaches `until`. `record` names a file that keeps all replies for a replay."""

    kind = "run"
    steps: int | None = None
    until: float | None = None
    mode: str | None = None
    no_wait: bool = False
    record: str | None = None


class Pause(Command):
    """Begin nothing new; a model call under way ends first."""

    kind = "pause"
    why: str = ""


class Resume(Command):
    """Go on after a pause."""

    kind = "resume"


class Stop(Command):
    """End the run after the present phase, and the runner with it."""

    kind = "stop"


class SetMode(Command):
    """Who decides: `step`, `ask` or `auto`."""

    kind = "mode"
    mode: str


class SetOptions(Command):
    """KEY=VALUE pairs: settings count at once, design choices from the next step on."""

    kind = "set"
    pairs: tuple[str, ...]


class Hint(Command):
    """Tell the model something in the next update, or in all; `remove` takes a standing one back."""

    kind = "hint"
    text: str
    always: bool = False
    remove: bool = False


class SetExamples(Command):
    """Examples taken into every batch, and examples excluded for good by their reasons (None: taken
    in again)."""

    kind = "examples"
    pinned: tuple[str, ...] | None = None
    excluded: Mapping[str, str | None] = NOTHING


# The step in flight


class PreviewPrompt(Command):
    """Show the waiting prompt without `dropped`, with `pinned` first, or as `messages` that a person
    edited. None leaves a choice as it was shown last."""

    kind = "preview"
    step: int | None = None
    dropped: tuple[str, ...] | None = None
    pinned: tuple[str, ...] | None = None
    messages: tuple[Mapping[str, str], ...] = ()


class SendPrompt(PreviewPrompt):
    """Send the waiting prompt to the model, to the byte as shown last, or with these changes."""

    kind = "propose"


class StageChoices(Command):
    """Other design choices (KEY=VALUE) for the step whose prompt waits, and for it alone."""

    kind = "stage"
    step: int | None = None
    pairs: tuple[str, ...]


class WhatIf(Command):
    """Ask a step again with design choices changed (KEY=VALUE), in a step of its own."""

    kind = "whatif"
    step: int
    pairs: tuple[str, ...]


class Approve(Command):
    """Accept a waiting proposal: its `tree` as shown, some of its hunks (from 1), or `files` that a
    person made of it. What differs from the proposal is gated first unless `unmeasured`."""

    kind = "approve"
    step: int | None = None
    candidate: int | None = None
    tree: str | None = None
    hunks: tuple[int, ...] | None = None
    files: Mapping[str, str] | None = None
    reason: str = ""
    unmeasured: bool = False


class Reject(Command):
    """Reject one candidate of a step, or all that are open."""

    kind = "reject"
    step: int | None = None
    candidate: int | None = None
    reason: str = ""


class AskAgain(Command):
    """Ask the model for one more candidate of the step that waits for a decision."""

    kind = "again"
    step: int | None = None


class Reply(Command):
    """The reply that the proposer `manual` waits for."""

    kind = "reply"
    text: str
    candidate: int | None = None


# History


class Rewind(Command):
    """Take the branch back to an earlier version."""

    kind = "rewind"
    version: str


class Switch(Command):
    """Make the branch `name` the active one."""

    kind = "switch"
    name: str


class Undo(Command):
    """Undo the last act on history."""

    kind = "undo"


class Redo(Command):
    """Do the undone act again."""

    kind = "redo"


class Branch(Command):
    """Make the branch `name` at a version; the active one stays."""

    kind = "branch"
    name: str
    at: str = "head"


class Tag(Command):
    """Give a version a name."""

    kind = "tag"
    name: str
    version: str = "head"


class Note(Command):
    """Write a note on a version; an empty text removes it."""

    kind = "note"
    version: str
    text: str = ""


class RecordTestOpening(Command):
    """Record that the test split was opened for a version, and why."""

    kind = "opened"
    version: str
    why: str


class StoreTask(Command):
    """Store the task's folder in the session, so that it travels along."""

    kind = "keep-task"


class AcceptEdits(Command):
    """Make a version of the files that were edited by hand, after the gate unless `unmeasured`."""

    kind = "accept-edits"
    unmeasured: bool = False
    reason: str = ""


class Revive(Command):
    """Propose the edit of a recorded step again, on the present head."""

    kind = "revive"
    version: str


class Pick(Command):
    """Propose what a version changed on the present head; only some files or hunks (from 1) where
    they are given."""

    kind = "pick"
    version: str
    files: tuple[str, ...] = ()
    hunks: tuple[int, ...] = ()


# Side jobs


def new_token() -> str:
    return os.urandom(8).hex()


class SideJob(Command):
    """Work beside the steps. `token` names the events that tell its progress and its end."""

    token: str


class Evaluate(Command):
    """Score a version on the gate as a start is scored."""

    kind = "evaluate"
    version: str = "head"


class FillScores(SideJob):
    """Run the missing gate rollouts of versions; `examples` is how many examples of the gate."""

    kind = "fill"
    versions: tuple[str, ...]
    examples: int | None = None


class RunTraced(SideJob):
    """Run one example again with its trace, for versions that have none."""

    kind = "trace"
    versions: tuple[str, ...]
    split: str
    example: str
    repeat: int = 0


class ScoreHunks(SideJob):
    """Score an edit with each of its hunks left out once: a version's, else that of the waiting
    proposal `candidate` of `step`."""

    kind = "hunks"
    version: str | None = None
    step: int | None = None
    candidate: int = 0


class DropSideJob(Command):
    """End the side job that `token` names; its finished rollouts stay."""

    kind = "drop"
    token: str


COMMANDS: dict[str, type[Command]] = {
    command.kind: command
    for command in (
        *(Run, Pause, Resume, Stop, SetMode, SetOptions, Hint, SetExamples),
        *(PreviewPrompt, SendPrompt, StageChoices, WhatIf, Approve, Reject, AskAgain, Reply),
        *(Rewind, Switch, Undo, Redo, Branch, Tag, Note, RecordTestOpening, StoreTask),
        *(AcceptEdits, Revive, Pick, Evaluate, FillScores, RunTraced, ScoreHunks, DropSideJob),
    )
}
