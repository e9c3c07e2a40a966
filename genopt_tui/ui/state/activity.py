"""What the screen says about the present: one line on what the loop does, one banner."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from genopt_tui.durations import format_duration
from genopt_tui.session.progress import FAILED, FINISHED, PAUSED, RUNNING
from genopt_tui.ui import formatters
from genopt_tui.ui.state.snapshot import ExternalChanges, SideJob, Snapshot, VersionView

STARTING_COMMANDS = {"run", "resume", "evaluate"}


def describe_activity(s: Snapshot) -> str:
    """What the loop does, what it waits for, and which key goes on."""
    p = s.progress
    if s.active_side_job is not None:
        return f"{describe_side_job(s.active_side_job)}. Esc ends it"
    if s.pending == "decide":
        return f"Proposal {p.step} waits for you: a approves, r rejects, space leaves a hunk out, e edits"
    if s.pending == "propose":
        return f"The prompt of step {p.step} waits for you: s sends it, 4 then space leaves an example out"
    if s.awaited_commands and not (s.alive and s.state == RUNNING and p.phase != "idle"):
        return (
            "Starting the runner ..."
            if STARTING_COMMANDS & set(s.awaited_commands)
            else f"{s.awaited_commands[-1]}: waiting for the runner ..."
        )
    if s.state == PAUSED:
        return f"Paused: {p.paused}. p goes on"
    if s.state == RUNNING:
        return _describe_running(s)
    if s.state == FAILED:
        return describe_failure(s)
    ended = f"Step {p.step}: {p.ended}. " if p.step and p.ended else ""
    if s.state == FINISHED:
        return (
            f"{ended}The run is over: {(p.finished or {}).get('reason', '')}. p runs on, s one step"
        )
    return f"{ended}Nothing runs: s runs one step, p runs on until you stop it"


def describe_side_job(job: SideJob) -> str:
    """The progress of a side job."""
    what = {
        "hunks": "Which hunk did it: the gate without each hunk",
        "fill": "Scoring what was not scored",
        "trace": "Recording the trace again",
    }
    title = what.get(job.kind, job.kind)
    if not job.size:
        return f"{title}: waiting for the runner ..."
    return f"{title}: {job.done} of {job.size} rollouts{format_time_left(job.seconds_left)}"


def describe_failure(s: Snapshot) -> str:
    """What ended a run, and what to do."""
    error = s.progress.error or {}
    advice = f" {error['advice']}." if error.get("advice") else ""
    return f"The run failed: {error.get('message') or (s.progress.finished or {}).get('reason', '')}.{advice} p tries again"


def _describe_running(s: Snapshot) -> str:
    p = s.progress
    if p.phase == "idle":
        return _describe_preparation(s)
    if p.phase == "rolling out":
        done = [r for r in p.rollouts if r.get("split") == "train"]
        size = len((p.batch or {}).get("examples", ()))
        return f"Step {p.step}: the artifact is run on {size} examples, {len(done)} done{_estimate_time_left(done, size, s)}; then the model is asked"
    if p.phase == "gate":
        return f"Step {p.step}: the proposal is scored on the gate's examples; then {_describe_decider(s)}"
    if p.phase == "committing":
        return f"Step {p.step}: the decision is being committed"
    return f"Step {p.step}: {_describe_asking(s)}"


def _describe_preparation(s: Snapshot) -> str:
    m = s.baseline_progress
    if m is None:
        p = s.progress
        return (
            f"Step {p.step}: {p.ended}. The next step begins ..."
            if p.ended
            else "Preparing the sandbox and the task ..."
        )
    done = f"{m.done} of {m.size}" if m.size else str(m.done)
    mean = f", mean so far {formatters.format_score(m.mean)}" if m.mean is not None else ""
    left = format_time_left((m.size - m.done) * m.seconds / max(1, s.session.workers))
    return f"Scoring version {s.head_label} on the gate's examples: {done} done{mean}{left}; then step {s.progress.step + 1} begins"


def _describe_asking(s: Snapshot) -> str:
    proposal = s.proposal
    if s.is_reply_awaited:
        return "you are the model: in 5, y copies the prompt, E or e takes your reply"
    if proposal is not None and proposal.refusals and proposal.files is None:
        return "the edit could not be used, the model is asked to repair it"
    if proposal is not None and proposal.streaming and proposal.text:
        return "the model's reply arrives; then the gate scores it"
    return "the model is asked for an edit; p pauses after its reply"


def _describe_decider(s: Snapshot) -> str:
    return "the gate decides" if s.session.mode == "auto" else "you decide; r rejects now"


def _estimate_time_left(rollouts: Iterable[Mapping[str, Any]], size: int, s: Snapshot) -> str:
    ran = [float(r.get("seconds") or 0) for r in rollouts if not r.get("cached")]
    mean = sum(ran) / len(ran) if ran else 0.0
    return format_time_left((size - len(ran)) * mean / max(1, s.session.workers))


def format_time_left(seconds: float) -> str:
    """ ", about 20 s left"; empty under two seconds."""
    if seconds < 2:
        return ""
    unit = 5 if seconds < 90 else 60
    return f", about {format_duration(ceil(seconds / unit) * unit)} left"


def format_banner(shown: VersionView | None, changes: ExternalChanges, rescored: bool) -> str:
    """The line above the panes: that another version than head is `shown`, else what happened
    outside of the application; empty for neither.

    `rescored`: head has scores under the task as it is now.
    """
    if shown is not None:
        return f"Version {shown.label} is shown. Esc goes back to the present"
    if changes.conflicted:
        return (
            f"{changes.conflicted[0]} has conflict markers: H opens it in your editor; once they "
            "are gone, H makes a version of it"
        )
    if changes.edited:
        files = ", ".join(changes.edited[:3]) + (" ..." if len(changes.edited) > 3 else "")
        return f"{files} edited by hand: H makes a version of it"
    if changes.git_change:
        return f"{changes.git_change}: genopt leaves it so and goes on from there"
    if changes.task_changed and rescored:
        return (
            "The task has changed since head was made: X and c compare the new scores, new steps "
            "use them"
        )
    if changes.task_changed:
        return (
            "The task has changed since head was scored, so new scores do not compare: J scores "
            "start, best and head again"
        )
    return ""
