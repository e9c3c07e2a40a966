"""Commands about whole sessions: ls, rm, rename."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_table
from genopt_tui.cli.target import find_scoring_rule, find_session
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.places import SessionEntry

JSON_FIELDS = ("state", "branch", "step", "task", "best", "runner_pid", "problem")


@click.command()
@json_option
def ls(as_json: bool) -> int:
    """List the sessions, with state and best version."""
    from genopt_tui.session import places

    entries = places.list_sessions()
    rules = [find_scoring_rule(entry.path) if entry.best else "" for entry in entries]
    if as_json:
        rows = []
        for entry, rule in zip(entries, rules, strict=True):
            fields = asdict(entry)
            row = {"session": entry.name, "path": str(entry.path), "rule": rule}
            rows.append(row | {name: fields[name] for name in JSON_FIELDS})
        print_json(rows)
    elif entries:
        header = ("SESSION", "STATE", "STEP", "BEST", "N", "AT", "TASK", "SCORES")
        rows_of_text = [format_entry(e, rule) for e, rule in zip(entries, rules, strict=True)]
        print_table([header, *rows_of_text], right=(2, 3, 4, 5))
    else:
        print_line("no sessions yet: genopt new TASK, or genopt demo", err=True)
    return Exit.DONE


def format_entry(entry: "SessionEntry", rule: str) -> tuple[str, ...]:
    """One row of `genopt ls`; AT is the step of the best version."""
    if entry.problem:
        return (entry.name, "unreadable", "", "", "", "", "", entry.problem)
    best = entry.best or {}
    score = format_number(best.get("score"))
    at = "start" if best and best["step"] is None else str(best.get("step", "-"))
    row = (entry.name, entry.state, str(entry.step), score, str(best.get("n", "-")), at)
    return (*row, entry.task, rule)


@click.command()
@click.argument("session", required=False)
@click.option("--undo", is_flag=True, help="Restore it; without SESSION the last one removed.")
def rm(session: str | None, undo: bool) -> int:
    """Move a session to the bin of your genopt folder."""
    from genopt_tui.session import removal

    if undo:
        print_line(f"restored: {removal.restore_session(session or '')}")
        return Exit.DONE
    if not session:
        raise UsageError("no session was named", advice="genopt rm SESSION; `genopt ls` lists them")
    path = find_session(session)
    removed = removal.remove_session(path)
    print_line(f"{path.name} removed; restore it with: genopt rm --undo {path.name}")
    print_line(f"it lies in {removed}", err=True)
    return Exit.DONE


@click.command()
@click.argument("session")
@click.argument("name")
def rename(session: str, name: str) -> int:
    """Give a session another name."""
    from genopt_tui.session.removal import rename_session

    print_line(rename_session(find_session(session), name))
    return Exit.DONE


COMMANDS = [ls, rm, rename]
