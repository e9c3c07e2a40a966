"""What is written down of a candidate when its step ends."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genopt_tui.errors import single_line
from genopt_tui.runner.context import RunContext
from genopt_tui.session.history.record import (
    Attempt,
    Decision,
    DecisionRecord,
    Proposal,
    Record,
    Scores,
)
from genopt_tui.session.journal import Reply, utc_timestamp
from genopt_tui.session.progress import Candidate

HEADING_WORDS = 3  # so few words are a heading
NUMBERING = re.compile(r"^\(?\d+[.)]\s*")
SENTENCE = re.compile(r"(?<=[a-z0-9)])[.;](?:\*\*)?\s+")
SUBJECT_LENGTH = 64
EXCLUDED_SETTINGS = {"api_base", "params", "record", "budget"}


@dataclass(frozen=True)
class Outcome:
    """How a candidate ends."""

    decision: Decision
    by: str = "runner"
    reason: str = ""


def build_record(
    context: RunContext, candidate: Candidate, outcome: Outcome, fingerprint: str, diff: str
) -> Record:
    """The whole record of a candidate of the step in flight. One made by a person out of another
    carries its prompt and reply, not its cost."""
    p, batch = context.event_log.p, context.event_log.p.batch or {}
    choices = context.load_choices(batch["base"])
    origin = (candidate.edit or {}).get("origin") or {}
    asked = p.candidates[origin["candidate"]] if origin and "step" not in origin else candidate
    replies = [
        r for r in context.event_log.journal.read_replies(p.step) if r.candidate == asked.number
    ]
    complete = [r for r in replies if r.complete]
    return Record(
        step=p.step,
        candidate=candidate.number,
        at=utc_timestamp(),
        base=batch.get("base", ""),
        branch=batch.get("branch", ""),
        task=str(choices.task.get("name", "")),
        direction=context.load_task(choices).task.direction,
        fingerprint=fingerprint,
        model=find_model_name(asked, context),
        settings=build_settings(candidate, context),
        evidence=dict(p.evidence or {}) | ({"set": batch["set"]} if batch.get("set") else {}),
        prompt=list(asked.prompts[0]["messages"]) if asked.prompts else [],
        attempts=build_attempts(asked, replies),
        reply=complete[-1].text if complete else "",
        proposal=build_proposal(candidate, diff, diff_declined(context, candidate)),
        scores=build_scores(candidate.gate, choices, context),
        decision=DecisionRecord(decision=outcome.decision, by=outcome.by, reason=outcome.reason),
        usage=sum_usage([] if origin else replies),
    )


def build_settings(candidate: Candidate, context: RunContext) -> dict[str, Any]:
    """The session's settings; those that decide scores as they were when the gate ran."""
    conditions = (candidate.gate or {}).get("conditions") or {}
    settings = context.settings.model_dump(mode="json", exclude=EXCLUDED_SETTINGS)
    settings |= conditions.get("settings", {})
    settings["sandbox_in_force"] = conditions.get("sandbox") or context.sandbox
    return settings


def find_model_name(candidate: Candidate, context: RunContext) -> str:
    """Who gave the reply that the candidate was read from; nobody for one that was not asked
    for."""
    if not candidate.prompts:
        return ""
    named = [r["model"] for r in candidate.replies if r.get("model")]
    return str(named[-1]) if named else context.get_proposer().name


def build_attempts(candidate: Candidate, replies: Sequence[Reply]) -> list[Attempt]:
    """Every request with its raw reply and why it was refused."""
    messages = {int(p["attempt"]): list(p["messages"]) for p in candidate.prompts}
    refused = {int(r["attempt"]): str(r["why"]) for r in candidate.refusals}
    return [
        Attempt(
            candidate=r.candidate,
            messages=messages.get(r.attempt, []),
            reply=r.text,
            complete=r.complete,
            finish_reason=r.finish_reason,
            usage=dict(r.usage) if r.usage else None,
            cost=r.cost,
            refused=refused.get(r.attempt) if r.complete else (r.error or "it broke off"),
        )
        for r in replies
    ]


