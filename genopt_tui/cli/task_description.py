"""One task in full: its starts by their three parts, where two differ in more than one, and what
its presets change."""

from collections.abc import Iterator

from genopt_tui.learn.doctor.inputs import START_PARTS, find_differing_parts
from genopt_tui.task import loader, presets


def describe_task(name: str) -> Iterator[str]:
    """The lines of `genopt tasks TASK`. Raises TaskError."""
    task = loader.find_task(name).task
    yield f"{name}: {task.description}"
    yield f"scores: {task.describe_scoring(task.resolve_settings({}))}, {task.direction} is better"
    for called, start in task.starts.items():
        yield f"start {called}: {start.description}"
        yield from (
            f"    {part:14} {getattr(start, part)}" for part in START_PARTS if getattr(start, part)
        )
        for other in task.starts:
            if len(parts := find_differing_parts(task.starts, called, other)) > 1:
                yield f"    differs from {other} in {', '.join(parts)}: a difference between results has more than one cause"
    for called, preset in task.presets.items():
        yield f"preset {called}: {preset.description}"
        yield from (
            f"    {change['key']} = {presets.describe_change(change)}"
            for change in presets.list_changes(task, called)
        )
    for key, setting in task.settings.items():
        yield f"setting task.{key} = {setting.default}: {setting.help}"
