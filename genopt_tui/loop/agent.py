"""Answers to `llm(...)` of artifacts: asked outside the sandbox, bounded, cached, counted."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.config import SessionSettings
from genopt_tui.errors import UsageError
from genopt_tui.loop.book import Book

if TYPE_CHECKING:
    from genopt_tui.evaluate.pool import LlmQuestion


class AgentCalls:
    """The session's agent model. Equal questions of one repeat are asked once."""

    def __init__(
        self,
        settings: SessionSettings,
        session: Path,
        book: Book | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`check` is called before each request; it raises BudgetStop where nothing more may be spent."""
        from genopt_tui.propose.answer import Agent
        from genopt_tui.propose.make import named

        if not settings.agent_model:
            raise UsageError("the artifact calls a model and none is set", advice="--set agent_model=NAME")
        self._settings, self._book, self._check = settings, book, check
        self._agent = Agent(named(settings.agent_model, settings, session))
        self._places = asyncio.Semaphore(settings.llm.concurrency)
        self._answers: dict[str, asyncio.Task[str]] = {}
        self._told: dict[str, str] = {}
        self._told_to = 0  # the last event that `_told` knows

    async def answer(self, question: "LlmQuestion") -> str:
        """The model's answer. Raises ProposerError, BudgetStop."""
        key = self._key(question)
        task = self._answers.get(key)
        if task is None or task.cancelled() or (task.done() and task.exception()):
            if (known := self._known(key)) is not None:
                return known
            task = self._answers[key] = asyncio.create_task(self._ask(question, key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)
        await self._agent.proposer.close()

    def _known(self, key: str) -> str | None:
        """The answer that the journal holds."""
        if self._book:
            for event in self._book.journal.events(self._told_to, kinds=["agent_call"]):
                self._told[event.data["key"]] = event.data["text"]
                self._told_to = event.id
        return self._told.get(key)

    async def _ask(self, question: "LlmQuestion", key: str) -> str:
        async with self._places:
            self._check()
            answer = await self._agent.answer(question.messages, question.params, seed=self._settings.seed)
        if self._book:
            usage = dict(answer.usage) if answer.usage else None
            told = {"calls": answer.calls, "usage": usage, "cost": answer.cost, "estimated": answer.estimated}
            self._book.say("agent_call", step=0, key=key, text=answer.text, **told)
        return answer.text

    def _key(self, question: "LlmQuestion") -> str:
        parts = [self._settings.agent_model, question.params, list(question.messages), question.repeat, question.n]
        return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
