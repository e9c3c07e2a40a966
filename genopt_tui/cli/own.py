"""`genopt new` for your own files: a prompt and cases, or files and a command that prints a score.

Both write a task folder among the user's tasks and make a session of it; when anything is wrong, neither is left.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genopt_tui.cli.common import figure, say
from genopt_tui.errors import UsageError

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices, SessionSettings
    from genopt_tui.task.loader import TaskFolder

MATCHES = ("exact", "contains", "number", "choice")
NO_AGENT = ("search", "manual", "replay:")
NEEDED = {"prompt": ("cases", "answer"), "edit": ("run",)}
ONLY = {"prompt": ("cases", "answer", "match"), "edit": ("run", "examples", "check", "metric", "minimize")}
SHOWN = 300  # characters of the first case

OPTIONS = [
    click.option("--prompt", type=click.Path(path_type=Path), help="A prompt with {column} where a case goes."),
    click.option("--cases", type=click.Path(path_type=Path), help="Its labelled cases: .csv or .jsonl."),
    click.option("--answer", metavar="COLUMN", help="The column of the cases that holds the expected answer."),
    click.option("--match", type=click.Choice(MATCHES), help="How answers compare; left out: by their looks."),
    click.option("--edit", multiple=True, metavar="GLOB", help="Files of this folder that may be edited."),
    click.option("--run", metavar="CMD", help="The command that prints their score; {example} is replaced."),
    click.option("--examples", type=click.Path(path_type=Path), help="Examples of the command, one a line."),
    click.option("--check", metavar="CMD", help="What must succeed, or a version has no score: your tests."),
    click.option("--metric", metavar="REGEX", help="The score in the command's output: the first group."),
    click.option("--minimize", is_flag=True, help="Lower scores are better."),
]


def own_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Wish:
    """What `genopt new` was asked for beside the files."""

    name: str | None
    start: str
    preset: str
    pairs: list[str] = field(default_factory=list)


def kind_of(own: dict[str, Any], task: str | None, source: str | None) -> str:
    """`prompt`, `edit`, or "" where no file of one's own is named. Raises UsageError for what does not go together."""
    given = [name for name, named in (("TASK", task), ("--from", source)) if named]
    kinds = [kind for kind in NEEDED if own[kind]]
    if task and source and not kinds:
        return ""
    if len(kinds) + len(given) > 1:
        named = ", ".join(given + [f"--{kind}" for kind in kinds])
        raise UsageError(f"{named} at once", advice="Give one of TASK, --prompt, --edit, --from")
    kind = kinds[0] if kinds else ""
    for other, options in ONLY.items():
        if other != kind and (stray := next((name for name in options if own[name]), None)):
            raise UsageError(f"--{stray} goes with --{other}", advice=f"Give --{other} too")
    if kind and (missing := [name for name in NEEDED[kind] if not own[name]]):
        raise UsageError(f"--{kind} needs --{missing[0]}", advice="See genopt new --help")
    return kind


def make(kind: str, own: dict[str, Any], wish: Wish) -> Path:
    """Write the task's folder and make its session. Raises UsageError, with nothing left of either."""
    from genopt_tui.folders import user_file
    from genopt_tui.task import loader

    called = free_name(wish.name or stem_of(kind, own))
    folder = user_file("tasks", called)
    try:
        told = write_prompt(folder, own) if kind == "prompt" else write_command(folder, called, own, wish)
        loader.load.cache_clear()
        path = session_of(loader.find(called), called, wish)
    except BaseException:
        if folder.exists():
            shutil.rmtree(folder)
        raise
    for line in [f"task {called}: {folder}", *told]:
        say(line, err=True)
    return path


def session_of(folder: "TaskFolder", called: str, wish: Wish) -> Path:
    from genopt_tui.cli.making import make_session

    pairs = [*wish.pairs, *answering(folder, begun(folder, called, wish)[1])]
    return make_session(folder, called, name=wish.name, start=wish.start, preset=wish.preset, pairs=pairs)


def begun(folder: "TaskFolder", called: str, wish: Wish) -> "tuple[DesignChoices, SessionSettings]":
    """What the session begins with."""
    from genopt_tui.cli.making import starting

    return starting(folder, called, wish.start or next(iter(folder.task.starts)), wish.preset, wish.pairs)


def answering(folder: "TaskFolder", settings: "SessionSettings") -> list[str]:
    """Who answers the cases where nobody was named: the model that proposes, when it is one that can."""
    if not folder.task.agent or settings.agent_model:
        return []
    if settings.model and not settings.model.startswith(NO_AGENT):
        say(f"cases are answered by the model that proposes, {settings.model} (--set agent_model=NAME)", err=True)
        return [f"agent_model={settings.model}"]
    say("nobody answers the cases yet: genopt set agent_model=NAME, for example command:'my-agent -p'", err=True)
    return []


