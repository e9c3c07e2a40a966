"""Commands that look: status, log, show, diff."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import (
    figure,
    find_session,
    journal_of,
    json_option,
    print_json,
    repository_of,
    say,
    say_text,
)
from genopt_tui.cli.rules import rule_of, rules_by_task
from genopt_tui.errors import Exit, GenoptError

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal
    from genopt_tui.session.repository import Repository


@click.command()
@click.argument("session", required=False)
@json_option
def status(session: str | None, as_json: bool) -> int:
    """What a session is doing."""
    document = status_of(find_session(session))
    if as_json:
        print_json(document)
        return Exit.DONE
    spent = document["budget"].get("spent", {})
    say(f"{document['session']}: {document['state']}, step {document['step']}, mode {document['mode']}")
    say(f"  scores: {document['rule']}")
    if document["learning"]:
        say(f"  learning template: {document['learning']}")
    say(
        f"  {document['branch'] or 'detached'} at {document['head'][:7]}, runner {document['runner_pid'] or 'not running'}"
    )
    if document["phase"] != "idle":
        say(f"  {document['phase']}")
    if pending := document["pending"]:
        say(f"  wanted since {pending['since']}: {pending['kind']} step {pending['step']} {pending['candidates']}")
    if spent:
        say("  spent: " + ", ".join(f"{key} {value:g}" for key, value in spent.items()))
    uses = f"the gate scored {document['gate_uses']} versions"
    say(f"  {uses}, the test split was opened {document['test_openings']} times")
    if made := document["promises"]["made"]:
        say(f"  promises kept: {document['promises']['kept']} of {made}")
    if edited := document["edited_by_hand"]:
        say(f"  edited by hand: {', '.join(edited)}: genopt accept-edits takes it over")
    if document["task"]["changed"]:
        say("  the task has changed since head was scored: genopt rescore")
    if document["error"]:
        say(f"  error: {document['error']['message']}")
    return Exit.DONE


def task_state(path: Path, repository: "Repository") -> dict[str, Any]:
    """Whether the task (code, data, settings, limits) is still what head was scored under; None where that is not known."""
    from genopt_tui.session.best import group_of
    from genopt_tui.session.state import state_of

    group = group_of(repository, repository.head())
    scored = group.partition(" ")[0] if group else None
    try:
        _, now = state_of(path, repository.choices(repository.head()))
    except GenoptError as error:
        return {"fingerprint": None, "scored_under": scored, "changed": None, "problem": str(error)}
    return {"fingerprint": now, "scored_under": scored, "changed": scored != now if scored else None, "problem": ""}


def promises_of(journal: "Journal", repository: "Repository") -> dict[str, int]:
    """How many promises of this session could be judged, and how many were kept."""
    from genopt_tui.session.promised import so_far

    kept, made = so_far(journal, repository)
    return {"made": made, "kept": kept}


def status_of(path: Path) -> dict[str, Any]:
    """The document of `genopt status --json`."""
    from genopt_tui.config import SessionSettings
    from genopt_tui.session.client import runner_pid
    from genopt_tui.session.notes import gate_uses, openings
    from genopt_tui.session.progress import latest

    pid = runner_pid(path)
    with journal_of(path) as journal, repository_of(path) as repository:
        progress, _ = latest(journal)
        built = journal.last("evidence_built")
        pending = None
        if progress.pending and not progress.ended:
            wanted = progress.pending
            pending = {
                "kind": wanted["pending"],
                "step": wanted["step"],
                "candidates": wanted["candidates"],
                "since": wanted["since"],
            }
        edit = repository.hand_edit()
        edited = [*sorted(edit.changed), *(["genopt.toml"] if edit.choices is not None else [])] if edit else []
        return {
            "session": path.name,
            "path": str(path),
            "edited_by_hand": edited,
            "state": progress.state(pid is not None),
            "branch": repository.branch(),
            "head": repository.head(),
            "step": max(progress.step, repository.next_step() - 1),
            "phase": progress.phase,
            "mode": SessionSettings.load(path).mode,
            "budget": dict(progress.budget or {}),
            "pending": pending,
            "error": dict(progress.error) if progress.error else None,
            "rule": rule_of(path),
            "learning": built.data.get("learning", "") if built else "",
            "runner_pid": pid,
            "task": task_state(path, repository),
            "promises": promises_of(journal, repository),
            "gate_uses": gate_uses(repository),
            "test_openings": sum(openings(repository).values()),
        }


@click.command()
@click.argument("session", required=False)
@click.option("--all", "everything", is_flag=True, help="Other branches, and what was rejected or abandoned, too.")
@json_option
def log(session: str | None, everything: bool, as_json: bool) -> int:
    """The versions, newest first."""
    from genopt_tui.session.history import branch_names, task_changes
    from genopt_tui.session.notes import notes, openings

    path = find_session(session)
    with repository_of(path) as repository:
        versions = repository.log(all=everything)
        names, head = branch_names(versions, repository.branch()), repository.head()
        said, opened = notes(repository), openings(repository)
        rules = rules_by_task(repository, versions)
    changed = task_changes(versions)
    if as_json:
        more = [{"note": said.get(v.commit, "").rstrip(), "test_openings": opened.get(v.commit, 0)} for v in versions]
        rows = [
            {**row(v, names.get(v.commit)), "rule": rules.get(v.task, ""), "task_changed": v.commit in changed}
            for v in versions
        ]
        print_json([{**one, **two} for one, two in zip(rows, more, strict=True)])
        return Exit.DONE
    say(f"scores: {rule_of(path)}", err=True)
    for v in versions:
        change = "" if v.score is None or v.base_score is None else f"{v.score - v.base_score:+.4g} {v.verdict}"
        score = f"{figure(v.score)} n{v.n}" if v.score is not None else ""
        where = [*v.branches, *(["head"] if v.commit == head else []), *v.tags]
        where += ["abandoned"] if v.kind == "abandoned" else []
        named = f" [{', '.join(where)}]" if where else ""
        say_text(f"{v.short} {v.name:>5} {v.decision:11} {score:14} {change:18} {v.subject}{named}")
        for line in said.get(v.commit, "").splitlines():
            say_text(f"        note: {line}")
        if v.commit in changed:
            say_text("------- the task changed here: scores above and below do not compare")
    return Exit.DONE


def row(v: Any, branch: str | None) -> dict[str, Any]:
    """One version as `genopt log --json` prints it."""
    return {
        "version": v.commit,
        "step": v.step,
        "candidate": v.candidate,
        "parent": v.parent or None,
        "branch": branch,
        "branches": list(v.branches),
        "tags": list(v.tags),
        "task": v.task,
        "kind": v.kind,
        "decision": v.decision,
        "score": v.score,
        "stderr": v.stderr,
        "n": v.n,
        "base_score": v.base_score,
        "verdict": v.verdict,
        "subject": v.subject,
        "model": v.model,
        "cost": v.cost,
        "at": v.at,
    }


@click.command()
@click.argument("session")
@click.argument("version")
@json_option
def show(session: str, version: str, as_json: bool) -> int:
    """The record of a version: evidence, prompt, reply, edit, scores, decision."""
    with repository_of(find_session(session)) as repository:
        commit = repository.resolve(version)
        record = repository.record(commit).model_dump(mode="json")
    if as_json:
        print_json({"version": commit, **record})
        return Exit.DONE
    say(f"{commit}  step {record['step']}  {record['decision']['decision']} by {record['decision']['by']}")
    if record["decision"]["reason"]:
        say(f"reason: {record['decision']['reason']}")
    scores = record["scores"]
    if scores["mean"] is not None:
        say(f"gate {figure(scores['base_mean'])} -> {figure(scores['mean'])} n={scores['n']} {scores['verdict']}")
        say(f"scores: {scores['rule']}")
    for example, way, kept in record["proposal"]["promised"]:
        say(f"promised {example} {way}: {'kept' if kept else 'not kept'}")
    for message in record["prompt"]:
        say(f"--- {message['role']}")
        say_text(message["content"])
    for attempt in record["attempts"]:
        say(f"--- reply{'' if attempt['complete'] else ' (broke off)'}: {attempt['refused'] or 'read'}")
        say_text(attempt["reply"])
    say("--- edit")
    say_text(record["proposal"]["diff"])
    return Exit.DONE


@click.command()
@click.argument("session")
@click.argument("a")
@click.argument("b")
def diff(session: str, a: str, b: str) -> int:
    """Unified diff of two versions, as git prints it."""
    with repository_of(find_session(session)) as repository:
        text = repository.diff(repository.resolve(a), repository.resolve(b))
    click.echo(text, nl=False)
    return Exit.DONE


COMMANDS = [status, log, show, diff]
