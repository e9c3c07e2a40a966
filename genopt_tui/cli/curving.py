"""`genopt curve`: scores as measured and the best so far, of one session or of several at equal budgets."""

from collections.abc import Mapping, Sequence
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
from genopt_tui.cli.rules import rule_of
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.curve import Point

IN_WORDS = {"calls": "model calls", "agent_calls": "calls of the artifact's model", "rollouts": "rollouts"}


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@json_option
def curve(sessions: tuple[str, ...], as_json: bool) -> int:
    """Every score as measured and the best so far; of several sessions also at equal budgets."""
    paths = [find_session(name) for name in sessions] or [find_session(None)]
    if len({path.name for path in paths}) < len(paths):
        raise UsageError("a session is named twice", advice="genopt curve SESSION OTHER")
    curves = {path.name: curve_of(path) for path in paths}
    document: dict[str, Any] = {
        "sessions": [
            {"session": path.name, "rule": rule_of(path), "points": [p.document() for p in curves[path.name]]}
            for path in paths
        ],
        "equal": equal(curves) if len(paths) > 1 else [],
        "comparable": comparable(curves),
    }
    if as_json:
        print_json(document)
    else:
        tell(document)
    return Exit.DONE


def curve_of(path: Path) -> "list[Point]":
    """The curve of a session, rejected and abandoned versions included. Raises SessionError."""
    from genopt_tui.session.curve import points, spent_by_step
    from genopt_tui.session.travel import task_of

    with repository_of(path) as repository, journal_of(path) as journal:
        task = task_of(path, str(repository.choices(repository.head()).task["name"])).task
        return points(repository.log(all=True), spent_by_step(journal), task.direction)


def equal(curves: "Mapping[str, Sequence[Point]]") -> list[dict[str, Any]]:
    """Where each session stood at the greatest budget that all have reached, by each measure that was spent."""
    from genopt_tui.session.curve import MEASURES, equal_budget

    found = []
    for measure in MEASURES:
        most, stood = equal_budget(curves, measure)
        if most:
            rows = [{"session": name, **(p.document() if p else {})} for name, p in stood.items()]
            found.append({"measure": measure, "budget": most, "sessions": rows})
    return found


def comparable(curves: "Mapping[str, Sequence[Point]]") -> bool:
    """Whether all scores are of one task, under the same settings, on the same gate examples."""
    return len({p.group for curve in curves.values() for p in curve if p.raw is not None}) <= 1


def tell(document: Mapping[str, Any]) -> None:
    for told in document["sessions"]:
        say_text(f"{told['session']}: scores: {told['rule']}")
        say_text(f"{'step':>6} {'calls':>6} {'rollouts':>8} {'raw':>9} {'best so far':>11} {'n':>4}  decision")
        for p in told["points"]:
            figures = f"{figure(p['raw']):>9} {figure(p['best']):>11} {p['n']:>4}"
            say_text(f"{p['name']:>6} {p['calls']:>6} {p['rollouts']:>8} {figures}  {p['decision']}")
    for row in document["equal"]:
        say(f"at {row['budget']} {IN_WORDS[row['measure']]} each:")
        for p in row["sessions"]:
            stood = (
                f"raw {figure(p['raw'])}, best so far {figure(p['best'])}, step {p['step']}"
                if "raw" in p
                else "no score yet"
            )
            say_text(f"  {p['session']:20} {stood}")
    if not document["comparable"]:
        say("the task, its settings or the gate's examples differ between these scores: they do not compare", err=True)


COMMANDS = [curve]
