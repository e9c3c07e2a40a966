"""Commands that score: eval and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import (
    find_session,
    format_number,
    is_session,
    json_option,
    open_repository,
    print_json,
    print_line,
    require_consent,
)
from genopt_tui.cli.sessions import set_option
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles


@click.command("eval")
@click.argument("target", metavar="TASK|SESSION")
@click.argument("version", required=False)
@click.option(
    "--artifact", type=click.Path(exists=True, path_type=Path), help="A file or folder of your own."
)
@click.option(
    "--split", type=click.Choice(["train", "gate", "test"]), default="gate", show_default=True
)
@click.option("--examples", type=click.IntRange(min=1), help="How many examples.")
@click.option("--seed", type=int, help="Seed of the rollouts.")
@click.option("--repeats", type=click.IntRange(min=1), help="Rollouts of each example.")
@click.option("--workers", type=click.IntRange(min=1), help="Rollouts at once.")
@click.option("--fresh", is_flag=True, help="Run all, also what was run before.")
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
    """Score a version of a session, a start of a task, or files of your own."""
    import asyncio

    from genopt_tui.runner.evaluation import evaluate

    if version and artifact:
        raise UsageError("a version and --artifact at once", advice="Give one of them")
    options = {"gate.examples": examples, "gate.repeats": repeats, "seed": seed, "workers": workers}
    wished = [*pairs, *(f"{key}={value}" for key, value in options.items() if value is not None)]
    job, found = build_job(target, version, artifact, preset, wished, split, fresh)
    document = asyncio.run(evaluate(job, found, null=null))
    if job.session and split == "test" and not artifact:
        record_test_opening(job.session, version or "head")
    if as_json:
        print_json(document)
    else:
        print_scores(document)
    return Exit.DONE if document["complete"] and document["n"] else Exit.FAILED


def record_test_opening(path: Path, version: str) -> None:
    """Count that the sealed test split was opened on purpose."""
    from genopt_tui.cli.export import write_opening

    with open_repository(path) as repository:
        commit = repository.resolve(version)
    write_opening(path, commit, "eval")


def build_job(
    target: str,
    version: str | None,
    artifact: Path | None,
    preset: str,
    pairs: list[str],
    split: Any,
    fresh: bool,
) -> "tuple[EvaluationJob, ArtifactFiles]":
    """What is to be scored, and how. A session's name goes before a task's."""
    from genopt_tui.cli.own_files import read_own_artifact
    from genopt_tui.cli.sessions import build_initial_settings, choose_start
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles
    from genopt_tui.session.git.objects import compute_tree_id
    from genopt_tui.session.task_state import apply_choices
    from genopt_tui.task import loader

    if is_session(target):
        job, found = build_session_job(
            find_session(target), version or "head", preset, pairs, split, fresh
        )
    else:
        folder = loader.find_task(target)
        start = choose_start(folder, version or "", preset, pairs)
        choices, settings = build_initial_settings(folder, target, start, preset, pairs)
        job = EvaluationJob(apply_choices(folder, choices), choices, settings, None, split, fresh)
        own = folder.read_start(start)
        found = ArtifactFiles(own, compute_tree_id(own))
    files = read_own_artifact(artifact, job.task, job.choices.start) if artifact else None
    return job, ArtifactFiles(files, compute_tree_id(files)) if files else found


def build_session_job(
    path: Path, version: str, preset: str, pairs: list[str], split: Any, fresh: bool
) -> "tuple[EvaluationJob, ArtifactFiles]":
    from genopt_tui.config import SessionSettings, assign
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles
    from genopt_tui.session.task_state import apply_choices
    from genopt_tui.session.travel import load_session_task, require_trust

    require_consent(path)
    settings = SessionSettings.load(path)
    with open_repository(path) as repository:
        commit = repository.resolve(version)
        choices = repository.read_choices(repository.head())
        found = ArtifactFiles(repository.read_artifact(commit), repository.artifact_tree(commit))
    require_trust(path)
    folder = load_session_task(path, str(choices.task["name"]))
    chosen = list_preset_pairs(folder.task.presets, preset)
    assign(choices, settings, [*chosen, *pairs], folder.task.settings)
    return EvaluationJob(
        apply_choices(folder, choices), choices, settings, path, split, fresh
    ), found


def list_preset_pairs(presets: Any, name: str) -> list[str]:
    from genopt_tui.task.presets import format_value

    if name and name not in presets:
        raise UsageError(f"no preset '{name}'", advice=f"There are: {', '.join(presets) or 'none'}")
    return (
        [f"{key}={format_value(value)}" for key, value in presets[name].set.items()] if name else []
    )


def print_scores(document: dict[str, Any]) -> None:
    for s in document["scores"]:
        outcome = (
            format_number(s["score"])
            if s["status"] == "ok"
            else f"{format_number(s['score'])} ({s['status']})"
        )
        print_line(f"{s['example']:20} {outcome:18} {s['seconds']:.2f} s  {s['feedback'][:100]}")
    spread = f" se={document['stderr']:.3g}" if document["stderr"] is not None else ""
    print_line(
        f"mean {format_number(document['mean'])} n={document['n']}{spread} failed={document['failed']} {document['rule']}"
    )
    if null := document.get("null"):
        print_line(
            f"null control: {null['verdict']}, the gate would accept it in {null['accept_rate']:.1%} of {null['trials']}"
        )


COMMANDS = [eval_]
