"""`genopt compare`: two versions, of one session or of two, on the same examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import figure, find_session, journal_of, json_option, print_json, repository_of, say
from genopt_tui.cli.rules import rule_of
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.session.compare import Scored
    from genopt_tui.task.model import Task

Place = tuple[Path, str]
"""A session and a commit in it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] A B")
@click.option("--examples", type=click.IntRange(min=1), help="How many gate examples.")
@json_option
def compare(words: tuple[str, ...], examples: int | None, as_json: bool) -> int:
    """Two versions on the same examples; what was not scored yet is run now. SESSION@VERSION names another session's."""
    if len(words) not in (2, 3):
        raise UsageError("two versions are compared", advice="genopt compare [SESSION] A B")
    document = compared(words[0] if len(words) == 3 else None, words[-2], words[-1], examples)
    if as_json:
        print_json(document)
        return Exit.DONE
    interval = document["interval"]
    span = f" [{interval[0]:+.4g}, {interval[1]:+.4g}]" if interval else ""
    say(f"{words[-2]} {figure(document['mean_a'])} -> {words[-1]} {figure(document['mean_b'])}")
    counts = f"{document['better']} up {document['worse']} down {document['same']} same"
    say(f"d {document['difference']:+.4g}{span} {document['verdict'].upper()}  {counts}  n={document['n']}")
    say(f"{document['test']} at {document['confidence']:g}; scores: {document['rule']}")
    say(f"spent by then: {words[-2]} {in_words(document['spent_a'])}; {words[-1]} {in_words(document['spent_b'])}")
    for pair in document["pairs"][:10]:
        say(f"  {pair['example']:20} {figure(pair['a'])} -> {figure(pair['b'])}  {pair['change']:+.4g}")
    return Exit.DONE


def compared(session: str | None, a: str, b: str, examples: int | None) -> dict[str, Any]:
    """The document of `genopt compare --json`: both under the task and gate of the head of A's session."""
    from genopt_tui.session.compare import compare

    places = [place_of(session, text) for text in (a, b)]
    path = places[0][0]
    if all(place[0] == path for place in places):
        filled(path, [commit for _, commit in places], examples)
    task, sides = sides_of(path, places, examples)
    with repository_of(path) as repository:
        confidence = repository.choices(repository.head()).gate.confidence
        costs = [repository_cost(place) for place in places]
    spent_a, spent_b = (spent(place) for place in places)
    found = compare(*sides, direction=task.direction, confidence=confidence)
    more = {"cost_a": costs[0], "cost_b": costs[1], "spent_a": spent_a, "spent_b": spent_b}
    return {**found.document(), **more, "task": task.name, "rule": rule_of(path)}


def spent(place: Place) -> dict[str, int] | None:
    """Calls and rollouts that its session had spent by the end of the version's step; None where its journal tells nothing of it."""
    from dataclasses import asdict

    from genopt_tui.session.curve import spent_by_step

    path, commit = place
    with repository_of(path) as repository, journal_of(path) as journal:
        found = spent_by_step(journal).get(repository.version(commit).step or 0)
    return asdict(found) if found else None


def in_words(figures: dict[str, int] | None) -> str:
    return f"{figures['calls']} model calls, {figures['rollouts']} rollouts" if figures else "unknown"


def repository_cost(place: Place) -> float | None:
    with repository_of(place[0]) as repository:
        return repository.version(place[1]).cost


def place_of(session: str | None, text: str) -> Place:
    """Where a version is: `VERSION` in the session, or `SESSION@VERSION`."""
    other, _, version = text.rpartition("@")
    path = find_session(other or session)
    with repository_of(path) as repository:
        return path, repository.resolve(version)


def filled(path: Path, commits: list[str], examples: int | None) -> None:
    """Let a live runner run what is missing: what it scores is kept, and no second pool is started."""
    from genopt_tui.cli.history import aside
    from genopt_tui.session.client import runner_pid

    if runner_pid(path) is not None:
        aside(path, "fill", versions=list(dict.fromkeys(commits)), examples=examples)


def sides_of(path: Path, places: Sequence[Place], examples: int | None) -> "tuple[Task, list[Scored]]":
    """The scores of versions on the gate of `path`'s head; what is missing is run here."""
    import asyncio

    from genopt_tui.cli.evaluating import session_job
    from genopt_tui.loop.evaluation import fill
    from genopt_tui.loop.scoring import Version, score_of
    from genopt_tui.session.compare import Scored, same_task

    more = [f"gate.examples={examples}"] if examples else []
    job, _ = session_job(path, "head", "", more, "gate", False)
    versions = []
    for session, commit in places:
        with repository_of(path) as here, repository_of(session) as repository:
            same_task(here, repository)
            versions.append(Version(repository.files(commit), repository.tree(commit)))
    found = []
    failure = job.task.task.failure_score
    for (_, commit), version, rows in zip(places, versions, asyncio.run(fill(job, versions)), strict=True):
        results = [row.result for row in rows]
        scores = {(r.example, r.repeat): (s, r.status) for r in results if (s := score_of(r, failure)) is not None}
        found.append(Scored(commit, version.tree, scores))
    return job.task.task, found


COMMANDS = [compare]
