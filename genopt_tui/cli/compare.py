"""`genopt compare`: two versions, of one session or of two, on the same examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import (
    find_scoring_rule,
    find_session,
    format_number,
    json_option,
    open_journal,
    open_repository,
    print_json,
    print_line,
)
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.compare import VersionScores
    from genopt_tui.task.model import Task

VersionLocation = tuple[Path, str]
"""A session and a commit in it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] A B")
@click.option("--examples", type=click.IntRange(min=1), help="How many gate examples.")
@json_option
def compare(words: tuple[str, ...], examples: int | None, as_json: bool) -> int:
    """Two versions on the same examples; what was not scored yet is run now. SESSION@VERSION names
    another session's."""
    if len(words) not in (2, 3):
        raise UsageError("two versions are compared", advice="genopt compare [SESSION] A B")
    document = build_comparison(
        words[0] if len(words) == 3 else None, words[-2], words[-1], examples
    )
    if as_json:
        print_json(document)
        return Exit.DONE
    interval = document["interval"]
    span = f" [{interval[0]:+.4g}, {interval[1]:+.4g}]" if interval else ""
    print_line(
        f"{words[-2]} {format_number(document['mean_a'])} -> {words[-1]} {format_number(document['mean_b'])}"
    )
    counts = f"{document['better']} up {document['worse']} down {document['same']} same"
    print_line(
        f"d {document['difference']:+.4g}{span} {document['verdict'].upper()}  {counts}  n={document['n']}"
    )
    print_line(f"{document['test']} at {document['confidence']:g}; scores: {document['rule']}")
    print_line(
        f"spent by then: {words[-2]} {format_spent(document['spent_a'])}; {words[-1]} {format_spent(document['spent_b'])}"
    )
    for pair in document["pairs"][:10]:
        print_line(
            f"  {pair['example']:20} {format_number(pair['a'])} -> {format_number(pair['b'])}  {pair['change']:+.4g}"
        )
    return Exit.DONE


def build_comparison(session: str | None, a: str, b: str, examples: int | None) -> dict[str, Any]:
    """The document of `genopt compare --json`: both under the task and gate of the head of A's
    session."""
    from genopt_tui.session.compare import compare_scores

    places = [locate_version(session, text) for text in (a, b)]
    path = places[0][0]
    if all(place[0] == path for place in places):
        fill_missing_scores(path, [commit for _, commit in places], examples)
    task, sides = score_versions(path, places, examples)
    with open_repository(path) as repository:
        confidence = repository.read_choices(repository.head()).gate.confidence
        costs = [read_cost(place) for place in places]
    spent_a, spent_b = (read_spent(place) for place in places)
    found = compare_scores(*sides, direction=task.direction, confidence=confidence)
    more = {"cost_a": costs[0], "cost_b": costs[1], "spent_a": spent_a, "spent_b": spent_b}
    return {**found.to_dict(), **more, "task": task.name, "rule": find_scoring_rule(path)}


def read_spent(location: VersionLocation) -> dict[str, int] | None:
    """Calls and rollouts that its session had spent by the end of the version's step; None where
    its journal tells nothing of it."""
    from dataclasses import asdict

    from genopt_tui.session.curve import load_spending

    path, commit = location
    with open_repository(path) as repository, open_journal(path) as journal:
        found = load_spending(journal).get(repository.read_version(commit).step or 0)
    return asdict(found) if found else None


def format_spent(figures: dict[str, int] | None) -> str:
    return (
        f"{figures['calls']} model calls, {figures['rollouts']} rollouts" if figures else "unknown"
    )


def read_cost(location: VersionLocation) -> float | None:
    with open_repository(location[0]) as repository:
        return repository.read_version(location[1]).cost


def locate_version(session: str | None, text: str) -> VersionLocation:
    """Where a version is: `VERSION` in the session, or `SESSION@VERSION`."""
    other, _, version = text.rpartition("@")
    path = find_session(other or session)
    with open_repository(path) as repository:
        return path, repository.resolve(version)


def fill_missing_scores(path: Path, commits: list[str], examples: int | None) -> None:
    """Let a live runner run what is missing: what it scores is kept, and no second pool is
    started."""
    from genopt_tui.cli.history import run_side_job
    from genopt_tui.session.client import runner_pid

    if runner_pid(path) is not None:
        run_side_job(path, "fill", versions=list(dict.fromkeys(commits)), examples=examples)


def score_versions(
    path: Path, locations: Sequence[VersionLocation], examples: int | None
) -> "tuple[Task, list[VersionScores]]":
    """The scores of versions on the gate of `path`'s head; what is missing is run here."""
    import asyncio

    from genopt_tui.cli.evaluate import build_session_job
    from genopt_tui.runner.evaluation import run_missing
    from genopt_tui.runner.scoring import ArtifactFiles, resolve_score
    from genopt_tui.session.compare import VersionScores, check_same_task

    more = [f"gate.examples={examples}"] if examples else []
    job, _ = build_session_job(path, "head", "", more, "gate", False)
    versions = []
    for session, commit in locations:
        with open_repository(path) as here, open_repository(session) as repository:
            check_same_task(here, repository)
            versions.append(
                ArtifactFiles(repository.read_artifact(commit), repository.artifact_tree(commit))
            )
    found = []
    failure = job.task.task.failure_score
    for (_, commit), version, rows in zip(
        locations, versions, asyncio.run(run_missing(job, versions)), strict=True
    ):
        results = [row.result for row in rows]
        scores = {
            (r.example, r.repeat): (s, r.status)
            for r in results
            if (s := resolve_score(r, failure)) is not None
        }
        found.append(VersionScores(commit, version.tree, scores))
    return job.task.task, found


COMMANDS = [compare]
