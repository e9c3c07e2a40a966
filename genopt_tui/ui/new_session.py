"""Making a session from the interface: what there is to choose from, and the command that makes
it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.errors import GenoptError, UsageError, single_line

if TYPE_CHECKING:
    from genopt_tui.task.model import Task

MODELS_BY_API_KEY = {
    "OPENAI_API_KEY": "openai/gpt-5-mini",
    "ANTHROPIC_API_KEY": "anthropic/claude-sonnet-4-5",
    "GEMINI_API_KEY": "gemini/gemini-2.5-flash",
    "OPENROUTER_API_KEY": "openrouter/auto",
    "MISTRAL_API_KEY": "mistral/mistral-large-latest",
}
MODEL_COMMANDS = {
    "claude": ("command:claude -p", "reads the prompt, prints the reply"),
    "codex": ("command:codex exec -", "reads the prompt, prints the reply"),
    "gemini": ("command:gemini", "reads the prompt, prints the reply"),
    "llm": ("command:llm", "its default model"),
}
"""Command-line agents that take a prompt on standard input, by the name of their program."""
LOCAL_SERVERS = {11434: "ollama/", 8000: "openai/", 1234: "openai/"}
"""Ports at which servers of this machine answer, and how their models are named."""
COMMAND_TIMEOUT = 120.0
"""Seconds that a command of ours may take."""
LEVELS = ("error", "warning", "info")
COMMAND_PREFIX = "command:"
PRESET_PREFIX = "preset "
"""What the value of a preset's line begins with."""


@dataclass(frozen=True, slots=True)
class SetupOption:
    """One line of a step: the value it stands for, its words; `ask` is the question where text is
    still needed.

    `form` are the options of `genopt new` that a person is asked for one after another, with the
    question of each;
    those whose question ends in "(optional)" may stay empty.
    """

    value: str
    label: str
    note: str = ""
    question: str = ""
    questions: tuple[tuple[str, str], ...] = ()


OWN_FILES_OPTIONS = (
    SetupOption(
        "",
        "my prompt and its cases",
        "a text with {column} in it, and a table of cases with the expected answers",
        questions=(
            ("--prompt", "The prompt's file"),
            ("--cases", "Its cases: a .csv or .jsonl file"),
            ("--answer", "The column that holds the expected answer"),
        ),
    ),
    SetupOption(
        "",
        "my files and a command",
        "files of the folder that genopt was started in, and a command that prints their score",
        questions=(
            ("--edit", "Which files may be edited, as in src/sorter.py"),
            ("--run", "The command that prints the score; {example} is replaced"),
            ("--examples", "A file with one example a line (optional)"),
            ("--check", "A command that must succeed, such as your tests (optional)"),
        ),
    ),
    SetupOption(
        "",
        "a task of mine",
        "a folder with a task.toml; genopt task init makes one",
        "The task's folder",
    ),
)


@dataclass
class SessionDraft:
    """What was chosen so far."""

    task: str = ""
    start: str = ""
    model: str = ""
    preset: str = ""
    pairs: dict[str, str] = field(default_factory=dict)
    file_options: dict[str, str] = field(default_factory=dict)
    """Options of `genopt new` for files of one's own, in place of a task."""

    def build_arguments(self) -> list[str]:
        """As `genopt new` takes them."""
        named = [
            word for option, value in self.file_options.items() for word in (option, value)
        ] or [self.task]
        out = ["new", *named, "--json"]
        out += ["--start", self.start] if self.start else []
        out += ["--model", self.model] if self.model else []
        out += ["--preset", self.preset] if self.preset else []
        return [
            *out,
            *(word for key, value in self.pairs.items() for word in ("--set", f"{key}={value}")),
        ]


def list_tasks() -> list[SetupOption]:
    """All tasks that can be read. Raises GenoptError."""
    from genopt_tui.task import loader

    out = []
    for name in loader.list_tasks():
        try:
            out.append(SetupOption(name, name, loader.find_task(name).task.description))
        except GenoptError as error:
            out.append(SetupOption("", name, str(error)))
    return out


