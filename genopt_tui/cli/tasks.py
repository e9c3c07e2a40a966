"""Commands about tasks: tasks, check, task init, task try."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.jobs import build_job
from genopt_tui.cli.output import format_number, json_option, print_json, print_line, print_text
from genopt_tui.cli.target import (
    find_session,
    is_session,
    open_journal,
    open_repository,
    set_option,
)
from genopt_tui.errors import (
    Exit,
    UsageError,
    single_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles


TASK_KINDS = ("prompt", "function", "files", "agent", "command")


preset_option = click.option("--preset", default="", help="A preset of the task.")


@click.command()
@click.argument("task", required=False)
@json_option
def tasks(task: str | None, as_json: bool) -> int:
    """List the tasks.

    With TASK: its starts in parts, the changes its presets make, and its settings.
    """
    from genopt_tui.task import loader

    if task and not as_json:
        for line in describe_task(task):
            print_line(line)
        return Exit.DONE
    entries = [build_task_entry(name) for name in ([task] if task else loader.list_tasks())]
    if as_json:
        print_json(entries)
        return Exit.DONE
    family = ""
    for entry in entries:
        if entry.get("family", "") != family and (family := entry.get("family", "")):
            print_line(f"{family}/")
        text = entry.get("description") or entry.get("problem", "")
        print_text(f"{entry['task']:36} {single_line(text)}")
        if entry.get("starts"):
            print_text(f"{'':36} starts: {', '.join(entry['starts'])}")
    return Exit.DONE


def build_task_entry(name: str) -> dict[str, Any]:
    """One task as `genopt tasks --json` prints it."""
    from genopt_tui.errors import TaskError
    from genopt_tui.learn.doctor.inputs import START_PARTS
    from genopt_tui.task import loader

    try:
        task = loader.find_task(name).task
    except TaskError as error:
        return {"task": name, "problem": str(error)}
    return {
        "task": name,
        "description": task.description,
        "direction": task.direction,
        "family": name.rpartition("/")[0],
        "rule": task.rule,
        "starts": list(task.starts),
        "parts": {key: s.model_dump(include=set(START_PARTS)) for key, s in task.starts.items()},
        "presets": list(task.presets),
        "settings": {key: s.default for key, s in task.settings.items()},
    }


def describe_task(name: str) -> "Iterator[str]":
    """The lines of `genopt tasks TASK`: its starts in parts, presets and settings. Raises
    TaskError."""
    from genopt_tui.learn.doctor.inputs import START_PARTS, find_differing_parts
    from genopt_tui.task import loader, presets

    task = loader.find_task(name).task
    yield f"{name}: {task.description}"
    yield f"scores: {task.describe_scoring(task.resolve_settings({}))}, {task.direction} is better"
    for start_name, start in task.starts.items():
        yield f"start {start_name}: {start.description}"
        yield from (
            f"    {part:14} {getattr(start, part)}" for part in START_PARTS if getattr(start, part)
        )
        for other in task.starts:
            if len(parts := find_differing_parts(task.starts, start_name, other)) > 1:
                differences = f"differs from {other} in {', '.join(parts)}"
                yield f"    {differences}: their results can differ for more than one reason"
    for preset_name, preset in task.presets.items():
        yield f"preset {preset_name}: {preset.description}"
        yield from (
            f"    {change['key']} = {presets.describe_change(change)}"
            for change in presets.list_changes(task, preset_name)
        )
    for key, setting in task.settings.items():
        yield f"setting task.{key} = {setting.default}: {setting.help}"


@click.command()
@click.argument("target", metavar="TASK|SESSION")
@preset_option
@set_option
@json_option
def check(target: str, preset: str, pairs: tuple[str, ...], as_json: bool) -> int:
    """Check a loop for problems that would mislead you.

    It scores the start on the gate, and twice more to compare it with itself.
    """
    import asyncio

    from genopt_tui.runner import doctor

    job, start, best, metrics = find_loop(target, preset, list(pairs))
    checkup = asyncio.run(doctor.check(job, start, best=best, best_metrics=metrics))
    document = checkup.to_document(job.task.task.name)
    if as_json:
        print_json(document)
    else:
        print_findings(document)
    return (
        Exit.FAILED
        if any(finding["level"] == "error" for finding in document["findings"])
        else Exit.DONE
    )


def find_loop(
    target: str, preset: str, pairs: list[str]
) -> "tuple[EvaluationJob, ArtifactFiles, float | None, dict[str, float]]":
    """The loop of a session or task, its start, and the mean score and metrics of the best version.

    A task, and a session without accepted steps, have no best version: None.
    """
    from genopt_tui.learn.doctor.scores import mean_metrics

    if not is_session(target):
        return *build_job(target, None, None, preset, pairs, "gate", False), None, {}
    path = find_session(target)
    with open_repository(path) as repository, open_journal(path) as journal:
        best = repository.find_best(repository.read_direction())
        rows = journal.read_rollouts(repository.artifact_tree(best.commit), "gate")
    metrics = mean_metrics([row.result.metrics for row in rows if row.result.status == "ok"])
    score = best.score if best.step is not None else None
    return *build_job(target, "start", None, preset, pairs, "gate", False), score, metrics


def print_findings(document: dict[str, Any]) -> None:
    counts = {
        level: sum(f["level"] == level for f in document["findings"])
        for level in ("error", "warning", "info")
    }
    for finding in document["findings"]:
        print_text(f"{finding['level']:8} {finding['code']:24} {single_line(finding['message'])}")
        if finding["advice"]:
            print_text(f"{'':8} {'':24} {single_line(finding['advice'])}")
    summary = ", ".join(
        f"{count} {level}{'s' if count != 1 else ''}"
        for level, count in counts.items()
        if level != "info"
    )
    print_line(f"{document['task']}: {summary} ({document['rollouts']} rollouts)")


@click.group()
def task() -> None:
    """Write your own task (init), or try one (try)."""


@task.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--edit", "kind", type=click.Choice(TASK_KINDS), help="What is edited.")
@click.option("--run", "run", help="How to run it.")
@click.option("--score", help="What the score is, in words.")
@click.option("--minimize", is_flag=True, help="Lower scores are better.")
def init(folder: Path, kind: str | None, run: str | None, score: str | None, minimize: bool) -> int:
    """Write a task folder that runs as it is.

    Asks three questions; the options answer them.
    """
    from genopt_tui.task import kinds

    interactive = sys.stdin.isatty()
    if kind is None and not interactive:
        raise UsageError(
            "what is edited?", "this is not a terminal", f"Give --edit: {', '.join(TASK_KINDS)}"
        )
    kind = kind or str(
        click.prompt("What is edited?", type=click.Choice(TASK_KINDS), default="function", err=True)
    )
    chosen = kinds.KINDS[kind]
    if interactive and run is None:
        run = str(
            click.prompt(f"How is it run? {chosen.run_question}", default=chosen.run, err=True)
        )
    if interactive and score is None:
        score = str(click.prompt("What is the score?", default=chosen.score, err=True))
    for file in kinds.write_task(folder, kind, run or "", score or "", minimize):
        print_line(file)
    print_line(
        f"next: genopt task try {folder}, genopt check {folder}, genopt new {folder}", err=True
    )
    return Exit.DONE


@task.command("try")
@click.argument("target", metavar="TASK")
@click.option("--start", default="", help="Starting artifact; default: the task's first.")
@preset_option
@set_option
def try_(target: str, start: str, preset: str, pairs: tuple[str, ...]) -> int:
    """Run one example and show the prompt that the model would get."""
    import asyncio

    from genopt_tui.runner.doctor import preview_prompt, run_one_rollout

    job, version = build_job(target, start or None, None, preset, list(pairs), "train", False)
    result = asyncio.run(run_one_rollout(job, version.files))
    for message in preview_prompt(job, version.files, [result]).messages:
        print_text(f"--- {message['role']} ---\n{message['content']}")
    rule = job.task.task.format_rule(job.task.task.resolve_settings(job.choices.task))
    outcome = (
        format_number(result.score) if result.status == "ok" else f"no score ({result.status})"
    )
    steps = f"{result.steps} steps in {result.seconds:.2g} s"
    print_line(f"{result.example}: {outcome} {rule}, {steps}, {result.sandbox}", err=True)
    if result.error:
        print_line(result.error.strip().splitlines()[-1], err=True)
    if result.hint:
        print_line(result.hint, err=True)
    return Exit.DONE if result.status == "ok" else Exit.FAILED


COMMANDS = [tasks, check, task]
