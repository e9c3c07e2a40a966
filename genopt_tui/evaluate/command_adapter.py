"""A task without task.py: stands in for the task's module in the judge and runs its command inside
the sandbox.

Command and artifact share a process tree, so the score is what the command itself reports.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from genopt_tui.config import Sandbox
from genopt_tui.task.command_output import (
    MAX_FEEDBACK_CHARS,
    MAX_TRACE_CHARS,
    CommandOutput,
    CommandResult,
    NoScore,
    keep_tail,
    read_result,
)
from genopt_tui.task.command_task import load_examples
from genopt_tui.task.contract import ArtifactError, Context, Example, Result
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.model import Task
from genopt_tui.task.rollout import Limits, Split

DEFAULT_PROCESSES = 16  # processes of a command, where the task sets no limit


class CommandTask:
    """`examples` and `run` of a command task, as a `task.py` would have them.

    `has_failed`: the last command ended with an exit code other than 0.
    """

    def __init__(self, folder: TaskFolder) -> None:
        self.folder, self.task = folder, folder.task
        self.has_failed = False

    def examples(self, split: Split) -> list[Example]:
        return load_examples(self.folder.path, split)

    def run(self, artifact: Mapping[str, str], example: Example, ctx: Context) -> Result:
        """Run check and command. Raises ArtifactError when the command fails, NoScore when there is
        no score."""
        if self.task.check:
            checked = self._run_line(ctx, self.task.check)
            if checked.exit_code:
                raise NoScore(
                    f"the check did not pass ({describe_exit(checked.exit_code)}): "
                    f"{keep_tail(checked.text, MAX_FEEDBACK_CHARS)}"
                )
        done = self._run_line(
            ctx, self.task.command.replace("{example}", shlex.quote(str(example.data)))
        )
        found = read_result(done, self.task.source, self.task.metric, fallback=self.task.fallback)
        if found is None:
            raise ArtifactError(
                f"the command failed ({describe_exit(done.exit_code)})\n"
                f"{keep_tail(done.text, MAX_TRACE_CHARS)}"
            )
        self._record_trace(ctx, found, done)
        feedback = found.feedback or keep_tail(done.text, MAX_FEEDBACK_CHARS)
        return Result(found.score, feedback.strip(), found.metrics)

    def _run_line(self, ctx: Context, line: str) -> CommandOutput:
        done = CommandOutput(*ctx.call("run", line))
        self.has_failed = done.exit_code != 0
        return done

    def _record_trace(self, ctx: Context, found: CommandResult, done: CommandOutput) -> None:
        """Record the steps that the command reported, or one step with what it printed."""
        for step in found.trace:
            if isinstance(step, dict) and set(step) & {"observation", "action", "reward"}:
                reward = step.get("reward")
                ctx.step(
                    step.get("observation"),
                    step.get("action"),
                    reward if isinstance(reward, int | float) else None,
                )
            else:
                ctx.step(step)
        if not found.trace:
            ctx.step({"printed": keep_tail(done.text, MAX_TRACE_CHARS)}, reward=found.score)


def describe_exit(code: int) -> str:
    """A shell's exit code in words; a shell reports the signal that ended a program as 128 + its
    number."""
    number = -code if code < 0 else code - 128
    return f"ended by signal {number}" if number > 0 else f"exit code {code}"


def adjust_limits(task: Task, limits: Limits) -> Limits:
    """The limits of a task: a command task always needs processes."""
    return (
        replace(limits, processes=limits.processes or DEFAULT_PROCESSES) if task.command else limits
    )


def add_task_files(folder: TaskFolder, settings: Sandbox) -> Sandbox:
    """The sandbox's settings with the task's `files/`, and the targets of its links, readable."""
    files = folder.path / "files"
    if not folder.task.command or not files.is_dir():
        return settings
    return settings.model_copy(
        update={"read": [*settings.read, str(files.resolve()), *list_link_targets(files)]}
    )


def list_link_targets(files: Path) -> list[str]:
    """Where the links in a folder lead."""
    found = []
    for place, folders, names in os.walk(files):
        paths = (Path(place, name) for name in [*folders, *names])
        found += [str(path.resolve()) for path in paths if path.is_symlink() and path.exists()]
    return found
