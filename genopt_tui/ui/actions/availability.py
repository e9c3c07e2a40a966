"""When an action is possible: each check gives the reason why not, or an empty string."""

from collections.abc import Callable

from genopt_tui.session.progress import FAILED, FINISHED, IDLE, PAUSED
from genopt_tui.ui.actions.context import ActionContext

AvailabilityCheck = Callable[[ActionContext], str]

EARLIER_SHOWN = "this is an older version: Esc goes back first"


def allow_always(_: ActionContext) -> str:
    return ""


def check_decision(c: ActionContext) -> str:
    """A proposal waits for a decision, and it is the one on the screen."""
    if c.snapshot.is_historical:
        return EARLIER_SHOWN
    if c.snapshot.pending == "propose":
        return "the prompt waits to be sent: s sends it"
    return "" if c.snapshot.pending == "decide" else "no proposal waits for a decision"


def check_rejectable(c: ActionContext) -> str:
    """A proposal waits, or its gate runs (rejecting cancels the rest)."""
    if c.snapshot.progress.phase == "gate" and not c.snapshot.is_historical:
        return ""
    return check_decision(c)


def check_step(c: ActionContext) -> str:
    if c.snapshot.pending == "propose":
        return EARLIER_SHOWN if c.snapshot.is_historical else ""
    return "" if c.snapshot.state in {IDLE, FINISHED, FAILED, PAUSED} else "a step is running"


def check_version(c: ActionContext) -> str:
    """The cursor of History is on a version."""
    if not c.snapshot.loaded:
        return "the history is still being read"
    return "" if c.row and c.row.commit else "choose a version in History first"


def check_rewindable(c: ActionContext) -> str:
    if reason := check_version(c):
        return reason
    if c.row and c.row.head:
        return "the branch is already at this version"
    return (
        ""
        if c.row and c.row.kind == "branch"
        else "this is on no branch: V proposes it again, b branches from it"
    )


def check_history_loaded(c: ActionContext) -> str:
    return "" if c.snapshot.best else "the history is still being read"


def check_comparable(c: ActionContext) -> str:
    if reason := check_version(c):
        return reason
    if c.row and c.row.commit == c.mark:
        return "this is the marked version"
    return (
        ""
        if c.mark or (c.row and c.row.parents)
        else "it has no parent: mark another version first (m)"
    )


def check_editable(c: ActionContext) -> str:
    """A prompt waits, a person is the model, or there is a proposal with files."""
    if c.snapshot.is_reply_awaited or (
        c.snapshot.pending == "propose" and not c.snapshot.is_historical
    ):
        return ""
    proposal = c.snapshot.proposal
    return check_decision(c) or (
        "" if proposal and proposal.files is not None else "there is no edit yet"
    )


def check_changed(c: ActionContext) -> str:
    """The edit on the screen differs from the one that the gate scored."""
    if reason := check_decision(c):
        return reason
    left_out = c.has_left_out_hunks or bool(c.snapshot.proposal and c.snapshot.proposal.edited)
    return "" if left_out else "the gate has scored what is shown: a approves it"


def check_several_hunks(c: ActionContext) -> str:
    """An edit of at least two hunks: the proposal that is shown, else the version under the
    history's cursor."""
    if c.snapshot.active_side_job is not None:
        return "another side job is still running"
    p = c.snapshot.proposal
    if not c.is_in_history and p is not None and p.files is not None:
        if p.edited:
            return "the gate has not run for your edit: a runs it first"
        hunks = (p.candidate.edit or {}).get("hunks")
        return (
            "the edit has one hunk: it did it all" if hunks is not None and int(hunks) < 2 else ""
        )
    return check_has_edit(c)


def check_has_edit(c: ActionContext) -> str:
    """The cursor of History is on a version that has a parent."""
    if reason := check_version(c):
        return reason
    return "" if c.row and c.row.parents else "the start has no edit"


def check_revivable(c: ActionContext) -> str:
    if reason := check_has_edit(c):
        return reason
    return (
        "this is on a branch already: C takes parts of it"
        if c.row and c.row.kind == "branch"
        else ""
    )


def check_switchable(c: ActionContext) -> str:
    """There is another branch to go on from."""
    if not c.snapshot.loaded:
        return "the history is still being read"
    branches = {name for row in c.snapshot.rows for name in row.branches}
    return "" if branches - {c.snapshot.branch} else "there is no other branch: b makes one"


def check_hand_edits(c: ActionContext) -> str:
    return (
        ""
        if c.snapshot.external_changes.edited
        else "no file of the artifact's folder was edited by hand"
    )