def tried(folder: "TaskFolder", choices: "DesignChoices", settings: "SessionSettings") -> tuple[str, float]:
    """Run the files as they are on one example; what was printed, and the score.

    Raises UsageError when that gives no score: nothing could be learned then.
    """
    import asyncio

    from genopt_tui.loop.check import one_rollout
    from genopt_tui.loop.evaluation import Job

    result = asyncio.run(one_rollout(Job(folder, choices, settings), folder.start(choices.start)))
    if result.status != "ok" or result.score is None:
        why = result.error.strip() or result.feedback.strip() or result.output.strip()
        last = why.splitlines()[-1] if why else "it said nothing"
        raise UsageError(f"the command gives no score ({result.status})", last, "Run it by hand in this folder first")
    if missing := re.search(r"ModuleNotFoundError: (.+)", result.feedback):
        advice = "Install it for the command's Python, or open where it lies: --set sandbox.read=FOLDER"
        raise UsageError("the command gives no score", missing[1], advice)
    if denied := re.search(r"^the sandbox (.+): (--set .+)$", result.feedback, re.MULTILINE):
        raise UsageError("the command gives no score", f"the sandbox {denied[1]}", denied[2])
    say(f"as it is: {result.example} scores {figure(result.score)} in {result.seconds:.2g} s", err=True)
    if result.feedback.strip():
        say(f"  its last words: {result.feedback.strip().splitlines()[-1][:SHOWN]}", err=True)
    if result.sandbox:
        say(f"score: self-reported (command and files share a process); sandbox {result.sandbox}", err=True)
    return result.output, result.score


def write_prompt(folder: Path, own: dict[str, Any]) -> list[str]:
    from genopt_tui.task.scaffold import prompt_task

    card = prompt_task(folder, own["prompt"], own["cases"], own["answer"], own["match"])
    how = "as its answers look" if card.guessed else "as asked"
    lines = [f"answers are compared by {card.match} ({how}): {card.how}"]
    for split in card.splits:
        counts = ", ".join(f"{answer[:30]} {count / split.cases:.0%}" for answer, count in split.answers[:6])
        more = f", {len(split.answers) - 6} more" if len(split.answers) > 6 else ""
        sealed = " (sealed until export)" if split.split == "test" else ""
        lines.append(f"  {split.split:5} {split.cases:5} cases{sealed}: {counts}{more}")
    lines.append("  another split: --set task.train=0.6 --set task.gate=0.2 --set task.split_seed=1")
    return [*lines, f"the first case: {card.shown[:SHOWN]}", f"  expected: {card.expected[:SHOWN]}"]


def write_command(folder: Path, called: str, own: dict[str, Any], wish: Wish) -> list[str]:
    """Write the folder, run the command once, and settle where its score comes from."""
    from genopt_tui.cli.tree import tree
    from genopt_tui.task import loader
    from genopt_tui.task.command import Scoring, command_task, read_examples, toml

    lines = read_examples(own["examples"]) if own["examples"] else []
    lower = own["minimize"]  # timed until it is known whether a number is printed
    scoring = Scoring(own["run"], lines, own["check"] or "", own["metric"] or "", lower, timed=lower)
    scoring.ensure()
    files = tree(Path.cwd(), own["edit"])
    command_task(folder, files, scoring)
    loader.load.cache_clear()
    task = loader.find(called)
    scoring = scoring.as_tried(*tried(task, *begun(task, called, wish)))
    (folder / "task.toml").write_text(toml(files, scoring), encoding="utf-8")
    held = ", ".join(f"{split} {count}" for split, count in scoring.counts.items() if count)
    told = [
        f"may be edited: {', '.join(files.scope)}; {len(files.rest)} other files stay as they are",
        f"the score: {scoring.rule}; {'lower' if scoring.minimize else 'higher'} is better; examples: {held}",
    ]
    timed = "it is a time: versions are timed alternately and count by their ratio"
    return [*told, *[f"  {timed} (measure in task.toml)"] * scoring.timed]


def stem_of(kind: str, own: dict[str, Any]) -> str:
    if kind == "prompt":
        return Path(own["prompt"]).stem
    files: Sequence[str] = own["edit"]
    return Path.cwd().name if len(files) > 1 or any(mark in files[0] for mark in "*?") else Path(files[0]).stem


def free_name(wanted: str) -> str:
    """`wanted` as a task's name that no task has."""
    from genopt_tui.folders import user_file
    from genopt_tui.task.loader import bundled_root
    from genopt_tui.task.scaffold import folder_name

    name = kept = folder_name(wanted)
    number = 2
    while user_file("tasks", name).exists() or (bundled_root() / name).exists():
        name, number = f"{kept}-{number}", number + 1
    return name
