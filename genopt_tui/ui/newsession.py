"""Making a session from the interface: what there is to choose from, and the command that makes it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genopt_tui.errors import GenoptError, UsageError, single_line

KEYS = {
    "OPENAI_API_KEY": "openai/gpt-5-mini",
    "ANTHROPIC_API_KEY": "anthropic/claude-sonnet-4-5",
    "GEMINI_API_KEY": "gemini/gemini-2.5-flash",
    "OPENROUTER_API_KEY": "openrouter/auto",
    "MISTRAL_API_KEY": "mistral/mistral-large-latest",
}
LOCAL = {11434: "ollama/", 8000: "openai/", 1234: "openai/"}
"""Ports at which servers of this machine answer, and how their models are named."""
PATIENCE = 120.0
"""Seconds that a command of ours may take."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of a step: the value it stands for, its words; `ask` is the question where text is still needed."""

    value: str
    words: str
    note: str = ""
    ask: str = ""


@dataclass
class Wish:
    """What was chosen so far."""

    task: str = ""
    start: str = ""
    model: str = ""
    pairs: dict[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """As `genopt new` takes them."""
        out = ["new", self.task, "--json"]
        out += ["--start", self.start] if self.start else []
        out += ["--model", self.model] if self.model else []
        return [*out, *(word for key, value in self.pairs.items() for word in ("--set", f"{key}={value}"))]


def tasks() -> list[Offer]:
    """All tasks that can be read, and a folder of one's own. Raises GenoptError."""
    from genopt_tui.task import loader

    out = []
    for name in loader.names():
        try:
            out.append(Offer(name, name, loader.find(name).task.description))
        except GenoptError as error:
            out.append(Offer("", name, str(error)))
    own = Offer("", "my files ...", "a folder with a task.toml; for a prompt or a command: genopt new --help", "Path")
    return [*out, own]


def starts(task: str) -> list[Offer]:
    """The starting artifacts of a task. Raises GenoptError."""
    from genopt_tui.task import loader

    return [Offer(name, name, start.description) for name, start in loader.find(task).task.starts.items()]


def models() -> list[Offer]:
    """Who could propose here: by keys and servers that are present, then what always works."""
    found = [Offer(model, model, f"{name} is set") for name, model in KEYS.items() if os.environ.get(name)]
    found += [
        Offer("", f"{prefix}...", f"a server answers at port {port}", f"Model, as in {prefix}NAME")
        for port, prefix in LOCAL.items()
        if _answers(port)
    ]
    none = [] if found else [Offer("", "no key and no local server was found: choose below", "")]
    return [
        *found,
        *none,
        Offer("", "another model ...", "as litellm names it", "Model, as in openai/NAME"),
        Offer("", "command ...", "a program that reads the prompt and prints the reply", "command:PROGRAM"),
        Offer("manual", "manual", "you carry prompt and reply"),
        Offer("search", "search", "no model: random changes of numbers, a baseline"),
    ]


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.1):
            return True
    except OSError:
        return False


def check(wish: Wish) -> list[str]:
    """What the doctor says of the task, in lines. Raises GenoptError."""
    found = json.loads(_run(["check", wish.task, "--json"], allowed=(0, 1)))["findings"]
    return [f"{f['level']:<5} {f['message']}" + (f". {f['advice']}" if f.get("advice") else "") for f in found]


def make(wish: Wish) -> Path:
    """Make the session; where it is. Raises UsageError saying what `genopt new` said."""
    return Path(json.loads(_run(wish.arguments()))["path"])


def test_call(model: str) -> str:
    """Ask a model one short question; what came of it, in a line. Raises UsageError."""
    if model.startswith(("manual", "search", "replay:")):
        return f"{model} needs no call"
    if model.startswith("command:"):
        program = model.removeprefix("command:").split()[0]
        return f"{program} is on the PATH" if shutil.which(program) else f"{program} is not on the PATH"
    code = (
        "import sys, litellm; r = litellm.completion(model=sys.argv[1], max_tokens=5, timeout=30, "
        "messages=[{'role': 'user', 'content': 'Say ok'}]); print(r.choices[0].message.content)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, model], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    lines = (ended.stdout if ended.returncode == 0 else ended.stderr).strip().splitlines() or [""]
    return single_line(f"{model}: {'answers: ' if ended.returncode == 0 else 'failed: '}{lines[-1][:200]}")


def _run(arguments: Sequence[str], allowed: Sequence[int] = (0,)) -> str:
    command = [sys.executable, "-m", "genopt_tui", *arguments]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
    )
    if ended.returncode not in allowed:
        lines = ended.stderr.strip().splitlines() or [f"genopt {arguments[0]} ended with code {ended.returncode}"]
        raise UsageError(single_line(lines[-1].removeprefix("genopt: ")))
    return ended.stdout
