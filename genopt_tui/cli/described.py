"""One task in full: its starts by their three parts, where two differ in more than one, and what its presets change."""

from collections.abc import Iterator

from genopt_tui.cli.rules import preset_changes
from genopt_tui.learn.doctor_text import PARTS, differences
from genopt_tui.task import loader


def described(name: str) -> Iterator[str]:
    """The lines of `genopt tasks TASK`. Raises TaskError."""
    folder = loader.find(name)
    task = folder.task
    yield f"{name}: {task.description}"
    yield f"scores: {task.scored_by(task.resolve({}))}, {task.direction} is better"
    for called, start in task.starts.items():
        yield f"start {called}: {start.description}"
        yield from (f"    {part:14} {getattr(start, part)}" for part in PARTS if getattr(start, part))
        for other, against in task.starts.items():
            if other != called and len(parts := differences(start, against)) > 1:
                yield f"    differs from {other} in {', '.join(parts)}: a difference between results has more than one cause"
    for called, preset in task.presets.items():
        yield f"preset {called}: {preset.description}"
        for change in preset_changes(folder, name, "", called):
            yield f"    {change['key']} = {change['preset']} (default {change['default']})"
    for key, setting in task.settings.items():
        yield f"setting task.{key} = {setting.default}: {setting.help}"
