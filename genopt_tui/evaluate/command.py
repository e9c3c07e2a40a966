"""A task without task.py: its command, run wholly inside the sandbox. Stands in for the task's module in the judge.

Command and artifact share a process tree, so the score is what the command says of itself.
"""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from genopt_tui.config import Sandbox
from genopt_tui.task.command import examples
from genopt_tui.task.contract import ArtifactError, Context, Example, Result
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.model import Task
from genopt_tui.task.printed import FEEDBACK, PRINTED, Found, NoScore, Printed, found_in, tail
from genopt_tui.task.rollout import Limits, Split

PROCESSES = 16  # that a command may start where the task's limits do not say


class CommandTask:
    """`examples` and `run` of a command task, as a `task.py` would have them. `advise` says which wall of the sandbox a text tells of."""

    def __init__(self, folder: TaskFolder, advise: Callable[[str], str]) -> None:
        self.folder, self.task, self._advise = folder, folder.task, advise

    def examples(self, split: Split) -> list[Example]:
        return examples(self.folder.path, split)

    def run(self, artifact: Mapping[str, str], example: Example, ctx: Context) -> Result:
        """Run check and command. Raises ArtifactError when the command fails, NoScore when there is no score."""
        if self.task.check:
            checked = self._run(ctx, self.task.check)
            if checked.code:
                raise NoScore(f"the check did not pass ({ended(checked.code)}): {tail(checked.text, FEEDBACK)}")
        done = self._run(ctx, self.task.command.replace("{example}", shlex.quote(str(example.data))))
        found = found_in(done, self.task.source, self.task.metric, otherwise=self.task.otherwise)
        if found is None:
            raise ArtifactError(f"the command failed ({ended(done.code)})\n{tail(done.text, PRINTED)}")
        self._trace(ctx, found, done)
        feedback = found.feedback or tail(done.text, FEEDBACK)
        advice = self._advise(done.text) if done.code else ""
        return Result(found.score, f"{feedback}\n{advice}".strip(), found.metrics)

    def _run(self, ctx: Context, line: str) -> Printed:
        return Printed(*ctx.call("run", line))

    def _trace(self, ctx: Context, found: Found, done: Printed) -> None:
        """The steps that the command told, or one that holds what it printed."""
        for told in found.trace:
            if isinstance(told, dict) and set(told) & {"observation", "action", "reward"}:
                reward = told.get("reward")
                ctx.step(
                    told.get("observation"), told.get("action"), reward if isinstance(reward, int | float) else None
                )
            else:
                ctx.step(told)
        if not found.trace:
            ctx.step({"printed": tail(done.text, PRINTED)}, reward=found.score)


def ended(code: int) -> str:
    """A shell's exit code in words; it reports the signal that ended a program as 128 and its number."""
    number = -code if code < 0 else code - 128
    return f"ended by signal {number}" if number > 0 else f"exit code {code}"


def room_for(task: Task, limits: Limits) -> Limits:
    """The limits of a command task: it cannot do without processes."""
    return replace(limits, processes=limits.processes or PROCESSES) if task.command else limits


def opened(folder: TaskFolder, settings: Sandbox) -> Sandbox:
    """The sandbox's settings with the task's `files/`, and what links in it lead to, readable."""
    files = folder.path / "files"
    if not folder.task.command or not files.is_dir():
        return settings
    return settings.model_copy(update={"read": [*settings.read, str(files.resolve()), *links(files)]})


def links(files: Path) -> list[str]:
    """Where the links in a folder lead."""
    found = []
    for place, folders, names in os.walk(files):
        paths = (Path(place, name) for name in [*folders, *names])
        found += [str(path.resolve()) for path in paths if path.is_symlink() and path.exists()]
    return found
