"""`genopt eval`: scores of one version."""

from pathlib import Path
from typing import Any

import click

from genopt_tui.cli.jobs import build_job
from genopt_tui.cli.output import format_number, json_option, print_json, print_line
from genopt_tui.cli.requests import write_opening
from genopt_tui.cli.target import open_repository, set_option
from genopt_tui.errors import Exit, UsageError


@click.command("eval")
@click.argument("target", metavar="TASK|SESSION")
@click.argument("version", required=False)
@click.option(
    "--artifact", type=click.Path(exists=True, path_type=Path), help="Your own file or folder."
)
@click.option(
    "--split",
    type=click.Choice(["train", "gate", "test"]),
    default="gate",
    show_default=True,
    help="Which examples.",
)
@click.option("--examples", type=click.IntRange(min=1), help="How many examples.")
@click.option("--seed", type=int, help="Seed of the rollouts.")
@click.option("--repeats", type=click.IntRange(min=1), help="Rollouts of each example.")
@click.option("--workers", type=click.IntRange(min=1), help="Rollouts at once.")
@click.option("--fresh", is_flag=True, help="Run everything again, also cached rollouts.")
@click.option(
    "--null",
    is_flag=True,
    help="Also score the version against itself: how often would the gate accept it?",
)
@click.option("--preset", default="", help="A preset of the task.")
@set_option
@json_option
def eval_(
    target: str,
    version: str | None,
    artifact: Path | None,
    split: str,
    examples: int | None,
    seed: int | None,
    repeats: int | None,
    workers: int | None,
    fresh: bool,
    null: bool,
    preset: str,
    pairs: tuple[str, ...],
    as_json: bool,
) -> int:
    """Score a version, a start of a task, or your own files."""
    import asyncio

    from genopt_tui.runner.evaluation import evaluate

    if version and artifact:
        raise UsageError("a version and --artifact do not go together", advice="Give one of them")
    options = {"gate.examples": examples, "gate.repeats": repeats, "seed": seed, "workers": workers}
    pairs += tuple(f"{key}={value}" for key, value in options.items() if value is not None)
    job, files = build_job(target, version, artifact, preset, list(pairs), split, fresh)
    document = asyncio.run(evaluate(job, files, null=null))
    if job.session and split == "test" and not artifact:
        record_test_opening(job.session, version or "head")
    if as_json:
        print_json(document)
    else:
        print_scores(document)
    return Exit.DONE if document["complete"] and document["n"] else Exit.FAILED


def record_test_opening(path: Path, version: str) -> None:
    """Record that someone looked at the sealed test split."""
    with open_repository(path) as repository:
        commit = repository.resolve(version)
    write_opening(path, commit, "eval")


def print_scores(document: dict[str, Any]) -> None:
    for s in document["scores"]:
        outcome = (
            format_number(s["score"])
            if s["status"] == "ok"
            else f"{format_number(s['score'])} ({s['status']})"
        )
        print_line(f"{s['example']:20} {outcome:18} {s['seconds']:.2f} s  {s['feedback'][:100]}")
    spread = f" se={document['stderr']:.3g}" if document["stderr"] is not None else ""
    mean = f"mean {format_number(document['mean'])} n={document['n']}{spread}"
    print_line(f"{mean} failed={document['failed']} {document['rule']}")
    if null := document.get("null"):
        rate = f"{null['accept_rate']:.1%} of {null['trials']}"
        print_line(f"null control: {null['verdict']}, the gate would accept it in {rate}")


COMMANDS = [eval_]
