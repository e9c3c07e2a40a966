"""Proposals from a model behind litellm, which is loaded late and kept quiet."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any

from genopt_tui.config import SessionSettings
from genopt_tui.propose.base import Ask, Counter, Delta, Finish, Proposer, Said, estimate_tokens
from genopt_tui.propose.faults import as_fault
from genopt_tui.propose.retry import Fault, retried

OPEN, CLOSE = "<think>\n", "\n</think>\n\n"


class ModelProposer(Proposer):
    """A litellm model. Its thinking, where the provider tells it, is part of the reply between `<think>` and `</think>`."""

    def __init__(self, model: str, settings: SessionSettings) -> None:
        self.name = model
        self._settings = settings

    def stream(self, ask: Ask) -> AsyncIterator[Said]:
        return retried(lambda: self._once(ask), self._settings.retry, self.name)

    async def warm(self) -> None:
        await asyncio.to_thread(_warm, self.name)

    async def counter(self) -> Counter:
        litellm = await asyncio.to_thread(load)
        bare = self.name.removeprefix("openai/")
        if bare not in litellm.open_ai_chat_completion_models:
            return Counter(estimate_tokens)
        return Counter(lambda text: int(litellm.token_counter(model=bare, text=text)), exact=True)

    async def price(self, input_tokens: int, output_tokens: int) -> float | None:
        litellm = await asyncio.to_thread(load)
        usage = litellm.Usage(prompt_tokens=input_tokens, completion_tokens=output_tokens)
        return self._cost(litellm, usage, self._settings.params)

    async def _once(self, ask: Ask) -> AsyncIterator[Said]:
        litellm = await asyncio.to_thread(load)
        import openai

        deadline = time.monotonic() + self._settings.retry.timeout
        text, stream = "", None
        try:
            async with asyncio.timeout(_left(deadline)):
                stream = await litellm.acompletion(**self._request(litellm, ask))
            async for piece in _pieces(stream, deadline):
                text += piece
                yield Delta(piece)
            reason = stream.received_finish_reason or stream.intermittent_finish_reason
            if reason is None:
                raise Fault("the reply ended early, without a reason", **self._spent(litellm, ask, text))
            yield self._finish(litellm, ask, stream, text, reason)
        except TimeoutError:
            why = f"no complete reply in {self._settings.retry.timeout:g} s"
            raise Fault(why, **self._spent(litellm, ask, text)) from None
        except openai.OpenAIError as error:
            began = stream is not None
            raise as_fault(error, began, self._spent(litellm, ask, text)) from error
        finally:
            if stream is not None:
                await stream.aclose()

    def _request(self, litellm: Any, ask: Ask) -> dict[str, Any]:
        settings = self._settings
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [dict(m) for m in ask.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": settings.retry.timeout,
            "max_retries": 0,
        }
        if "seed" in (litellm.get_supported_openai_params(self.name) or ()):
            request["seed"] = ask.number()
        temperature = settings.temperature if ask.temperature is None else ask.temperature
        if temperature is not None:
            request["temperature"] = temperature
        if settings.api_base:
            request["api_base"] = settings.api_base
            if self.name.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
                request["api_key"] = "none"  # servers of one's own want none, the client insists on one
        return {**request, **settings.params, **ask.params}

    def _finish(self, litellm: Any, ask: Ask, stream: Any, text: str, reason: str) -> Finish:
        reported = next((c.usage for c in reversed(stream.chunks) if getattr(c, "usage", None)), None)
        if reported is None:
            return Finish(reason, **self._spent(litellm, ask, text))
        usage = {"input": int(reported.prompt_tokens or 0), "output": int(reported.completion_tokens or 0)}
        return Finish(reason, usage, self._cost(litellm, reported, {**self._settings.params, **ask.params}))

    def _spent(self, litellm: Any, ask: Ask, text: str) -> dict[str, Any]:
        """What a try cost whose usage the provider did not report."""
        sent = sum(estimate_tokens(m["content"]) for m in ask.messages)
        usage = litellm.Usage(prompt_tokens=sent, completion_tokens=estimate_tokens(text))
        cost = self._cost(litellm, usage, {**self._settings.params, **ask.params})
        return {"usage": {"input": sent, "output": usage.completion_tokens}, "cost": cost, "estimated": True}

    def _cost(self, litellm: Any, usage: Any, params: Mapping[str, Any]) -> float | None:
        """US dollars by the price that was set, or by litellm's table; None when unknown.

        A server of one's own has no list price, whatever it calls its model.
        """
        if "input_cost_per_token" in params or "output_cost_per_token" in params:
            rates = (float(params.get(f"{side}_cost_per_token", 0.0)) for side in ("input", "output"))
            counts: tuple[int, int] = (usage.prompt_tokens, usage.completion_tokens)
            return sum(n * rate for n, rate in zip(counts, rates, strict=True))
        if self._settings.api_base or "api_base" in params:
            return None
        response = litellm.ModelResponse(model=self.name, usage=usage)
        try:
            return float(litellm.completion_cost(completion_response=response, model=self.name))
        except (ValueError, litellm.NotFoundError, litellm.exceptions.ModelNotMappedError):
            return None


async def _pieces(stream: Any, deadline: float) -> AsyncIterator[str]:
    """The text of a stream, thinking marked."""
    thinking = False
    chunks = aiter(stream)
    while True:
        async with asyncio.timeout(_left(deadline)):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        delta = chunk.choices[0].delta if chunk.choices else None
        if thought := getattr(delta, "reasoning_content", None):
            yield thought if thinking else OPEN + thought
            thinking = True
        if text := getattr(delta, "content", None):
            yield CLOSE + text if thinking else text
            thinking = False
    if thinking:
        yield CLOSE


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


@cache
def load() -> Any:
    """litellm, made quiet: it reads no `.env`, fetches no price table, and prints nothing. Takes seconds: use a thread."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.disable_hf_tokenizer_download = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
    return litellm


def _warm(model: str) -> None:
    litellm = load()
    litellm.get_supported_openai_params(model)
