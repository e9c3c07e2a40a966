"""`genopt curve`: scores over the steps, of one session or of several at equal budgets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_text
from genopt_tui.cli.target import find_scoring_rule, find_session, open_journal, open_repository
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.curve import CurvePoint

MEASURE_LABELS = {
    "calls": "model calls",
    "agent_calls": "calls of the artifact's model",
    "rollouts": "rollouts",
}


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@json_option
def curve(sessions: tuple[str, ...], as_json: bool) -> int:
    """Print the scores over the steps.

    Each score as measured and the best so far; several sessions also at equal budgets.
    """
    paths = [find_session(name) for name in sessions] or [find_session(None)]
    if len({path.name for path in paths}) < len(paths):
        raise UsageError("a session was given twice", advice="genopt curve SESSION OTHER")
    curves = {path.name: read_curve(path) for path in paths}
    document: dict[str, Any] = {
        "sessions": [
            {
                "session": path.name,
                "rule": find_scoring_rule(path),
                "points": [p.to_dict() for p in curves[path.name]],
            }
            for path in paths
        ],
        "equal": build_equal_budget_rows(curves) if len(paths) > 1 else [],
        "comparable": is_comparable(curves),
    }
    if as_json:
        print_json(document)
    else:
        print_curves(document)
    return Exit.DONE


def read_curve(path: Path) -> "list[CurvePoint]":
    """The curve of a session, rejected and abandoned versions included. Raises SessionError."""
    from genopt_tui.session.curve import build_curve, load_spending
    from genopt_tui.session.travel import load_session_task

    with open_repository(path) as repository, open_journal(path) as journal:
        task = load_session_task(
            path, str(repository.read_choices(repository.head()).task["name"])
        ).task
        return build_curve(
            repository.read_log(all_branches=True), load_spending(journal), task.direction
        )


def build_equal_budget_rows(curves: "Mapping[str, Sequence[CurvePoint]]") -> list[dict[str, Any]]:
    """Each session's score at the largest budget that all have reached, by measure of spending."""
    from genopt_tui.session.curve import MEASURES, compare_at_equal_budget

    rows = []
    for measure in MEASURES:
        budget, points = compare_at_equal_budget(curves, measure)
        if budget:
            sessions = [
                {"session": name, **(p.to_dict() if p else {})} for name, p in points.items()
            ]
            rows.append({"measure": measure, "budget": budget, "sessions": sessions})
    return rows


def is_comparable(curves: "Mapping[str, Sequence[CurvePoint]]") -> bool:
    """Whether all scores come from one task with the same settings and gate examples."""
    return len({p.group for curve in curves.values() for p in curve if p.raw is not None}) <= 1


def print_curves(document: Mapping[str, Any]) -> None:
    header = f"{'step':>6} {'calls':>6} {'rollouts':>8} {'raw':>9} {'best so far':>11} {'n':>4}"
    for session in document["sessions"]:
        print_text(f"{session['session']}: scores: {session['rule']}")
        print_text(f"{header}  decision")
        for p in session["points"]:
            figures = f"{format_number(p['raw']):>9} {format_number(p['best']):>11} {p['n']:>4}"
            print_text(
                f"{p['name']:>6} {p['calls']:>6} {p['rollouts']:>8} {figures}  {p['decision']}"
            )
    for row in document["equal"]:
        print_line(f"at {row['budget']} {MEASURE_LABELS[row['measure']]} each:")
        for p in row["sessions"]:
            if "raw" in p:
                raw, best = format_number(p["raw"]), format_number(p["best"])
                score = f"raw {raw}, best so far {best}, step {p['step']}"
            else:
                score = "no score yet"
            print_text(f"  {p['session']:20} {score}")
    if not document["comparable"]:
        print_line(
            "these scores are not comparable: "
            "the task, its settings or the gate examples differ between them",
            err=True,
        )


COMMANDS = [curve]
