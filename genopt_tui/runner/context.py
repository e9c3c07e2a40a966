"""All that the loop works with in one session: made when first needed, made anew when a setting
asks for it.

Design choices and settings with KEY=VALUE pairs applied.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.config import DesignChoices, SessionSettings, assign
from genopt_tui.evaluate import forked_judge
from genopt_tui.runner.agent import AgentModel
from genopt_tui.runner.budget import Ledger
from genopt_tui.runner.event_log import EventLog
from genopt_tui.runner.scoring import ArtifactFiles, JournalCache, Scorer
from genopt_tui.session.task_state import apply_choices
from genopt_tui.session.travel import load_session_task
from genopt_tui.task.loader import TaskFolder, load_task

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer
    from genopt_tui.session.history.repository import Repository


PROPOSER_SETTINGS = {
    "model",
    "api_base",
    "params",
    "temperature",
    "retry",
    "record",
}  # settings that a proposer is made from
REPLAY_PACE = 400.0  # characters a second at which a recording is told to a watching person


@dataclass
class RunContext:
    """`settings` are the session's; commands change them in place.

    `suspended`: begin nothing new (after a pause or a stop).
    """

    session: Path
    event_log: EventLog
    repository: "Repository"
    settings: SessionSettings
    cache: JournalCache
    ledger: Ledger
    suspended: bool = False
    calls_in_flight: int = 0
    _scorer: Scorer | None = None
    _scorer_key: object = None
    _proposers: "dict[str, Proposer]" = field(default_factory=dict)
    _agent: AgentModel | None = None

    def __post_init__(self) -> None:
        self.event_log.before_commit = self.repository.objects.flush

    def load_choices(self, commit: str) -> DesignChoices:
        return self.repository.read_choices(commit)

    def load_task(self, choices: DesignChoices) -> TaskFolder:
        return apply_choices(load_session_task(self.session, str(choices.task["name"])), choices)

    def load_artifact(self, commit: str) -> ArtifactFiles:
        return ArtifactFiles(
            self.repository.read_artifact(commit), self.repository.artifact_tree(commit)
        )

    async def get_scorer(self, choices: DesignChoices) -> Scorer:
        """The scorer of versions under these choices and the task's files as they are now. At most
        one pool is alive: other files or settings of the task end the one before."""
        task = self.load_task(choices)
        files = task.read_file_states()
        if self._scorer and files != self._scorer.file_states:
            load_task.cache_clear()  # task.toml may be among them
            task = self.load_task(choices)
        key = (
            choices.task,
            [value for name, value in self.settings if name not in {"budget", "mode", "record"}],
            files,
        )
        if self._scorer is None or self._scorer_key != key:
            await self._end_pool()
            self._scorer = Scorer(task, choices, self.settings, self.cache, self._answer_question)
            self._scorer_key = key
        # gate and excluded examples may differ, the task by its documentation
        self._scorer.task, self._scorer.choices = task, choices
        return self._scorer

    @property
    def sandbox(self) -> str:
        return self._scorer.sandbox if self._scorer else ""

    def get_proposer(self, settings: SessionSettings | None = None) -> "Proposer":
        """Who proposes now, or under other settings. Raises UsageError when the setting names
        nobody."""
        from genopt_tui.propose.factory import create_proposer

        settings = settings or self.settings
        key = settings.model_dump_json(include=PROPOSER_SETTINGS)
        if key not in self._proposers:
            pace = REPLAY_PACE if self.settings.mode != "auto" else 0.0
            self._proposers[key] = create_proposer(settings, self.session, pace=pace)
        return self._proposers[key]

    def check_budget(self, *, new_step: bool = False, idle_steps: int = 0) -> None:
        """Raises BudgetStop when nothing more may be spent."""
        self.ledger.check(self.settings.budget, new_step=new_step, idle_steps=idle_steps)

    async def free_pool(self) -> None:
        """End the pool's processes; the next rollout starts them again."""
        forked_judge.discard()
        await self._end_pool()

    async def _end_pool(self) -> None:
        if self._scorer:
            await self._scorer.close()

    async def close(self) -> None:
        """Nothing that the loop started is left."""
        await self.free_pool()
        await asyncio.gather(*(proposer.close() for proposer in self._proposers.values()))
        if self._agent:
            await self._agent.close()
        self.repository.close()

    async def _answer_question(self, question: object) -> str:
        if self._agent is None:
            self._agent = AgentModel(
                self.settings, self.session, self.event_log, self._check_agent_budget
            )
        return await self._agent.answer(question)  # type: ignore[arg-type]

    def _check_agent_budget(self) -> None:
        self.ledger.check(self.settings.budget, agent=True)


def assign_choices(old: DesignChoices, pairs: Sequence[str], context: RunContext) -> DesignChoices:
    """The choices with KEY=VALUE pairs applied. Raises UsageError."""
    if not pairs:
        return old
    new = old.model_copy(deep=True)
    assign(new, context.settings.model_copy(deep=True), pairs, context.load_task(old).task.settings)
    return new


def apply_settings(
    settings: SessionSettings, pairs: Sequence[str], context: RunContext
) -> SessionSettings:
    """The settings with KEY=VALUE pairs applied. Raises UsageError."""
    new, choices = (
        settings.model_copy(deep=True),
        context.load_choices(context.repository.head()).model_copy(deep=True),
    )
    assign(choices, new, pairs, context.load_task(choices).task.settings)
    return new
