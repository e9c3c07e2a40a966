"""From a batch's rollouts to what the model is asked: the views, the memory, the evidence, the
prompt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices
from genopt_tui.errors import UsageError
from genopt_tui.learn.evidence import Evidence, PersonChoices, RolloutView
from genopt_tui.learn.memory import Attempt, select_attempts
from genopt_tui.learn.prompt import SECTIONS, Prompt, build_prompt
from genopt_tui.learn.scope import parse_scope
from genopt_tui.session.history.versions import parse_step
from genopt_tui.session.journal import Journal, RolloutRow
from genopt_tui.task.model import Task

if TYPE_CHECKING:
    from genopt_tui.session.history.reader import Outcome
    from genopt_tui.session.history.repository import Repository, Version

TokenCounter = Callable[[str], int]
RECENT_WINDOW = 16  # of the newest attempts, those that are looked at first


@dataclass(frozen=True)
class PromptTemplates:
    """Texts of the prompt templates that override the shipped ones, by section, and where each
    comes from and its digest."""

    texts: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def load_templates(task: Path, session: Path | None) -> PromptTemplates:
    """The overrides in `prompt/SECTION.j2` of the task's folder and, before those, of the
    session's. Raises UsageError."""
    texts: dict[str, str] = {}
    origins: dict[str, str] = {}
    for whose, folder in (("task", task), ("session", session)):
        for file in (
            sorted((folder / "prompt").glob("*.j2"))
            if folder and (folder / "prompt").is_dir()
            else ()
        ):
            if file.stem not in SECTIONS:
                raise UsageError(
                    f"{file}: the prompt has no section '{file.stem}'",
                    f"it has {', '.join(SECTIONS)}",
                )
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"cannot read {file}", str(error)) from error
            texts[file.stem] = text
            origins[file.stem] = f"{whose} {sha256(text.encode()).hexdigest()[:16]}"
    return PromptTemplates(texts, origins)


def build_rollout_view(journal: Journal, row: RolloutRow, covers: str) -> RolloutView:
    """A finished rollout as evidence sees it; its trace is read only where it is looked at."""
    from genopt_tui.task.trace import TraceReader

    def load(first: int, count: int) -> list[Any]:
        return journal.read_trace_chunks(row.id, first, count)

    r = row.result
    return RolloutView(
        r.example,
        r.repeat,
        r.score,
        r.status,
        r.feedback,
        r.error,
        r.output,
        steps=TraceReader(r.steps, load),
        covers=covers,
        rollout=row.id,
        metrics=r.metrics,
    )


def compose_prompt(
    repository: "Repository",
    journal: Journal,
    base: str,
    rows: Sequence[RolloutRow],
    choices: DesignChoices,
    task: Task,
    person: PersonChoices,
    count: TokenCounter,
    chosen_steps: Mapping[int, Sequence[tuple[int, str]]] = {},
    before_step: int = 0,
    template: Mapping[str, str] = {},
) -> tuple[Evidence, Prompt]:
    """Evidence and prompt for the version `base`; rollouts that failed by our fault are no
    evidence.

    `told` is what a horizon function of the user's says of each rollout, by the rollout's id; the
    memory ends `before` a
    step where one is given. `template` overrides sections.
    """
    files = repository.read_artifact(base)
    views = [
        build_rollout_view(journal, row, task.score_covers)
        for row in rows
        if row.result.status != "infra"
    ]
    memory = collect_attempts(repository, base, choices, task.direction, before_step)
    scope, by_trace = (
        parse_scope(choices.scope, files),
        {id(v.steps): chosen_steps.get(v.rollout, ()) for v in views},
    )
    return build_prompt(
        *(task, files, scope, views, person, memory, choices, template),
        count=count,
        chooser=(lambda trace, score: by_trace[id(trace)]) if chosen_steps else None,
    )


def collect_attempts(
    repository: "Repository",
    base: str,
    choices: DesignChoices,
    direction: str,
    before_step: int = 0,
) -> list[Attempt]:
    """The earlier attempts that the memory's rule selects; their diffs and reasons come from their
    records.

    Reasons are read for the newest step first: the rule shows them whatever the memory's size.
    Where recent ones are
    asked for, no more of a long history is looked at than yields them.
    """
    tried, memory = repository.read_step_versions(), choices.memory
    look = RECENT_WINDOW if memory.order == "recent" else len(tried)
    while True:
        looked = (v for v in tried[:look] if v.decision not in {"start", "design"})
        versions = [v for v in looked if not before_step or (v.step or 0) < before_step]
        line = find_ancestors(repository, versions, base)
        made = [build_attempt(v, line) for v in versions]
        told = made if memory.scope == "session" else [a for a in made if a.on_branch]
        if len({a.step for a in told}) > memory.size or look >= len(tried):
            break
        look *= 4
    newest = max((a.step for a in made), default=0)
    commits = {(v.step, v.candidate): v.commit for v in versions}
    made = [
        _add_outcome(a, repository.read_outcome(commits[a.step, a.candidate]))
        if a.step == newest
        else a
        for a in made
    ]
    chosen = select_attempts(made, memory, direction)
    return [_add_outcome(a, repository.read_outcome(commits[a.step, a.candidate])) for a in chosen]


def find_ancestors(repository: "Repository", versions: "Sequence[Version]", base: str) -> set[str]:
    """The commit `base` and those before it, as far back as `versions` (the newest first) and one
    further."""
    parents: Mapping[str, Sequence[str]] = {v.commit: v.parents for v in versions}
    oldest = versions[-1].step or 0 if versions else 0
    line: set[str] = set()
    todo = [base]
    while todo:
        commit = todo.pop()
        if commit in line:
            continue
        line.add(commit)
        if commit in parents:
            todo += parents[commit]
        elif (parse_step(made := repository.objects.read_commit(commit)) or oldest) >= oldest:
            todo += made.parents
    return line


def build_attempt(version: "Version", line: set[str]) -> Attempt:
    """A version as memory knows it, without diff and reason."""
    return Attempt(
        step=version.step or 0,
        candidate=version.candidate,
        decision=version.decision,
        score=version.score,
        base_score=version.base_score,
        verdict=version.verdict,
        subject=version.subject.partition(": ")[
            2
        ],  # without its step, which the memory names itself
        abandoned=version.kind == "abandoned",
        on_branch=version.commit in line or bool(line.intersection(version.parents)),
    )


def _add_outcome(attempt: Attempt, outcome: "Outcome") -> Attempt:
    return replace(attempt, **outcome._asdict())
