"""Commands that score: eval and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import consent, figure, find_session, is_session, json_option, print_json, repository_of, say
from genopt_tui.cli.making import set_option
from genopt_tui.errors import Exit, UsageError

if TYPE_CHECKING:
    from genopt_tui.loop.evaluation import Job
    from genopt_tui.loop.scoring import Version


@click.command("eval")
@click.argument("target", metavar="TASK|SESSION")
@click.argument("version", required=False)
@click.option("--artifact", type=click.Path(exists=True, path_type=Path), help="A file or folder of your own.")
@click.option("--split", type=click.Choice(["train", "gate", "test"]), default="gate", show_default=True)
@click.option("--examples", type=click.IntRange(min=1), help="How many examples.")
@click.option("--seed", type=int, help="Seed of the rollouts.")
@click.option("--repeats", type=click.IntRange(min=1), help="Rollouts of each example.")
@click.option("--workers", type=click.IntRange(min=1), help="Rollouts at once.")
@click.option("--fresh", is_flag=True, help="Run all, also what was run before.")
@click.option("--null", is_flag=True, help="Also score the version against itself: how often would the gate accept it?")
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

    from genopt_tui.loop.evaluation import evaluate

    if version and artifact:
        raise UsageError("a version and --artifact at once", advice="Give one of them")
    options = {"gate.examples": examples, "gate.repeats": repeats, "seed": seed, "workers": workers}
    wished = [*pairs, *(f"{key}={value}" for key, value in options.items() if value is not None)]
    job, found = job_of(target, version, artifact, preset, wished, split, fresh)
    document = asyncio.run(evaluate(job, found, null=null))
    if job.session and split == "test" and not artifact:
        unseal(job.session, version or "head")
    if as_json:
        print_json(document)
    else:
        show_scores(document)
    return Exit.DONE if document["complete"] and document["n"] else Exit.FAILED


def unseal(path: Path, version: str) -> None:
    """Count that the sealed test split was opened on purpose."""
    from genopt_tui.cli.sharing import open_seal

    with repository_of(path) as repository:
        commit = repository.resolve(version)
    open_seal(path, commit, "eval")


def job_of(
    target: str, version: str | None, artifact: Path | None, preset: str, pairs: list[str], split: Any, fresh: bool
) -> "tuple[Job, Version]":
    """What is to be scored, and how. A session's name goes before a task's."""
    from genopt_tui.cli.given import given
    from genopt_tui.cli.making import start_of, starting
    from genopt_tui.loop.evaluation import Job
    from genopt_tui.loop.scoring import Version
    from genopt_tui.propose.trees import tree_id
    from genopt_tui.session.state import under
    from genopt_tui.task import loader

    if is_session(target):
        job, found = session_job(find_session(target), version or "head", preset, pairs, split, fresh)
    else:
        folder = loader.find(target)
        start = start_of(folder, version or "", preset, pairs)
        choices, settings = starting(folder, target, start, preset, pairs)
        job = Job(under(folder, choices), choices, settings, None, split, fresh)
        own = folder.start(start)
        found = Version(own, tree_id(own))
    files = given(artifact, job.task, job.choices.start) if artifact else None
    return job, Version(files, tree_id(files)) if files else found


def session_job(
    path: Path, version: str, preset: str, pairs: list[str], split: Any, fresh: bool
) -> "tuple[Job, Version]":
    from genopt_tui.config import SessionSettings, assign
    from genopt_tui.loop.evaluation import Job
    from genopt_tui.loop.scoring import Version
    from genopt_tui.session.state import under
    from genopt_tui.session.travel import consented, task_of

    consent(path)
    settings = SessionSettings.load(path)
    with repository_of(path) as repository:
        commit = repository.resolve(version)
        choices = repository.choices(repository.head())
        found = Version(repository.files(commit), repository.tree(commit))
    consented(path)
    folder = task_of(path, str(choices.task["name"]))
    chosen = preset_pairs(folder.task.presets, preset)
    assign(choices, settings, [*chosen, *pairs], folder.task.settings)
    return Job(under(folder, choices), choices, settings, path, split, fresh), found


def preset_pairs(presets: Any, name: str) -> list[str]:
    from genopt_tui.task.presets import as_text

    if name and name not in presets:
        raise UsageError(f"no preset '{name}'", advice=f"There are: {', '.join(presets) or 'none'}")
    return [f"{key}={as_text(value)}" for key, value in presets[name].set.items()] if name else []


def show_scores(document: dict[str, Any]) -> None:
    for s in document["scores"]:
        outcome = figure(s["score"]) if s["status"] == "ok" else f"{figure(s['score'])} ({s['status']})"
        say(f"{s['example']:20} {outcome:18} {s['seconds']:.2f} s  {s['feedback'][:100]}")
    spread = f" se={document['stderr']:.3g}" if document["stderr"] is not None else ""
    say(f"mean {figure(document['mean'])} n={document['n']}{spread} failed={document['failed']} {document['rule']}")
    if null := document.get("null"):
        say(
            f"null control: {null['verdict']}, the gate would accept it in {null['accept_rate']:.1%} of {null['trials']}"
        )


COMMANDS = [eval_]
