"""`genopt new` for your own files: a prompt and cases, or files and a command that scores them.

Both write a task folder among the user's tasks and create a session of it, or leave neither.
"""

import math
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.output import format_number, print_line
from genopt_tui.errors import UsageError

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices, SessionSettings
    from genopt_tui.task.command_task import CommandScoring
    from genopt_tui.task.loader import TaskFolder
    from genopt_tui.task.rollout import RolloutResult


MATCHES = ("exact", "contains", "number", "choice")
NOT_AGENT_MODELS = ("search", "manual", "replay:")
REQUIRED_OPTIONS = {"prompt": ("cases", "answer"), "edit": ("run",)}
OPTIONS_BY_KIND = {
    "prompt": ("cases", "answer", "match"),
    "edit": ("run", "examples", "check", "metric", "minimize"),
}
MAX_SHOWN_CHARS = 300  # of the first case
OPTIONS = [
    click.option(
        "--prompt",
        type=click.Path(path_type=Path),
        help="A prompt; {column} stands for a value of the case.",
    ),
    click.option(
        "--cases", type=click.Path(path_type=Path), help="Labelled cases for it: .csv or .jsonl."
    ),
    click.option("--answer", metavar="COLUMN", help="The column with the expected answer."),
    click.option(
        "--match",
        type=click.Choice(MATCHES),
        help="How answers are compared; default: by what they look like.",
    ),
    click.option(
        "--edit",
        multiple=True,
        metavar="GLOB",
        help="Files in this folder that the model may edit.",
    ),
    click.option(
        "--run",
        metavar="CMD",
        help="The command that prints the score; {example} stands for an example.",
    ),
    click.option(
        "--examples",
        type=click.Path(path_type=Path),
        help="Examples for the command, one per line.",
    ),
    click.option(
        "--check",
        metavar="CMD",
        help="A command that must succeed, such as your tests, or a version has no score.",
    ),
    click.option(
        "--metric", metavar="REGEX", help="Finds the score in the output: its first group."
    ),
    click.option("--minimize", is_flag=True, help="Lower scores are better."),
]


def add_file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class NewSessionRequest:
    """The options of `genopt new` that are not about files."""

    name: str | None
    start: str
    preset: str
    pairs: list[str] = field(default_factory=list)


def find_kind(values: dict[str, Any], task: str | None, source: str | None) -> str:
    """`prompt`, `edit`, or "" without files of the user. Raises UsageError for options that do not
    go together."""
    given = [name for name, value in (("TASK", task), ("--from", source)) if value]
    kinds = [kind for kind in REQUIRED_OPTIONS if values[kind]]
    if task and source and not kinds:
        return ""
    if len(kinds) + len(given) > 1:
        options = ", ".join(given + [f"--{kind}" for kind in kinds])
        raise UsageError(
            f"{options} do not go together", advice="Give one of TASK, --prompt, --edit, --from"
        )
    kind = kinds[0] if kinds else ""
    for other, names in OPTIONS_BY_KIND.items():
        if other != kind and (stray := next((name for name in names if values[name]), None)):
            raise UsageError(f"--{stray} goes with --{other}", advice=f"Give --{other} too")
    if kind and (missing := [name for name in REQUIRED_OPTIONS[kind] if not values[name]]):
        raise UsageError(f"--{kind} needs --{missing[0]}", advice="See genopt new --help")
    return kind


def create_task_and_session(kind: str, values: dict[str, Any], request: NewSessionRequest) -> Path:
    """Write the task's folder and create its session. On an error neither is left behind.

    Raises UsageError.
    """
    from genopt_tui.folders import user_file
    from genopt_tui.task import loader

    name = find_free_name(request.name or suggest_name(kind, values))
    folder = user_file("tasks", name)
    try:
        summary = (
            write_prompt_folder(folder, values)
            if kind == "prompt"
            else write_command_folder(folder, name, values, request)
        )
        loader.load_task.cache_clear()
        path = create_session_of_task(loader.find_task(name), name, request)
    except BaseException:
        if folder.exists():
            shutil.rmtree(folder)
        raise
    for line in [f"task {name}: {folder}", *summary]:
        print_line(line, err=True)
    return path


def create_session_of_task(
    folder: "TaskFolder", task_name: str, request: NewSessionRequest
) -> Path:
    from genopt_tui.session.creation import create_session

    pairs = [
        *request.pairs,
        *choose_agent_model(folder, build_request_settings(folder, task_name, request)[1]),
    ]
    return create_session(
        folder,
        task_name,
        name=request.name,
        start=request.start,
        preset=request.preset,
        pairs=pairs,
    )