def list_starts(wish: SessionDraft) -> list[SetupOption]:
    """The starting artifacts of a task, each with its three parts. Raises GenoptError."""
    from genopt_tui.learn.doctor.inputs import find_differing_parts
    from genopt_tui.task import loader

    if wish.file_options:
        return [SetupOption("given", "your files as they are")]
    out, task = [], loader.find_task(wish.task).task
    for name, start in task.starts.items():
        out.append(SetupOption(name, name, start.description))
        parts = (
            ("structure", start.structure),
            ("documentation", start.documentation),
            ("initial code", start.code),
        )
        out += [SetupOption("", f"    {part}", text) for part, text in parts if text]
        unlike = {other: find_differing_parts(task.starts, name, other) for other in task.starts}
        told = "; ".join(
            f"{other}: {', '.join(parts)}" for other, parts in unlike.items() if len(parts) > 1
        )
        out += [SetupOption("", "    differs in 2 or more", told)] if told else []
    return out


def list_design_choices(wish: SessionDraft) -> list[SetupOption]:
    """What shapes learning, with the values that the session begins with; the first line goes on.
    Raises GenoptError."""
    from genopt_tui.config import DesignChoices
    from genopt_tui.task import loader
    from genopt_tui.ui.settings_form import list_fields

    go_on = SetupOption(
        "go on",
        "go on with these",
        "Enter on a line below changes it; d on the main screen does later",
    )
    fields = [f for f in list_fields(DesignChoices()) if f.key not in {"start", "scope"}]
    chosen = resolve_settings(wish)
    lines = [_build_setting_option(f.key, chosen.get(f.key, f.value), f.help) for f in fields]
    if wish.file_options:
        return [go_on, *lines]
    task = loader.find_task(wish.task).task
    for name, setting in task.settings.items():
        lines.append(
            _build_setting_option(
                f"task.{name}", chosen.get(f"task.{name}", setting.default), setting.help
            )
        )
    return [go_on, *list_presets(wish, task), *lines]


def resolve_settings(wish: SessionDraft) -> dict[str, Any]:
    """What the session begins with: the task's choices, the preset's over them, a person's over
    both. Raises GenoptError."""
    from genopt_tui.task import loader

    if wish.file_options:
        return dict(wish.pairs)
    task = loader.find_task(wish.task).task
    return {**task.choices, **(task.presets[wish.preset].set if wish.preset else {}), **wish.pairs}


def _build_setting_option(key: str, value: object, help_: str) -> SetupOption:
    return SetupOption(key, f"{key} = {value}", help_, key)


def list_presets(wish: SessionDraft, task: "Task") -> list[SetupOption]:
    """The presets of a task, each with all that it sets differently from the default; the one in
    force is named so."""
    from genopt_tui.task import presets

    out = []
    for name, preset in task.presets.items():
        chosen = name == wish.preset
        words = f"preset {name}: chosen, Enter takes it back" if chosen else f"preset {name}"
        out.append(SetupOption(PRESET_PREFIX + name, words, preset.description))
        out += [
            SetupOption("", f"    {change['key']}", presets.describe_change(change))
            for change in presets.list_changes(task, name)
        ]
    return out


def list_models() -> list[SetupOption]:
    """Who could propose here: by keys, programs and servers that are present, then what always
    works."""
    found = [
        SetupOption(model, model, f"{name} is set")
        for name, model in MODELS_BY_API_KEY.items()
        if os.environ.get(name)
    ]
    found += [
        SetupOption(
            how,
            how,
            f"{name} is here: it {told}" if told.startswith("reads") else f"{name} is here: {told}",
        )
        for name, (how, told) in MODEL_COMMANDS.items()
        if shutil.which(name)
    ]
    found += [
        SetupOption(
            "", f"{prefix}...", f"a server answers at port {port}", f"Model, as in {prefix}NAME"
        )
        for port, prefix in LOCAL_SERVERS.items()
        if _is_listening(port)
    ]
    return [
        *found,
        SetupOption("", "another model ...", "as litellm names it", "Model, as in openai/NAME"),
        SetupOption(
            "",
            "command ...",
            "a program that reads the prompt and prints the reply",
            f"{COMMAND_PREFIX}PROGRAM",
        ),
        SetupOption("manual", "manual", "you carry prompt and reply"),
        SetupOption("search", "search", "no model: random changes of numbers, a baseline"),
    ]


def resolve_model(offer: SetupOption, text: str) -> str:
    """The model that was named on a line which asks for its name."""
    return (
        COMMAND_PREFIX + text
        if offer.question.startswith(COMMAND_PREFIX) and not text.startswith(COMMAND_PREFIX)
        else text
    )


