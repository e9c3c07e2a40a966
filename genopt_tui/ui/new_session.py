"""Creates a session from the interface: the options of each step, and the command that creates it."""

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
"""Ports of local model servers, and the prefix of their models' names."""
COMMAND_TIMEOUT = 120.0
"""Seconds that a genopt command may take."""
LEVELS = ("error", "warning", "info")
COMMAND_PREFIX = "command:"
PRESET_PREFIX = "preset "
"""What the value of a preset's option begins with."""


@dataclass(frozen=True, slots=True)
class SetupOption:
    """One line of a step. `question` asks for text where the value needs one.

    `questions` are options of `genopt new` with the question for each; those that end in
    "(optional)" may stay empty.
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
    """Options of `genopt new` for the user's own files, in place of a task."""

    def build_arguments(self) -> list[str]:
        """The arguments of `genopt new`."""
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
    """All tasks; one that cannot be read shows its error. Raises GenoptError."""
    from genopt_tui.task import loader

    out = []
    for name in loader.list_tasks():
        try:
            out.append(SetupOption(name, name, loader.find_task(name).task.description))
        except GenoptError as error:
            out.append(SetupOption("", name, str(error)))
    return out


def list_starts(draft: SessionDraft) -> list[SetupOption]:
    """The starting artifacts of a task, each with its three parts. Raises GenoptError."""
    from genopt_tui.learn.doctor.inputs import find_differing_parts
    from genopt_tui.task import loader

    if draft.file_options:
        return [SetupOption("given", "your files as they are")]
    out, task = [], loader.find_task(draft.task).task
    for name, start in task.starts.items():
        out.append(SetupOption(name, name, start.description))
        parts = (
            ("structure", start.structure),
            ("documentation", start.documentation),
            ("initial code", start.code),
        )
        out += [SetupOption("", f"    {part}", text) for part, text in parts if text]
        unlike = {other: find_differing_parts(task.starts, name, other) for other in task.starts}
        differences = "; ".join(
            f"{other}: {', '.join(parts)}" for other, parts in unlike.items() if len(parts) > 1
        )
        out += [SetupOption("", "    differs in 2 or more", differences)] if differences else []
    return out


def list_design_choices(draft: SessionDraft) -> list[SetupOption]:
    """The design choices with their values; the first option goes on. Raises GenoptError."""
    from genopt_tui.config import DesignChoices
    from genopt_tui.task import loader
    from genopt_tui.ui.settings_form import list_fields

    go_on = SetupOption(
        "go on",
        "go on with these",
        "Enter on a line below changes it; d on the main screen does later",
    )
    fields = [f for f in list_fields(DesignChoices()) if f.key not in {"start", "scope"}]
    chosen = resolve_settings(draft)
    lines = [_build_setting_option(f.key, chosen.get(f.key, f.value), f.help) for f in fields]
    if draft.file_options:
        return [go_on, *lines]
    task = loader.find_task(draft.task).task
    for name, setting in task.settings.items():
        lines.append(
            _build_setting_option(
                f"task.{name}", chosen.get(f"task.{name}", setting.default), setting.help
            )
        )
    return [go_on, *list_presets(draft, task), *lines]


def resolve_settings(draft: SessionDraft) -> dict[str, Any]:
    """The settings that the session begins with: the task's, overridden by the preset's, then by the
    person's. Raises GenoptError."""
    from genopt_tui.task import loader

    if draft.file_options:
        return dict(draft.pairs)
    task = loader.find_task(draft.task).task
    return {
        **task.choices,
        **(task.presets[draft.preset].set if draft.preset else {}),
        **draft.pairs,
    }


def _build_setting_option(key: str, value: object, help_: str) -> SetupOption:
    return SetupOption(key, f"{key} = {value}", help_, key)


def list_presets(draft: SessionDraft, task: "Task") -> list[SetupOption]:
    """The presets of a task, each with what it changes; the chosen one is marked."""
    from genopt_tui.task import presets

    out = []
    for name, preset in task.presets.items():
        chosen = name == draft.preset
        words = f"preset {name}: chosen, Enter takes it back" if chosen else f"preset {name}"
        out.append(SetupOption(PRESET_PREFIX + name, words, preset.description))
        out += [
            SetupOption("", f"    {change['key']}", presets.describe_change(change))
            for change in presets.list_changes(task, name)
        ]
    return out


