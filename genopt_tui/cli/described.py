"""One task in full: its starts by their three parts, where two differ in more than one, and what its presets change."""

from collections.abc import Iterator

from genopt_tui.learn.doctor_text import PARTS, differences
from genopt_tui.task import loader, presets


def described(name: str) -> Iterator[str]:
    """The lines of `genopt tasks TASK`. Raises TaskError."""
    task = loader.find(name).task
    yield f"{name}: {task.description}"
    yield f"scores: {task.scored_by(task.resolve({}))}, {task.direction} is better"
    for called, start in task.starts.items():
        yield f"start {called}: {start.description}"
        yield from (f"    {part:14} {getattr(start, part)}" for part in PARTS if getattr(start, part))
        for other in task.starts:
            if len(parts := differences(task.starts, called, other)) > 1:
                yield f"    differs from {other} in {', '.join(parts)}: a difference between results has more than one cause"
    for called, preset in task.presets.items():
        yield f"preset {called}: {preset.description}"
        yield from (f"    {change['key']} = {presets.told(change)}" for change in presets.changes(task, called))
    for key, setting in task.settings.items():
        yield f"setting task.{key} = {setting.default}: {setting.help}"
