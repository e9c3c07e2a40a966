"""Commands that show a session: status, log, show, diff."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_text
from genopt_tui.cli.streams import write_bytes
from genopt_tui.cli.target import (
    SessionCommand,
    find_scoring_rule,
    find_session,
    list_rules_by_task,
    open_journal,
    open_repository,
)
from genopt_tui.errors import Exit, GenoptError

if TYPE_CHECKING:
    from genopt_tui.session.history.repository import Repository
    from genopt_tui.session.journal import Journal


@click.command()
@click.argument("session", required=False)
@json_option
def status(session: str | None, as_json: bool) -> int:
    """Show what a session is doing."""
    document = build_status(find_session(session))
    if as_json:
        print_json(document)
        return Exit.DONE
    print_status(document)
    return Exit.DONE


def print_status(document: dict[str, Any]) -> None:
    state = f"{document['state']}, step {document['step']}, mode {document['mode']}"
    print_line(f"{document['session']}: {state}")
    print_line(f"  scores: {document['rule']}")
    if document["learning"]:
        print_line(f"  learning template: {document['learning']}")
    head = f"{document['branch'] or 'detached'} at {document['head'][:7]}"
    print_line(f"  {head}, runner {document['runner_pid'] or 'not running'}")
    if document["phase"] != "idle":
        print_line(f"  {document['phase']}")
    if pending := document["pending"]:
        step = f"step {pending['step']} {pending['candidates']}"
        print_line(f"  wanted since {pending['since']}: {pending['kind']} {step}")
    if spent := document["budget"].get("spent", {}):
        print_line("  spent: " + ", ".join(f"{key} {value:g}" for key, value in spent.items()))
    uses = f"the gate scored {document['gate_uses']} versions"
    print_line(f"  {uses}, the test split was opened {document['test_openings']} times")
    if made := document["promises"]["made"]:
        print_line(f"  promises kept: {document['promises']['kept']} of {made}")
    if edited := document["edited_by_hand"]:
        print_line(f"  edited by hand: {', '.join(edited)}. Commit with: genopt accept-edits")
    if document["task"]["changed"]:
        print_line("  the task has changed since head was scored: genopt rescore")
    if document["error"]:
        print_line(f"  error: {document['error']['message']}")


def build_task_state(path: Path, repository: "Repository") -> dict[str, Any]:
    """Whether the task (code, data, settings, limits) has changed since head was scored.

    `changed` is None if that is unknown.
    """
    from genopt_tui.session.history.best import find_score_group
    from genopt_tui.session.task_state import load_task_state

    group = find_score_group(repository, repository.head())
    scored = group.partition(" ")[0] if group else None
    try:
        _, fingerprint = load_task_state(path, repository.read_choices(repository.head()))
    except GenoptError as error:
        return {"fingerprint": None, "scored_under": scored, "changed": None, "problem": str(error)}
    return {
        "fingerprint": fingerprint,
        "scored_under": scored,
        "changed": scored != fingerprint if scored else None,
        "problem": "",
    }


def count_promises(journal: "Journal", repository: "Repository") -> dict[str, int]:
    """How many predictions could be checked, and how many came true."""
    from genopt_tui.session.history.notes import load_prediction_counts

    kept, made = load_prediction_counts(journal, repository)
    return {"made": made, "kept": kept}


def build_status(path: Path) -> dict[str, Any]:
    """The document of `genopt status --json`."""
    from genopt_tui.config import SessionSettings
    from genopt_tui.session.history.notes import count_gate_uses, count_openings
    from genopt_tui.session.lock import runner_pid
    from genopt_tui.session.progress import load_progress

    pid = runner_pid(path)
    with open_journal(path) as journal, open_repository(path) as repository:
        progress, _ = load_progress(journal)
        evidence = journal.find_last("evidence_built")
        pending = None
        if progress.pending and not progress.ended:
            pending = {
                "kind": progress.pending["pending"],
                **{key: progress.pending[key] for key in ("step", "candidates", "since")},
            }
        edit = repository.read_hand_edit()
        edited = (
            [*sorted(edit.changed), *(["genopt.toml"] if edit.choices is not None else [])]
            if edit
            else []
        )
        return {
            "session": path.name,
            "path": str(path),
            "edited_by_hand": edited,
            "state": progress.state(pid is not None),
            "branch": repository.current_branch(),
            "head": repository.head(),
            "step": max(progress.step, repository.next_step() - 1),
            "phase": progress.phase,
            "mode": SessionSettings.load(path).mode,
            "budget": dict(progress.budget or {}),
            "pending": pending,
            "error": dict(progress.error) if progress.error else None,
            "rule": find_scoring_rule(path),
            "learning": evidence.data.get("learning", "") if evidence else "",
            "runner_pid": pid,
            "task": build_task_state(path, repository),
            "promises": count_promises(journal, repository),
            "gate_uses": count_gate_uses(repository),
            "test_openings": sum(count_openings(repository).values()),
        }


@click.command()
@click.argument("session", required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Include other branches and rejected or abandoned versions.",
)
@json_option
def log(session: str | None, everything: bool, as_json: bool) -> int:
    """List the versions, newest first."""
    from genopt_tui.session.history.notes import count_openings, read_notes
    from genopt_tui.session.history.versions import find_task_changes, map_branches

    path = find_session(session)
    with open_repository(path) as repository:
        versions = repository.read_log(all_branches=everything)
        names, head = map_branches(versions, repository.current_branch()), repository.head()
        notes, openings = read_notes(repository), count_openings(repository)
        rules = list_rules_by_task(repository, versions)
    changed = find_task_changes(versions)
    if as_json:
        rows = [
            {
                **build_log_row(v, names.get(v.commit)),
                "rule": rules.get(v.task, ""),
                "task_changed": v.commit in changed,
                "note": notes.get(v.commit, "").rstrip(),
                "test_openings": openings.get(v.commit, 0),
            }
            for v in versions
        ]
        print_json(rows)
        return Exit.DONE
    print_line(f"scores: {find_scoring_rule(path)}", err=True)
    for v in versions:
        change = (
            ""
            if v.score is None or v.base_score is None
            else f"{v.score - v.base_score:+.4g} {v.verdict}"
        )
        score = f"{format_number(v.score)} n{v.n}" if v.score is not None else ""
        where = [*v.branches, *(["head"] if v.commit == head else []), *v.tags]
        where += ["abandoned"] if v.kind == "abandoned" else []
        named = f" [{', '.join(where)}]" if where else ""
        print_text(
            f"{v.short} {v.name:>5} {v.decision:11} {score:14} {change:18} {v.subject}{named}"
        )
        for line in notes.get(v.commit, "").splitlines():
            print_text(f"        note: {line}")
        if v.commit in changed:
            print_text("------- the task changed here: scores above and below are not comparable")
    return Exit.DONE


def build_log_row(v: Any, branch: str | None) -> dict[str, Any]:
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


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version")
@json_option
def show(session: str, version: str, as_json: bool) -> int:
    """Show the record of a version.

    Evidence, prompt, reply, edit, scores and decision.
    """
    with open_repository(find_session(session)) as repository:
        commit = repository.resolve(version)
        record = repository.read_record(commit).model_dump(mode="json")
    if as_json:
        print_json({"version": commit, **record})
    else:
        print_record(commit, record)
    return Exit.DONE


def print_record(commit: str, record: dict[str, Any]) -> None:
    from genopt_tui.session.progress import list_unchecked

    decision, scores, proposal = record["decision"], record["scores"], record["proposal"]
    print_line(f"{commit}  step {record['step']}  {decision['decision']} by {decision['by']}")
    if decision["reason"]:
        print_line(f"reason: {decision['reason']}")
    if scores["mean"] is not None:
        means = f"{format_number(scores['base_mean'])} -> {format_number(scores['mean'])}"
        print_line(f"gate {means} n={scores['n']} {scores['verdict']}")
        print_line(f"scores: {scores['rule']}")
    for example, way, kept in proposal["promised"]:
        print_line(f"promised {example} {way}: {'kept' if kept else 'not kept'}")
    if scores["mean"] is not None:
        unchecked = list_unchecked(proposal["expects"], proposal["promised"])
        for example, way in proposal["expects"]:
            if example in unchecked:
                print_line(f"promised {example} {way}: not checked, it was not scored")
    for message in record["prompt"]:
        print_line(f"--- {message['role']}")
        print_text(message["content"])
    for attempt in record["attempts"]:
        label = "reply" if attempt["complete"] else "reply (broke off)"
        print_line(f"--- {label}: {attempt['refused'] or 'read'}")
        print_text(attempt["reply"])
    print_line("--- edit")
    print_text(proposal["diff"])


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("a")
@click.argument("b")
def diff(session: str, a: str, b: str) -> int:
    """Print a unified diff of two versions."""
    with open_repository(find_session(session)) as repository:
        text = repository.diff(repository.resolve(a), repository.resolve(b))
    write_bytes(text.encode())
    return Exit.DONE


COMMANDS = [status, log, show, diff]