def diff_declined(context: RunContext, candidate: Candidate) -> str:
    """What a person left out of the edit that this candidate was made from, as a diff."""
    from genopt_tui.learn.edit.diff import format_diff

    edit = candidate.edit or {}
    origin = edit.get("origin") or {}
    if origin.get("hunks") is None or "step" in origin:
        return ""
    whole = context.event_log.p.candidates[origin["candidate"]].edit or {}
    return format_diff(
        context.repository.read_artifact_tree(edit["tree"]),
        context.repository.read_artifact_tree(whole["tree"]),
    )


def build_proposal(candidate: Candidate, diff: str, declined: str) -> Proposal:
    edit = candidate.edit or {}
    kept = (candidate.gate or {}).get("promises_kept")
    return Proposal(
        reasoning=str(edit.get("reasoning", "")),
        diff=diff,
        declined=declined,
        files=list(edit.get("files", [])),
        because=[(str(e), int(s)) for e, s in edit.get("because", [])],
        expects=[(str(e), str(w)) for e, w in edit.get("expects", [])],
        promises_kept=kept,
        promised=[
            (str(e), str(w), bool(k)) for e, w, k in (candidate.gate or {}).get("promised", [])
        ],
    )


def build_scores(gate: Mapping[str, Any] | None, choices: Any, context: RunContext) -> Scores:
    """The gate's figures, which are of exactly the candidate's tree; empty where it was not run."""
    if not gate or not gate.get("complete"):
        return Scores()
    task = context.load_task(choices).task
    return Scores(
        tree=gate["tree"],
        mean=gate["mean"],
        stderr=gate["stderr"],
        n=gate["n"],
        base_mean=gate["base_mean"],
        difference=gate.get("difference"),
        interval=tuple(gate["interval"]) if gate.get("interval") else None,
        p=gate.get("p"),
        verdict=gate["verdict"],
        rank=gate.get("rank"),
        base_rank=gate.get("base_rank"),
        test=gate.get("test", ""),
        rule=task.describe_scoring(task.resolve_settings(choices.task)),
        looks=list(gate.get("looks", [])),
        most=gate.get("most", 0),
        rows=list(gate["scores"]),
    )


def sum_usage(replies: Sequence[Reply]) -> dict[str, Any]:
    """Calls, tokens, seconds and dollars of a candidate; cost is None where any of it is
    unknown."""
    costs = [r.cost for r in replies]
    return {
        "calls": len(replies),
        "input": sum((r.usage or {}).get("input", 0) for r in replies),
        "output": sum((r.usage or {}).get("output", 0) for r in replies),
        "seconds": round(sum(r.seconds for r in replies), 3),
        "cost": None if None in costs else sum(c for c in costs if c is not None),
    }


def build_subject(candidate: Candidate, outcome: Outcome) -> str:
    """A version's subject, without its step: the first sentence of the reasoning, else what
    happened."""
    edit = candidate.edit or {}
    lines = [
        NUMBERING.sub("", line.strip(" #*-_>`\t"))
        for line in str(edit.get("reasoning", "")).splitlines()
    ]
    said = [sentence for line in lines for sentence in SENTENCE.split(line) if sentence]
    text = next(
        (sentence for sentence in said if len(sentence.split()) > HEADING_WORDS),
        said[0] if said else "",
    )
    if not text and edit.get("files"):
        text = f"change {', '.join(edit['files'])}"
    if not text:
        text = (
            candidate.refusals[-1]["why"]
            if candidate.refusals
            else outcome.reason or outcome.decision
        )
    subject = single_line(text)
    return (
        subject
        if len(subject) <= SUBJECT_LENGTH
        else subject[: SUBJECT_LENGTH - 3].rstrip() + "..."
    )


def summarize_record(record: Record) -> dict[str, Any]:
    """What `committed` and `rejected` tell of the scores."""
    s = record.scores
    return {
        "decision": record.decision.decision,
        "reason": record.decision.reason,
        "score": s.mean,
        "n": s.n,
        "stderr": s.stderr,
        "base_score": s.base_mean,
        "verdict": s.verdict,
        "cost": record.usage.get("cost"),
    }
