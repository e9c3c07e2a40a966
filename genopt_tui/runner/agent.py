"""Answers to `llm(...)` of artifacts: asked outside the sandbox, bounded, cached, counted."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from genopt_tui.config import SessionSettings
from genopt_tui.errors import UsageError
from genopt_tui.runner.event_log import EventLog

if TYPE_CHECKING:
    from genopt_tui.evaluate.pool import LlmQuestion


class AgentModel:
    """The session's agent model. Equal questions of one repeat are asked once."""

    def __init__(
        self,
        settings: SessionSettings,
        session: Path,
        event_log: EventLog | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`check` is called before each request; it raises BudgetStop where nothing more may be
        spent."""
        from genopt_tui.propose.factory import create_agent_model_client

        client = create_agent_model_client(settings, session)
        if client is None:
            raise UsageError(
                "the artifact calls a model and none is set", advice="--set agent_model=NAME"
            )
        self._settings, self._event_log, self._check = settings, event_log, check
        self._client = client
        self._slots = asyncio.Semaphore(settings.llm.concurrency)
        self._answers: dict[str, asyncio.Task[str]] = {}
        self._recorded: dict[str, str] = {}
        self._last_recorded_event = 0  # the newest event that `_recorded` includes

    async def answer(self, question: "LlmQuestion") -> str:
        """The model's answer. Raises ProposerError, BudgetStop."""
        key = self._build_key(question)
        task = self._answers.get(key)
        if task is None or task.cancelled() or (task.done() and task.exception()):
            if (known := self._find_recorded(key)) is not None:
                return known
            task = self._answers[key] = asyncio.create_task(self._ask(question, key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in self._answers.values():
            task.cancel()
        await asyncio.gather(*self._answers.values(), return_exceptions=True)
        await self._client.close()

    def _find_recorded(self, key: str) -> str | None:
        """The answer that the journal holds."""
        if self._event_log:
            for event in self._event_log.journal.read_events(
                self._last_recorded_event, kinds=["agent_call"]
            ):
                self._recorded[event.data["key"]] = event.data["text"]
                self._last_recorded_event = event.id
        return self._recorded.get(key)

    async def _ask(self, question: "LlmQuestion", key: str) -> str:
        async with self._slots:
            self._check()
            answer = await self._client.answer(
                question.messages, question.params, seed=self._settings.seed
            )
        if self._event_log:
            usage = dict(answer.usage) if answer.usage else None
            told = {
                "calls": answer.calls,
                "usage": usage,
                "cost": answer.cost,
                "estimated": answer.estimated,
            }
            self._event_log.append("agent_call", step=0, key=key, text=answer.text, **told)
        return answer.text

    def _build_key(self, question: "LlmQuestion") -> str:
        parts = [
            self._settings.agent_model,
            question.params,
            list(question.messages),
            question.repeat,
            question.n,
        ]
        return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
