"""Commands about sessions as a whole: ls."""

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line
from genopt_tui.cli.target import find_scoring_rule
from genopt_tui.errors import Exit


@click.command()
@json_option
def ls(as_json: bool) -> int:
    """Sessions, with state and best."""
    from genopt_tui.session import places

    found = places.list_sessions()
    if as_json:
        print_json(
            [
                {
                    "session": s.name,
                    "path": str(s.path),
                    "state": s.state,
                    "branch": s.branch,
                    "step": s.step,
                    "task": s.task,
                    "best": s.best,
                    "rule": find_scoring_rule(s.path) if s.best else "",
                    "runner_pid": s.runner_pid,
                    "problem": s.problem,
                }
                for s in found
            ]
        )
        return Exit.DONE
    for s in found:
        best = (
            f"best {format_number(s.best['score'])} n={s.best['n']} (step {s.best['step']}), {find_scoring_rule(s.path)}"
            if s.best
            else ""
        )
        print_line(f"{s.name:32} {s.state:9} step {s.step:<4} {s.task:24} {best}{s.problem}")
    if not found:
        print_line("no sessions yet: genopt new TASK, or genopt demo", err=True)
    return Exit.DONE


COMMANDS = [ls]