def list_models() -> list[SetupOption]:
    """The models that can propose here: by API keys, programs and servers, then those that always
    work."""
    found = [
        SetupOption(model, model, f"{name} is set")
        for name, model in MODELS_BY_API_KEY.items()
        if os.environ.get(name)
    ]
    found += [
        SetupOption(
            how,
            how,
            f"{name} is here: it {note}" if note.startswith("reads") else f"{name} is here: {note}",
        )
        for name, (how, note) in MODEL_COMMANDS.items()
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
    """The model that a person named in answer to the option's question."""
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


def check_draft(draft: SessionDraft) -> list[SetupOption]:
    """The cost of a step and of a run, and the doctor's findings. Raises GenoptError."""
    if draft.file_options:
        note = "your files are run once when the session is made: without a score nothing is made"
        return [SetupOption("", "your files", note), *estimate_spending(draft, "")]
    chosen = draft.pairs | ({"start": draft.start} if draft.start else {})
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    sets += ["--preset", draft.preset] if draft.preset else []
    found = json.loads(_run_genopt(["check", draft.task, "--json", *sets], allowed=(0, 1)))[
        "findings"
    ]
    step_time = next((f["message"] for f in found if f["code"] == "step-time"), "")
    lines = [
        SetupOption(
            "", f"{f['level']} {f['code']}", f"{f['message']} {f.get('advice') or ''}".strip()
        )
        for f in sorted(found, key=lambda f: LEVELS.index(f["level"]))
        if f["code"] != "step-time"
    ]
    return [*estimate_spending(draft, step_time), *lines]


def estimate_spending(draft: SessionDraft, step_time: str) -> list[SetupOption]:
    """Time, calls and money of a step and of a run; `step_time` is what the doctor measured."""
    from genopt_tui.config import DesignChoices

    chosen = resolve_settings(draft)
    context = int(chosen.get("evidence.context", DesignChoices().evidence.context))
    calls, steps = int(chosen.get("candidates", 1)), int(chosen.get("budget.steps") or 0)
    out = [SetupOption("", "time", step_time)] if step_time else []
    asked = f"{calls} model call{'s' if calls > 1 else ''} a step, {calls * steps} a run of {steps} steps; more where a reply is repaired"
    out.append(
        SetupOption(
            "",
            "calls",
            asked
            if is_model_service(draft.model)
            else f"none: {draft.model} asks no model service",
        )
    )
    if is_model_service(draft.model):
        price = estimate_call_price(draft.model, context)
        cost = (
            f"at most ${calls * price:.3f} a step, ${calls * steps * price:.2f} a run"
            if price
            else "$? (no price is known)"
        )
        out.append(
            SetupOption(
                "", "money", f"{cost}; a prompt holds at most {context:,} tokens of evidence"
            )
        )
    return out


def is_model_service(model: str) -> bool:
    """Whether proposals of `model` are calls that may cost money."""
    return not model.startswith(("manual", "search", "replay:", "command:"))


def estimate_call_price(model: str, tokens: int) -> float:
    """The highest price of one call in dollars, from litellm's price list; 0 where it is unknown."""
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


def create_session(draft: SessionDraft) -> Path:
    """Create the session and return its path. Raises UsageError with the message of `genopt new`."""
    return Path(json.loads(_run_genopt(draft.build_arguments()))["path"])


def try_model(model: str) -> str:
    """Ask a model one short question and describe the result in one line."""
    if model.startswith(("manual", "search", "replay:")):
        return f"{model} needs no call"
    try:
        ended = _run_python("-m", "genopt_tui.propose.probe", model)
    except subprocess.TimeoutExpired:
        return single_line(f"{model}: no answer within {COMMAND_TIMEOUT:.0f} s")
    lines = (ended.stdout or ended.stderr).strip().splitlines() or ["failed without a message"]
    return single_line(f"{model} {lines[-1]}")


def _run_genopt(arguments: Sequence[str], allowed: Sequence[int] = (0,)) -> str:
    ended = _run_python("-m", "genopt_tui", *arguments)
    if ended.returncode not in allowed:
        lines = ended.stderr.strip().splitlines() or [
            f"genopt {arguments[0]} ended with code {ended.returncode}"
        ]
        raise UsageError(single_line(lines[-1].removeprefix("genopt: ")))
    return ended.stdout
