"""Commands that search the history: note, blame, search, matrix, hunks, exclude."""

from pathlib import Path
from typing import Any

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_text
from genopt_tui.cli.requests import ask_runner, run_side_job
from genopt_tui.cli.target import (
    SessionCommand,
    find_scoring_rule,
    find_session,
    open_journal,
    open_repository,
)
from genopt_tui.config import format_exclusion
from genopt_tui.errors import Exit, UsageError, single_line
from genopt_tui.session.commands import Note, ScoreHunks, SetOptions, new_token


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version")
@click.argument("text", nargs=-1)
def note(session: str, version: str, text: tuple[str, ...]) -> int:
    """Write a note to a version.

    Without TEXT the note is removed.
    """
    if why := ask_runner(find_session(session), Note(version=version, text=" ".join(text))).why:
        print_line(why)
    return Exit.DONE


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("file")
@click.argument("version", default="head")
@json_option
def blame(session: str, file: str, version: str, as_json: bool) -> int:
    """Show which step wrote each line, and what its score did."""
    from genopt_tui.session.history import search

    path = find_session(session)
    with open_repository(path) as repository:
        lines = search.blame(repository, repository.resolve(version), file)
    if as_json:
        print_json(
            [
                {
                    "line": x.number,
                    "text": x.text,
                    "version": x.version.commit,
                    **describe_version(x.version),
                }
                for x in lines
            ]
        )
        return Exit.DONE
    print_line(f"scores: {find_scoring_rule(path)}", err=True)
    for x in lines:
        change = compute_score_gain(x.version)
        print_text(
            f"{x.version.name:>6} {format_number(x.version.score):>8} {format_number(change, '+.4g'):>8}  {x.number:4} {x.text}"
        )
    return Exit.DONE


def compute_score_gain(version: Any) -> float | None:
    """What the score of a version is more than its base's."""
    return (
        None if None in (version.score, version.base_score) else version.score - version.base_score
    )


def describe_version(version: Any) -> dict[str, Any]:
    return {
        "step": version.step,
        "decision": version.decision,
        "score": version.score,
        "base_score": version.base_score,
        "change": compute_score_gain(version),
        "subject": version.subject,
    }


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("text")
@json_option
def search(session: str, text: str, as_json: bool) -> int:
    """Search subjects, reasoning and edits of all versions.

    The exit code is 1 when TEXT is nowhere.
    """
    from genopt_tui.session.history.search import search_history as look

    with open_repository(find_session(session)) as repository:
        found = list(look(repository, text))
    if as_json:
        rows = [
            {
                "version": f.version.commit,
                "where": f.where,
                "line": f.line,
                **describe_version(f.version),
            }
            for f in found
        ]
        print_json(rows)
    else:
        for f in found:
            print_text(
                f"{f.version.short} {f.version.name:>6} {f.version.decision:11} {f.where:9} {f.line.strip()}"
            )
    return Exit.DONE if found else Exit.FAILED


@click.command()
@click.argument("session", required=False)
@json_option
def matrix(session: str | None, as_json: bool) -> int:
    """Print a table of gate examples by versions.

    It shows which version solved an example first, and which lost it again.
    """
    from genopt_tui.session.matrix import build_matrix as look
    from genopt_tui.session.travel import load_session_task

    path = find_session(session)
    with open_repository(path) as repository, open_journal(path) as journal:
        task = load_session_task(
            path, str(repository.read_choices(repository.head()).task["name"])
        ).task
        found = look(
            repository, journal, failure_score=task.failure_score, direction=task.direction
        )
    rule = find_scoring_rule(path)
    if as_json:
        print_json({**found.to_dict(), "rule": rule})
        return Exit.DONE
    if not found.versions:
        print_line("no version was scored yet", err=True)
        return Exit.FAILED
    print_text(f"scores: {rule}")
    print_text(f"{'':20}" + "".join(f"{v.name:>9}" for v in found.versions))
    for example in found.examples:
        cells = (found.scores[v.commit].get(example) for v in found.versions)
        print_text(
            f"{single_line(example)[:20]:20}"
            + "".join(f"{format_number(cell):>9}" for cell in cells)
        )
    names = {v.commit: v.name for v in found.versions}
    for loss in found.losses:
        print_line(
            f"lost: {loss.example} {loss.change:+.4g} from {names[loss.before]} to {names[loss.after]}"
        )
    if found.left_out:
        print_line(
            f"{found.left_out} versions were scored under another state of the task", err=True
        )
    return Exit.DONE


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version", default="head")
@json_option
def hunks(session: str, version: str, as_json: bool) -> int:
    """Score an edit with each of its hunks left out once.

    VERSION may be the step that waits for a decision.
    """
    path = find_session(session)
    found = run_side_job(path, resolve_edit(path, version))["hunks"]
    rule = find_scoring_rule(path)
    if as_json:
        print_json({**found, "rule": rule})
        return Exit.DONE
    print_line(f"scores: {rule}")
    print_line(
        f"base {format_number(found['base_mean'])}, with all hunks {format_number(found['mean'])}"
    )
    for h in found["hunks"]:
        span = " [{:+.4g}, {:+.4g}]".format(*h["interval"]) if h["interval"] else ""
        worth = f"worth {format_number(h['worth'], '+.4g')}{span} {h['verdict']}"
        print_line(
            f"  hunk {h['hunk']} {h['file']} +{h['added']} -{h['removed']}: without it {format_number(h['without'])}, {worth}"
        )
    return Exit.DONE


def resolve_edit(path: Path, version: str) -> ScoreHunks:
    """The command for the edit that a person names: a waiting proposal (`7`, `7b`), else a
    version."""
    from genopt_tui.session.history.versions import candidate_letter
    from genopt_tui.session.progress import load_progress

    with open_journal(path) as journal:
        p, _ = load_progress(journal)
    waiting = [] if p.ended else [c.number for c in p.candidates.values() if c.edit and not c.ended]
    for number in waiting:
        names = {
            f"{p.step}{candidate_letter(number)}",
            f"{p.step}.{number}",
            str(p.step) if number == waiting[0] else "",
        }
        if version in names:
            return ScoreHunks(token=new_token(), step=p.step, candidate=number)
    with open_repository(path) as repository:
        return ScoreHunks(token=new_token(), version=repository.resolve(version))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("example")
@click.argument("reason", nargs=-1)
@click.option("--back", is_flag=True, help="Take it in again.")
def exclude(session: str, example: str, reason: tuple[str, ...], back: bool) -> int:
    """Leave an example out of batches and gate.

    This begins with the next step; the reason is recorded.
    """
    text = " ".join(reason).strip()
    if bool(text) == back:
        raise UsageError(
            "why is it left out?", advice="genopt exclude SESSION EXAMPLE REASON, or --back"
        )
    command = SetOptions(pairs=(format_exclusion(example, text),))
    if why := ask_runner(find_session(session), command).why:
        print_line(why)
    return Exit.DONE


COMMANDS = [note, blame, search, matrix, hunks, exclude]
