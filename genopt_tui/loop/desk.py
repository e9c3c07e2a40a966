"""All that the loop works with in one session: made when first needed, made anew when a setting asks for it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.config import DesignChoices, SessionSettings
from genopt_tui.evaluate import forked
from genopt_tui.loop.agent import AgentCalls
from genopt_tui.loop.book import Book
from genopt_tui.loop.budget import Ledger
from genopt_tui.loop.cache import JournalCache
from genopt_tui.loop.scoring import Scorer, Version
from genopt_tui.session.state import under
from genopt_tui.session.travel import task_of
from genopt_tui.task.loader import TaskFolder

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer
    from genopt_tui.session.repository import Repository

PROPOSING = {"model", "api_base", "params", "temperature", "retry", "record"}  # settings that a proposer is made from
PACE = 400.0  # characters a second at which a recording is told to a watching person


@dataclass
class Desk:
    """`settings` are the session's, read again when a command changes them.

    `held`: nothing new is begun (a pause, a stop); `asking` counts model calls under way.
    """

    session: Path
    book: Book
    repository: "Repository"
    settings: SessionSettings
    cache: JournalCache
    ledger: Ledger
    held: bool = False
    asking: int = 0
    _scorer: Scorer | None = None
    _scorer_of: object = None
    _proposers: "dict[str, Proposer]" = field(default_factory=dict)
    _agent: AgentCalls | None = None

    def __post_init__(self) -> None:
        self.book.before = self.repository.objects.flush

    def choices(self, commit: str) -> DesignChoices:
        return self.repository.choices(commit)

    def task(self, choices: DesignChoices) -> TaskFolder:
        return under(task_of(self.session, str(choices.task["name"])), choices)

    def version(self, commit: str) -> Version:
        return Version(self.repository.files(commit), self.repository.tree(commit))

    async def scorer(self, choices: DesignChoices) -> Scorer:
        """Who rolls versions out under these choices. At most one pool is alive: other settings of the task end the one before."""
        of = (choices.task, [value for name, value in self.settings if name not in {"budget", "mode", "record"}])
        if self._scorer is None or self._scorer_of != of:
            await self._end_pool()
            self._scorer = Scorer(self.task(choices), choices, self.settings, self.cache, self._answer)
            self._scorer_of = of
        scorer = self._scorer
        scorer.task, scorer.choices = self.task(choices), choices  # gate and excluded examples may differ
        return scorer

    @property
    def sandbox(self) -> str:
        return self._scorer.sandbox if self._scorer else ""

    def proposer(self, settings: SessionSettings | None = None) -> "Proposer":
        """Who proposes now, or under other settings. Raises UsageError when the setting names nobody."""
        from genopt_tui.propose.make import make

        settings = settings or self.settings
        key = settings.model_dump_json(include=PROPOSING)
        if key not in self._proposers:
            pace = PACE if self.settings.mode != "auto" else 0.0
            self._proposers[key] = make(settings, self.session, pace=pace)
        return self._proposers[key]

    def check_budget(self, *, new_step: bool = False, idle_steps: int = 0) -> None:
        """Raises BudgetStop when nothing more may be spent."""
        self.ledger.check(self.settings.budget, new_step=new_step, idle_steps=idle_steps)

    async def free(self) -> None:
        """End the pool's processes; the next rollout starts them again."""
        forked.drop()
        await self._end_pool()

    async def _end_pool(self) -> None:
        if self._scorer:
            await self._scorer.close()

    async def close(self) -> None:
        """Nothing that the loop started is left."""
        await self.free()
        await asyncio.gather(*(proposer.close() for proposer in self._proposers.values()))
        if self._agent:
            await self._agent.close()
        self.repository.close()

    async def _answer(self, question: object) -> str:
        if self._agent is None:
            self._agent = AgentCalls(self.settings, self.session, self.book, self._check_agent)
        return await self._agent.answer(question)  # type: ignore[arg-type]

    def _check_agent(self) -> None:
        self.ledger.check(self.settings.budget, agent=True)