def _is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.1):
            return True
    except OSError:
        return False


def check_draft(wish: SessionDraft) -> list[SetupOption]:
    """What a step and a run will take, and what the doctor finds, as lines. Raises GenoptError."""
    if wish.file_options:
        told = "your files are run once when the session is made: without a score nothing is made"
        return [SetupOption("", "your files", told), *estimate_spending(wish, "")]
    chosen = wish.pairs | ({"start": wish.start} if wish.start else {})
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    sets += ["--preset", wish.preset] if wish.preset else []
    found = json.loads(_run_genopt(["check", wish.task, "--json", *sets], allowed=(0, 1)))[
        "findings"
    ]
    took = next((f["message"] for f in found if f["code"] == "step-time"), "")
    lines = [
        SetupOption(
            "", f"{f['level']} {f['code']}", f"{f['message']} {f.get('advice') or ''}".strip()
        )
        for f in sorted(found, key=lambda f: LEVELS.index(f["level"]))
        if f["code"] != "step-time"
    ]
    return [*estimate_spending(wish, took), *lines]


def estimate_spending(wish: SessionDraft, took: str) -> list[SetupOption]:
    """Seconds, calls and money of a step and of a run; `took` is what the doctor measured."""
    from genopt_tui.config import DesignChoices

    chosen = resolve_settings(wish)
    context = int(chosen.get("evidence.context", DesignChoices().evidence.context))
    calls, steps = int(chosen.get("candidates", 1)), int(chosen.get("budget.steps") or 0)
    out = [SetupOption("", "time", took)] if took else []
    asked = f"{calls} model call{'s' if calls > 1 else ''} a step, {calls * steps} a run of {steps} steps; more where a reply is repaired"
    out.append(
        SetupOption(
            "",
            "calls",
            asked if is_model_service(wish.model) else f"none: {wish.model} asks no model service",
        )
    )
    if is_model_service(wish.model):
        price = estimate_call_price(wish.model, context)
        told = (
            f"at most ${calls * price:.3f} a step, ${calls * steps * price:.2f} a run"
            if price
            else "$? (no price is known)"
        )
        out.append(
            SetupOption(
                "", "money", f"{told}; a prompt holds at most {context:,} tokens of evidence"
            )
        )
    return out


def is_model_service(model: str) -> bool:
    """Whether proposals of `model` are calls that may cost money."""
    return not model.startswith(("manual", "search", "replay:", "command:"))


def estimate_call_price(model: str, tokens: int) -> float:
    """Dollars that one call costs at most, by the price list that comes with litellm; 0 where it
    has no price."""
    code = (
        "import sys, litellm; print(sum(litellm.cost_per_token("
        "model=sys.argv[1], prompt_tokens=int(sys.argv[2]), completion_tokens=2000)))"
    )
    ended = _run_python("-c", code, model, str(tokens))
    try:
        return float(ended.stdout.split()[-1]) if ended.returncode == 0 else 0.0
    except (ValueError, IndexError):
        return 0.0


def _run_python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def create_session(wish: SessionDraft) -> Path:
    """Make the session; where it is. Raises UsageError saying what `genopt new` said."""
    return Path(json.loads(_run_genopt(wish.build_arguments()))["path"])


def try_model(model: str) -> str:
    """Ask a model one short question; what came of it, in a line."""
    if model.startswith(("manual", "search", "replay:")):
        return f"{model} needs no call"
    try:
        ended = _run_python("-m", "genopt_tui.propose.probe", model)
    except subprocess.TimeoutExpired:
        return single_line(f"{model}: no answer within {COMMAND_TIMEOUT:.0f} s")
    lines = (ended.stdout or ended.stderr).strip().splitlines() or ["failed without a word"]
    return single_line(f"{model} {lines[-1]}")


def _run_genopt(arguments: Sequence[str], allowed: Sequence[int] = (0,)) -> str:
    ended = _run_python("-m", "genopt_tui", *arguments)
    if ended.returncode not in allowed:
        lines = ended.stderr.strip().splitlines() or [
            f"genopt {arguments[0]} ended with code {ended.returncode}"
        ]
        raise UsageError(single_line(lines[-1].removeprefix("genopt: ")))
    return ended.stdout
