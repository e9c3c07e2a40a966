"""Commands that compare scores of versions: compare, rescore, whatif."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.follow import make_event_printer
from genopt_tui.cli.jobs import build_session_job
from genopt_tui.cli.output import format_number, json_option, print_json, print_line
from genopt_tui.cli.requests import POLL_SECONDS, RunnerWatch, ask_runner, run_side_job
from genopt_tui.cli.target import (
    SessionCommand,
    find_scoring_rule,
    find_session,
    open_journal,
    open_repository,
    set_option,
)
from genopt_tui.errors import Exit, SessionError, UsageError
from genopt_tui.session.commands import FillScores, WhatIf, new_token

if TYPE_CHECKING:
    from genopt_tui.session.compare import VersionScores
    from genopt_tui.session.journal import Journal
    from genopt_tui.task.model import Task


VersionLocation = tuple[Path, str]
"""A session and a commit in it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] A B")
@click.option("--examples", type=click.IntRange(min=1), help="How many gate examples.")
@json_option
def compare(words: tuple[str, ...], examples: int | None, as_json: bool) -> int:
    """Compare two versions on the same examples.

    Missing scores are measured first. SESSION@VERSION names a version of another session.
    """
    if len(words) not in (2, 3):
        raise UsageError("compare takes two versions", advice="genopt compare [SESSION] A B")
    a, b = words[-2:]
    document = build_comparison(words[0] if len(words) == 3 else None, a, b, examples)
    if as_json:
        print_json(document)
    else:
        print_comparison(document, a, b)
    return Exit.DONE


def print_comparison(document: dict[str, Any], a: str, b: str) -> None:
    """Print a comparison of the versions that the user called `a` and `b`."""
    mean_a, mean_b = format_number(document["mean_a"]), format_number(document["mean_b"])
    interval = document["interval"]
    span = f" [{interval[0]:+.4g}, {interval[1]:+.4g}]" if interval else ""
    verdict = f"d {document['difference']:+.4g}{span} {document['verdict'].upper()}"
    counts = f"{document['better']} up {document['worse']} down {document['same']} same"
    spent_a, spent_b = format_spent(document["spent_a"]), format_spent(document["spent_b"])
    print_line(f"{a} {mean_a} -> {b} {mean_b}")
    print_line(f"{verdict}  {counts}  n={document['n']}")
    print_line(f"{document['test']} at {document['confidence']:g}; scores: {document['rule']}")
    print_line(f"spent by then: {a} {spent_a}; {b} {spent_b}")
    for pair in document["pairs"][:10]:
        scores = f"{format_number(pair['a'])} -> {format_number(pair['b'])}"
        print_line(f"  {pair['example']:20} {scores}  {pair['change']:+.4g}")


def build_comparison(session: str | None, a: str, b: str, examples: int | None) -> dict[str, Any]:
    """The document of `genopt compare --json`.

    Both versions are scored under the task and gate of the head of A's session.
    """
    from genopt_tui.session.compare import compare_scores

    locations = [locate_version(session, text) for text in (a, b)]
    path = locations[0][0]
    if all(location[0] == path for location in locations):
        fill_missing_scores(path, [commit for _, commit in locations], examples)
    task, scores = score_versions(path, locations, examples)
    with open_repository(path) as repository:
        confidence = repository.read_choices(repository.head()).gate.confidence
        costs = [read_cost(location) for location in locations]
    spent_a, spent_b = (read_spent(location) for location in locations)
    comparison = compare_scores(
        *scores,
        direction=task.direction,
        confidence=confidence,
        deterministic=task.deterministic,
    )
    more = {"cost_a": costs[0], "cost_b": costs[1], "spent_a": spent_a, "spent_b": spent_b}
    return {**comparison.to_dict(), **more, "task": task.name, "rule": find_scoring_rule(path)}


def read_spent(location: VersionLocation) -> dict[str, int] | None:
    """Calls and rollouts that the session had spent by the end of the version's step.

    None if its journal does not know.
    """
    from dataclasses import asdict

    from genopt_tui.session.curve import load_spending

    path, commit = location
    with open_repository(path) as repository, open_journal(path) as journal:
        spending = load_spending(journal).get(repository.read_version(commit).step or 0)
    return asdict(spending) if spending else None


