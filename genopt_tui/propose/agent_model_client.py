"""Answers for artifacts that call `llm(...)`: the same sources, the same retries."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from genopt_tui.errors import UsageError
from genopt_tui.propose.base import Delta, FailedTry, Finish, Message, Proposer, ReplyRequest

ALLOWED_PARAMETERS = {
    *(
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "reasoning_effort",
    ),
    *("presence_penalty", "frequency_penalty", "logit_bias", "response_format"),
}


@dataclass(frozen=True)
class Answer:
    """What the agent model said. `usage` and `cost` are of all `calls` made for it, None when any
    of them is unknown."""

    text: str
    usage: Mapping[str, int] | None = None
    cost: float | None = None
    calls: int = 1
    estimated: bool = False
    finish_reason: str = "stop"


class AgentModelClient:
    """Answers artifacts through a proposer. What asks was written by a model: it may set how to
    answer, not who answers."""

    def __init__(self, proposer: Proposer) -> None:
        self.proposer = proposer
        self.name, self.warm_up, self.close = proposer.name, proposer.warm_up, proposer.close

    async def answer(
        self, messages: Sequence[Message], params: Mapping[str, Any], *, seed: int = 0
    ) -> Answer:
        """One whole reply. Raises UsageError for a wrong call of `llm(...)`, ProposerPause when
        tries are spent."""
        validate_call(messages, params)
        text, tries, last = "", [], Finish()
        async with aclosing(
            self.proposer.stream(ReplyRequest(messages, seed=seed, params=params))
        ) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Delta):
                    text += event.text
                elif isinstance(event, FailedTry):
                    text = ""
                    tries.append(event)
                elif isinstance(event, Finish):
                    last = event
        return _combine_tries(text, [*tries, last], last)


def validate_call(messages: Any, params: Mapping[str, Any]) -> None:
    """Raises UsageError where an artifact asks for what it may not, or for nothing."""
    if unknown := set(params) - ALLOWED_PARAMETERS:
        raise UsageError(
            f"llm(...) takes no {min(unknown)!r}",
            advice=f"It takes {', '.join(sorted(ALLOWED_PARAMETERS))}",
        )
    if (
        not isinstance(messages, list | tuple)
        or not messages
        or not all(map(_is_message, messages))
    ):
        raise UsageError(
            "llm(...) takes a text, or a list of {'role': ..., 'content': ...} with texts"
        )


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, Mapping)
        and set(message) == {"role", "content"}
        and message["role"] in {"system", "user", "assistant"}
        and isinstance(message["content"], str)
    )


def _combine_tries(text: str, tries: Sequence[FailedTry | Finish], last: Finish) -> Answer:
    usages, costs = [t.usage for t in tries], [t.cost for t in tries]
    usage = (
        {k: sum(u[k] for u in usages if u) for k in ("input", "output")} if all(usages) else None
    )
    cost = None if None in costs else sum(c for c in costs if c is not None)
    return Answer(
        text, usage, cost, len(tries), any(t.estimated for t in tries), last.finish_reason
    )