def build_request_settings(
    folder: "TaskFolder", task_name: str, request: NewSessionRequest
) -> "tuple[DesignChoices, SessionSettings]":
    """The initial design choices and settings of the session."""
    from genopt_tui.session.creation import build_initial_settings

    return build_initial_settings(
        folder,
        task_name,
        request.start or next(iter(folder.task.starts)),
        request.preset,
        request.pairs,
    )


def choose_agent_model(folder: "TaskFolder", settings: "SessionSettings") -> list[str]:
    """The setting that lets the proposing model answer the cases, if no agent model is set.

    Empty if the task needs none or the model cannot answer.
    """
    if not folder.task.agent or settings.agent_model:
        return []
    if settings.model and not settings.model.startswith(NOT_AGENT_MODELS):
        print_line(
            f"{settings.model} also answers the cases; choose another with --set agent_model=NAME",
            err=True,
        )
        return [f"agent_model={settings.model}"]
    print_line(
        "no agent model is set, so nothing answers the cases yet: "
        "genopt set agent_model=NAME, for example command:'my-agent -p'",
        err=True,
    )
    return []


@dataclass(frozen=True)
class FirstRun:
    """The output and score of a command, and whether a second run gave the same score."""

    output: str
    score: float
    repeatable: bool


def run_twice(
    folder: "TaskFolder", choices: "DesignChoices", settings: "SessionSettings"
) -> FirstRun:
    """Run the command twice on one example, with the original files. Raises UsageError if it
    gives no score."""
    first = run_once(folder, choices, settings)
    check_first_run(first)
    assert first.score is not None
    second = run_once(folder, choices, settings)
    print_line(
        f"as it is: {first.example} scores {format_number(first.score)} in {first.seconds:.2g} s",
        err=True,
    )
    if lines := first.feedback.strip().splitlines():
        print_line(f"  its last line: {lines[-1][:MAX_SHOWN_CHARS]}", err=True)
    if first.sandbox:
        print_line(
            f"score: self-reported (command and files share a process); sandbox {first.sandbox}",
            err=True,
        )
    return FirstRun(first.output, first.score, first.score == second.score)


def run_once(
    folder: "TaskFolder", choices: "DesignChoices", settings: "SessionSettings"
) -> "RolloutResult":
    import asyncio

    from genopt_tui.runner.doctor import run_one_rollout
    from genopt_tui.runner.evaluation import EvaluationJob

    job = EvaluationJob(folder, choices, settings)
    return asyncio.run(run_one_rollout(job, folder.read_start(choices.start)))


def check_first_run(result: "RolloutResult") -> None:
    """Raises UsageError if a run gave no score, or if its score of 0 is really a failure."""
    from genopt_tui.task.command_output import is_crash

    what = "the command gives no score"
    if result.status != "ok" or result.score is None:
        reason = result.error.strip() or result.feedback.strip() or result.output.strip()
        last = reason.splitlines()[-1] if reason else "it printed nothing"
        advice = result.hint or "Run it by hand in this folder first"
        raise UsageError(f"{what} ({result.status})", last, advice)
    if missing := re.search(r"ModuleNotFoundError: (.+)", result.feedback):
        advice = (
            "Install it for the command's Python, or open its folder: --set sandbox.read=FOLDER"
        )
        raise UsageError(what, missing[1], advice)
    if denied := re.search(r"^the sandbox (.+): (--set .+)$", result.hint, re.MULTILINE):
        raise UsageError(what, f"the sandbox {denied[1]}", denied[2])
    if is_crash(result.feedback) and result.score == 0:
        last = result.feedback.strip().splitlines()[-1]
        raise UsageError(what, last, "Run it by hand in this folder first")


def suggest_metric(output: str, scoring: "CommandScoring") -> list[str]:
    """A warning if the output has a number after a word, which is not read as the score."""
    from genopt_tui.task.command_output import find_worded_number

    unread = not scoring.metric and scoring.source != "number"
    if not (line := find_worded_number(output) if unread else ""):
        return []
    word = re.split(r"[:=]", line)[0].strip()[-40:]
    return [
        f"warning: {line[:80]!r} is not read: a score must be on a line of its own",
        f"  to read it: --metric '{re.escape(word)}[:=] *([-+0-9.e]+)'",
    ]


