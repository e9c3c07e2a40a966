"""What a command is to score: a version of a session, a start of a task, or files of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.cli.consent import require_consent
from genopt_tui.cli.target import find_session, is_session, open_repository
from genopt_tui.errors import UsageError

if TYPE_CHECKING:
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles


def build_job(
    target: str,
    version: str | None,
    artifact: Path | None,
    preset: str,
    pairs: list[str],
    split: Any,
    fresh: bool,
) -> "tuple[EvaluationJob, ArtifactFiles]":
    """What is to be scored, and how. A session's name goes before a task's."""
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles
    from genopt_tui.session.creation import build_initial_settings, choose_start
    from genopt_tui.session.git.ids import compute_tree_id
    from genopt_tui.session.task_state import apply_choices
    from genopt_tui.session.user_files import read_own_artifact
    from genopt_tui.task import loader

    if is_session(target):
        job, found = build_session_job(
            find_session(target), version or "head", preset, pairs, split, fresh
        )
    else:
        folder = loader.find_task(target)
        start = choose_start(folder, version or "", preset, pairs)
        choices, settings = build_initial_settings(folder, target, start, preset, pairs)
        job = EvaluationJob(apply_choices(folder, choices), choices, settings, None, split, fresh)
        own = folder.read_start(start)
        found = ArtifactFiles(own, compute_tree_id(own))
    files = read_own_artifact(artifact, job.task, job.choices.start) if artifact else None
    return job, ArtifactFiles(files, compute_tree_id(files)) if files else found


def build_session_job(
    path: Path, version: str, preset: str, pairs: list[str], split: Any, fresh: bool
) -> "tuple[EvaluationJob, ArtifactFiles]":
    from genopt_tui.config import SessionSettings, assign
    from genopt_tui.runner.evaluation import EvaluationJob
    from genopt_tui.runner.scoring import ArtifactFiles
    from genopt_tui.session.places import require_trust
    from genopt_tui.session.task_state import apply_choices
    from genopt_tui.session.travel import load_session_task

    require_consent(path)
    settings = SessionSettings.load(path)
    with open_repository(path) as repository:
        commit = repository.resolve(version)
        choices = repository.read_choices(repository.head())
        found = ArtifactFiles(repository.read_artifact(commit), repository.artifact_tree(commit))
    require_trust(path)
    folder = load_session_task(path, str(choices.task["name"]))
    chosen = list_preset_pairs(folder.task.presets, preset)
    assign(choices, settings, [*chosen, *pairs], folder.task.settings)
    return EvaluationJob(
        apply_choices(folder, choices), choices, settings, path, split, fresh
    ), found


def list_preset_pairs(presets: Any, name: str) -> list[str]:
    from genopt_tui.task.presets import format_value

    if name and name not in presets:
        raise UsageError(f"no preset '{name}'", advice=f"There are: {', '.join(presets) or 'none'}")
    return (
        [f"{key}={format_value(value)}" for key, value in presets[name].set.items()] if name else []
    )