def format_spent(figures: dict[str, int] | None) -> str:
    return (
        f"{figures['calls']} model calls, {figures['rollouts']} rollouts" if figures else "unknown"
    )


def read_cost(location: VersionLocation) -> float | None:
    with open_repository(location[0]) as repository:
        return repository.read_version(location[1]).cost


def locate_version(session: str | None, text: str) -> VersionLocation:
    """Resolve `VERSION` of the session, or `SESSION@VERSION`."""
    other, _, version = text.rpartition("@")
    path = find_session(other or session)
    with open_repository(path) as repository:
        return path, repository.resolve(version)


def fill_missing_scores(path: Path, commits: list[str], examples: int | None) -> None:
    """Let a live runner score what is missing: it keeps the results and has a pool already."""
    from genopt_tui.session.lock import runner_pid

    if runner_pid(path) is not None:
        versions = tuple(dict.fromkeys(commits))
        run_side_job(path, FillScores(token=new_token(), versions=versions, examples=examples))


def score_versions(
    path: Path, locations: Sequence[VersionLocation], examples: int | None
) -> "tuple[Task, list[VersionScores]]":
    """Scores of versions on the gate of the head of `path`; runs what is missing here."""
    import asyncio

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
    scored = []
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
        scored.append(VersionScores(commit, version.tree, scores))
    return job.task.task, scored


@click.command()
@click.argument("session", required=False)
@json_option
def rescore(session: str | None, as_json: bool) -> int:
    """Score start, best and head under the task as it is now."""

    path = find_session(session)
    with open_repository(path) as repository:
        named = {name: repository.resolve(name) for name in ("start", "best", "head")}
    versions = tuple(dict.fromkeys(named.values()))
    run_side_job(path, FillScores(token=new_token(), versions=versions))
    task, sides = score_versions(path, [(path, commit) for commit in named.values()], None)
    rows: list[dict[str, Any]] = []
    for (name, commit), side in zip(named.items(), sides, strict=True):
        scores = [score for score, _ in side.scores.values()]
        rows.append(
            {"name": name, "version": commit, "mean": sum(scores) / len(scores), "n": len(scores)}
        )
    document = {"task": task.name, "versions": rows, "rule": find_scoring_rule(path)}
    if as_json:
        print_json(document)
    else:
        print_line(f"scores: {document['rule']}")
        for row in rows:
            score = f"{format_number(row['mean'])} n={row['n']}"
            print_line(f"{row['name']:6} {str(row['version'])[:7]} {score}")
    return Exit.DONE


@click.command(cls=SessionCommand)
@click.argument("session")
@click.argument("step", type=int)
@set_option
def whatif(session: str, step: int, pairs: tuple[str, ...]) -> int:
    """Repeat a step with other choices.

    Both edits are scored on the same gate examples.
    """
    path = find_session(session)
    new_step = ask_runner(path, WhatIf(step=step, pairs=pairs)).step
    assert new_step is not None
    with open_journal(path) as journal:
        return follow_step(path, journal, new_step)


def follow_step(path: Path, journal: "Journal", number: int) -> int:
    """Show a step until it ends or waits for a decision, then its gate results."""
    from genopt_tui.session.client import EventFollower

    begun = journal.find_last("batch_sampled", step=number)
    follower, show, watch = (
        EventFollower(journal, begun.id if begun else 0),
        make_event_printer(False),
        RunnerWatch(path, journal),
    )
    while True:
        for event in follower.poll():
            if event.step == number:
                show(event)
            if event.kind in {"step_ended", "decision_wanted"} and event.step == number:
                return print_gate_results(journal, number)
            if event.kind == "paused" and event.data.get("code"):
                raise SessionError(str(event.data["why"]))
        watch.check()
        time.sleep(POLL_SECONDS)


def print_gate_results(journal: "Journal", number: int) -> int:
    for event in journal.read_events(step=number, kinds=["gate_finished"]):
        d = event.data
        name = "unchanged" if d["candidate"] == 0 else "changed"
        means = f"{format_number(d['base_mean'])} -> {format_number(d['mean'])}"
        print_line(f"{name}: {means} {d['verdict'].upper()} n={d['n']}")
    return Exit.DONE


COMMANDS = [compare, rescore, whatif]