def check_gate_size(scoring: "CommandScoring", choices: "DesignChoices") -> None:
    """Raises UsageError if the gate has too few examples to accept any edit.

    The smallest p of a paired sign-flip test with n examples is 2 / 2**n.
    """
    if not scoring.examples or scoring.timed or choices.gate.rule == "always":
        return
    count = scoring.split_sizes["gate"]
    needed = math.ceil(math.log2(2 / (1 - choices.gate.confidence)))
    if count < needed:
        raise UsageError(
            "the gate could never accept an edit",
            f"{len(scoring.examples)} examples give it {count}, and it needs {needed}",
            f"Give at least {4 * needed}, or accept without proof: --set gate.rule=always",
        )


def write_prompt_folder(folder: Path, values: dict[str, Any]) -> list[str]:
    from genopt_tui.task.scaffold import write_prompt_task

    summary = write_prompt_task(
        folder, values["prompt"], values["cases"], values["answer"], values["match"]
    )
    how = "because of what they look like" if summary.guessed else "as requested"
    lines = [f"answers are compared by {summary.match} ({how}): {summary.match_description}"]
    for split in summary.splits:
        counts = ", ".join(
            f"{answer[:30]} {count / split.cases:.0%}" for answer, count in split.answers[:6]
        )
        more = f", {len(split.answers) - 6} more" if len(split.answers) > 6 else ""
        sealed = " (sealed until export)" if split.split == "test" else ""
        lines.append(f"  {split.split:5} {split.cases:5} cases{sealed}: {counts}{more}")
    lines.append(
        "  change the split with: --set task.train=0.6 --set task.gate=0.2 --set task.split_seed=1"
    )
    return [
        *lines,
        f"the first case: {summary.first_prompt[:MAX_SHOWN_CHARS]}",
        f"  expected: {summary.first_answer[:MAX_SHOWN_CHARS]}",
    ]


def write_command_folder(
    folder: Path, task_name: str, values: dict[str, Any], request: NewSessionRequest
) -> list[str]:
    """Write the folder, run the command, and record where its score comes from."""
    from genopt_tui.session.user_files import collect_files
    from genopt_tui.task import loader
    from genopt_tui.task.command_task import (
        CommandScoring,
        format_toml,
        read_examples,
        write_command_task,
    )

    lines = read_examples(values["examples"]) if values["examples"] else []
    lower = values["minimize"]  # counts as a time until a run has printed a number
    scoring = CommandScoring(
        values["run"], lines, values["check"] or "", values["metric"] or "", lower, timed=lower
    )
    scoring.check_valid()
    files = collect_files(Path.cwd(), values["edit"])
    write_command_task(folder, files, scoring)
    loader.load_task.cache_clear()
    task = loader.find_task(task_name)
    choices, settings = build_request_settings(task, task_name, request)
    first = run_twice(task, choices, settings)
    scoring = scoring.with_observed_source(first.output, first.score)
    check_gate_size(scoring, choices)
    scoring = replace(scoring, deterministic=first.repeatable and not scoring.timed)
    (folder / "task.toml").write_text(format_toml(files, scoring), encoding="utf-8")
    sizes = ", ".join(f"{split} {count}" for split, count in scoring.split_sizes.items() if count)
    better = "lower" if scoring.minimize else "higher"
    summary = [
        f"may be edited: {', '.join(files.scope)}; {len(files.others)} other files do not change",
        f"the score: {scoring.rule}; {better} is better; examples: {sizes}",
    ]
    if scoring.timed:
        summary.append(
            "  a time: versions take turns, and their ratio counts (measure in task.toml)"
        )
    if scoring.deterministic:
        summary.append("the same score in both runs (deterministic in task.toml)")
    return [*summary, *suggest_metric(first.output, scoring)]


def suggest_name(kind: str, values: dict[str, Any]) -> str:
    if kind == "prompt":
        return Path(values["prompt"]).stem
    files: Sequence[str] = values["edit"]
    if len(files) > 1 or any(mark in files[0] for mark in "*?"):
        return Path.cwd().name
    return Path(files[0]).stem


def find_free_name(wanted: str) -> str:
    """`wanted` as the name of a new task, numbered if it is taken."""
    from genopt_tui.folders import user_file
    from genopt_tui.task.loader import find_bundled_root
    from genopt_tui.task.scaffold import make_folder_name

    name = base = make_folder_name(wanted)
    number = 2
    while user_file("tasks", name).exists() or (find_bundled_root() / name).exists():
        name, number = f"{base}-{number}", number + 1
    return name
