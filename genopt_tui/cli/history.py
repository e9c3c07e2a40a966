"""Commands that search the history: note, blame, search, matrix, hunks, exclude."""

from pathlib import Path
from typing import Any

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_text
from genopt_tui.cli.requests import run_side_job, send_and_print
from genopt_tui.cli.target import (
    SessionCommand,
    find_scoring_rule,
    find_session,
    open_journal,
    open_repository,
)
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
    return send_and_print(session, Note(version=version, text=" ".join(text)))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("file")
@click.argument("version", default="head")
@json_option
def blame(session: str, file: str, version: str, as_json: bool) -> int:
    """Show which step wrote each line, and how it changed the score."""
    from genopt_tui.session.history import search

    path = find_session(session)
    with open_repository(path) as repository:
        lines = search.blame(repository, repository.resolve(version), file)
    if as_json:
        rows = [
            {
                "line": line.number,
                "text": line.text,
                "version": line.version.commit,
                **describe_version(line.version),
            }
            for line in lines
        ]
        print_json(rows)
        return Exit.DONE
    print_line(f"scores: {find_scoring_rule(path)}", err=True)
    for line in lines:
        author = line.version
        change = format_number(compute_score_gain(author), "+.4g")
        score = f"{format_number(author.score):>8} {change:>8}"
        print_text(f"{author.name:>6} {score}  {line.number:4} {line.text}")
    return Exit.DONE


def compute_score_gain(version: Any) -> float | None:
    """The version's score minus the score of its base; None if either is missing."""
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

    The exit code is 1 if nothing matches.
    """
    from genopt_tui.session.history.search import search_history

    with open_repository(find_session(session)) as repository:
        matches = list(search_history(repository, text))
    if as_json:
        rows = [
            {
                "version": match.version.commit,
                "where": match.where,
                "line": match.line,
                **describe_version(match.version),
            }
            for match in matches
        ]
        print_json(rows)
    else:
        for match in matches:
            version = match.version
            label = f"{version.short} {version.name:>6} {version.decision:11}"
            print_text(f"{label} {match.where:9} {match.line.strip()}")
    return Exit.DONE if matches else Exit.FAILED


@click.command()
@click.argument("session", required=False)
@json_option
def matrix(session: str | None, as_json: bool) -> int:
    """Print the scores of all versions on each gate example.

    It shows which version first solved an example, and which lost it again.
    """
    from genopt_tui.session.matrix import build_matrix
    from genopt_tui.session.travel import load_session_task

    path = find_session(session)
    with open_repository(path) as repository, open_journal(path) as journal:
        task = load_session_task(
            path, str(repository.read_choices(repository.head()).task["name"])
        ).task
        scores = build_matrix(
            repository, journal, failure_score=task.failure_score, direction=task.direction
        )
    rule = find_scoring_rule(path)
    if as_json:
        print_json({**scores.to_dict(), "rule": rule})
        return Exit.DONE
    if not scores.versions:
        print_line("no version has a score yet", err=True)
        return Exit.FAILED
    print_text(f"scores: {rule}")
    print_text(f"{'':20}" + "".join(f"{v.name:>9}" for v in scores.versions))
    for example in scores.examples:
        cells = (scores.scores[v.commit].get(example) for v in scores.versions)
        print_text(
            f"{single_line(example)[:20]:20}"
            + "".join(f"{format_number(cell):>9}" for cell in cells)
        )
    names = {v.commit: v.name for v in scores.versions}
    for loss in scores.losses:
        versions = f"from {names[loss.before]} to {names[loss.after]}"
        print_line(f"lost: {loss.example} {loss.change:+.4g} {versions}")
    if scores.left_out:
        print_line(
            f"{scores.left_out} versions were scored under another state of the task", err=True
        )
    return Exit.DONE


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("version", default="head")
@json_option
def hunks(session: str, version: str, as_json: bool) -> int:
    """Score an edit without each of its hunks in turn.

    VERSION may be a step that is waiting for a decision.
    """
    path = find_session(session)
    result = run_side_job(path, resolve_edit(path, version))["hunks"]
    rule = find_scoring_rule(path)
    if as_json:
        print_json({**result, "rule": rule})
        return Exit.DONE
    print_line(f"scores: {rule}")
    base, mean = format_number(result["base_mean"]), format_number(result["mean"])
    print_line(f"base {base}, with all hunks {mean}")
    for h in result["hunks"]:
        span = " [{:+.4g}, {:+.4g}]".format(*h["interval"]) if h["interval"] else ""
        worth = f"worth {format_number(h['worth'], '+.4g')}{span} {h['verdict']}"
        label = f"hunk {h['hunk']} {h['file']} +{h['added']} -{h['removed']}"
        print_line(f"  {label}: without it {format_number(h['without'])}, {worth}")
    return Exit.DONE


def resolve_edit(path: Path, version: str) -> ScoreHunks:
    """The command that scores the hunks of `version`: a waiting proposal (`7`, `7b`) or a
    version."""
    from genopt_tui.session.history.versions import candidate_letter
    from genopt_tui.session.progress import load_progress

    with open_journal(path) as journal:
        progress, _ = load_progress(journal)
    candidates = () if progress.ended else progress.candidates.values()
    waiting = [c.number for c in candidates if c.edit and not c.ended]
    for number in waiting:
        names = {
            f"{progress.step}{candidate_letter(number)}",
            f"{progress.step}.{number}",
            str(progress.step) if number == waiting[0] else "",
        }
        if version in names:
            return ScoreHunks(token=new_token(), step=progress.step, candidate=number)
    with open_repository(path) as repository:
        return ScoreHunks(token=new_token(), version=repository.resolve(version))


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("example")
@click.argument("reason", nargs=-1)
@click.option("--back", is_flag=True, help="Use it again.")
def exclude(session: str, example: str, reason: tuple[str, ...], back: bool) -> int:
    """Leave an example out of batches and gate.

    This takes effect with the next step; the reason is recorded.
    """
    from genopt_tui.config import format_exclusion

    text = " ".join(reason).strip()
    if bool(text) == back:
        raise UsageError(
            "a reason is missing", advice="genopt exclude SESSION EXAMPLE REASON, or --back"
        )
    return send_and_print(session, SetOptions(pairs=(format_exclusion(example, text),)))


COMMANDS = [note, blame, search, matrix, hunks, exclude]
