"""One line that says what the loop does now, what is awaited, and which key goes on."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from genopt_tui.session.progress import FAILED, FINISHED, PAUSED, RUNNING
from genopt_tui.ui import words
from genopt_tui.ui.snapshot import Aside, Snapshot

STARTING = {"run", "resume", "evaluate"}


def doing(s: Snapshot) -> str:
    """What happens, for a person who sees this screen for the first time."""
    p = s.progress
    if s.aside is not None:
        return f"{aside_words(s.aside)}. Esc ends it"
    if s.pending == "decide":
        return f"Proposal {p.step} waits for you: a approves, r rejects, space leaves a hunk out, e edits"
    if s.pending == "propose":
        return f"The prompt of step {p.step} waits for you: s sends it, 4 then space leaves an example out"
    if s.asked and not (s.alive and s.state == RUNNING and p.phase != "idle"):
        return "Starting the runner ..." if STARTING & set(s.asked) else f"{s.asked[-1]}: waiting for the runner ..."
    if s.state == PAUSED:
        return f"Paused: {p.paused}. p goes on"
    if s.state == RUNNING:
        return _running(s)
    if s.state == FAILED:
        return failed(s)
    ended = f"Step {p.step}: {p.ended}. " if p.step and p.ended else ""
    if s.state == FINISHED:
        return f"{ended}The run is over: {(p.finished or {}).get('reason', '')}. p runs on, s one step"
    return f"{ended}Nothing runs: s runs one step, p runs on until you stop it"


def aside_words(aside: Aside) -> str:
    """How far work beside the steps has come."""
    what = {
        "hunks": "Which hunk did it: the gate without each hunk",
        "fill": "Scores that are missing",
        "trace": "The trace that is missing",
    }
    told = what.get(aside.what, aside.what)
    if not aside.size:
        return f"{told}: waiting for the runner ..."
    return f"{told}: {aside.done} of {aside.size} rollouts{time_left(aside.left)}"


def failed(s: Snapshot) -> str:
    """What ended a run, and what to do."""
    error = s.progress.error or {}
    advice = f" {error['advice']}." if error.get("advice") else ""
    return f"The run failed: {error.get('message') or (s.progress.finished or {}).get('reason', '')}.{advice} p tries again"


def _running(s: Snapshot) -> str:
    p = s.progress
    if p.phase == "idle":
        return _before_a_step(s)
    if p.phase == "rolling out":
        done = [r for r in p.rollouts if r.get("split") == "train"]
        size = len((p.batch or {}).get("examples", ()))
        return f"Step {p.step}: the artifact is run on {size} examples, {len(done)} done{_left(done, size, s)}; then the model is asked"
    if p.phase == "gate":
        return f"Step {p.step}: the proposal is scored on the gate's examples; then {_decider(s)}"
    if p.phase == "committing":
        return f"Step {p.step}: the decision is being committed"
    return f"Step {p.step}: {_asking(s)}"


def _before_a_step(s: Snapshot) -> str:
    m = s.measuring
    if m is None:
        p = s.progress
        return (
            f"Step {p.step}: {p.ended}. The next step begins ..."
            if p.ended
            else "Preparing the sandbox and the task ..."
        )
    of = f"{m.done} of {m.size}" if m.size else str(m.done)
    mean = f", mean so far {words.score(m.mean)}" if m.mean is not None else ""
    left = time_left((m.size - m.done) * m.seconds / max(1, s.session.workers))
    return f"Scoring version {s.head_label} on the gate's examples: {of} done{mean}{left}; then step {s.progress.step + 1} begins"


def _asking(s: Snapshot) -> str:
    proposal = s.proposal
    if s.reply_wanted:
        return "you are the model: in 5, y copies the prompt, E or e takes your reply"
    if proposal is not None and proposal.refusals and proposal.files is None:
        return "the edit could not be used, the model is asked to repair it"
    if proposal is not None and proposal.streaming and proposal.text:
        return "the model's reply arrives; then the gate scores it"
    return "the model is asked for an edit; p pauses after its reply"


def _decider(s: Snapshot) -> str:
    return "the gate decides" if s.session.mode == "auto" else "you decide; r rejects now"


def _left(rollouts: Iterable[Mapping[str, Any]], size: int, s: Snapshot) -> str:
    ran = [float(r.get("seconds") or 0) for r in rollouts if not r.get("cached")]
    mean = sum(ran) / len(ran) if ran else 0.0
    return time_left((size - len(ran)) * mean / max(1, s.session.workers))


def time_left(seconds: float) -> str:
    """ ", about 20 s left"; empty under two seconds."""
    if seconds < 2:
        return ""
    if seconds < 90:
        return f", about {ceil(seconds / 5) * 5} s left"
    return f", about {ceil(seconds / 60)} min left"
