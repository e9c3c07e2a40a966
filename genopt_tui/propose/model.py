"""Proposals from a model behind litellm."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from genopt_tui.config import SessionSettings
from genopt_tui.errors import ProposerPause
from genopt_tui.learn.text import estimate_tokens
from genopt_tui.propose import litellm_client
from genopt_tui.propose.base import (
    Delta,
    Finish,
    Proposer,
    ReplyRequest,
    RequestCost,
    StreamEvent,
    TokenCounter,
)
from genopt_tui.propose.provider_errors import ended_early, to_try_error
from genopt_tui.propose.retry import TryError, stream_with_retry

NOTHING_STREAMED = "nothing of a streamed reply arrived: does the server take stream=true?"


class ModelProposer(Proposer):
    """A litellm model.

    Its thinking, where the provider sends it, is part of the reply between `<think>` and
    `</think>`. So is a tool call, although no tool is offered: its name and arguments as sent.
    """

    def __init__(self, model: str, settings: SessionSettings) -> None:
        self.name = model
        self._settings = settings
        self._warmup: asyncio.Future[None] | None = None

    async def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        await self.warm_up()
        litellm = litellm_client.load_litellm()
        options = self._build_request(litellm, request)
        async for event in stream_with_retry(
            lambda: self._stream_once(litellm, request, options), self._settings.retry, self.name
        ):
            yield event

    async def warm_up(self) -> None:
        if self._warmup is None:
            self._warmup = asyncio.ensure_future(
                asyncio.to_thread(litellm_client.warm_up, self.name)
            )
        await asyncio.shield(self._warmup)

    async def get_counter(self) -> TokenCounter:
        await self.warm_up()
        litellm = litellm_client.load_litellm()
        if not litellm_client.has_exact_tokenizer(litellm, self.name):
            return TokenCounter(estimate_tokens)
        return TokenCounter(partial(litellm_client.count_tokens, litellm, self.name), exact=True)

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        await self.warm_up()
        return self._price_tokens(litellm_client.load_litellm(), input_tokens, output_tokens, {})

    async def spent(self, request: ReplyRequest, text: str) -> RequestCost:
        await self.warm_up()
        return self._estimate_cost(litellm_client.load_litellm(), request, text)

    async def _stream_once(
        self, litellm: Any, request: ReplyRequest, options: Mapping[str, Any]
    ) -> AsyncIterator[StreamEvent]:
        """One request. Raises TryError."""
        import openai

        deadline = time.monotonic() + self._settings.retry.timeout
        text, stream = "", None
        try:
            async with asyncio.timeout(_get_remaining_seconds(deadline)):
                stream = await litellm.acompletion(**options)
            whole = SurrogateJoiner()
            async for piece in _stream_text(stream, deadline):
                if piece := whole.join(piece):
                    text += piece
                    yield Delta(piece)
            yield self._make_finish(litellm, request, stream, text)
        except TimeoutError:
            why = f"no complete reply in {self._settings.retry.timeout:g} s"
            spent = self._estimate_cost(litellm, request, text)
            if not text:  # what the model generated unseen is paid for, and nobody knows it
                spent = replace(spent, cost=None)
            raise TryError(why, spent, advice="Resume to try again") from None
        except openai.OpenAIError as error:
            if ended_early(error):
                raise self._cut_short(litellm, request, text) from error
            raise to_try_error(
                error,
                self._estimate_cost(litellm, request, text),
                stream_started=stream is not None,
            ) from error
        finally:
            if stream is not None:
                await stream.aclose()

    def _build_request(self, litellm: Any, request: ReplyRequest) -> dict[str, Any]:
        """Arguments for litellm, whose own retries are off: we retry. Raises ProposerPause."""
        settings = self._settings
        options: dict[str, Any] = {
            "model": self.name,
            "messages": [dict(m) for m in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": settings.retry.timeout,
            "max_retries": 0,
        }
        if "seed" in _get_supported_parameters(litellm, self.name):
            options["seed"] = request.derive_seed()
        temperature = settings.temperature if request.temperature is None else request.temperature
        if temperature is not None:
            options["temperature"] = temperature
        if settings.api_base:
            options["api_base"] = settings.api_base
            if self.name.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
                options["api_key"] = "none"  # a local server needs no key, but the client does
        return {**options, **settings.params, **request.params}

    def _make_finish(self, litellm: Any, request: ReplyRequest, stream: Any, text: str) -> Finish:
        """The end of a complete reply. Raises TryError where the stream ended without a finish
        reason: litellm would invent one."""
        reason = stream.received_finish_reason or stream.intermittent_finish_reason
        if reason is None:
            raise self._cut_short(litellm, request, text)
        reported = next(
            (c.usage for c in reversed(stream.chunks) if getattr(c, "usage", None)), None
        )
        if reported is None or not (
            _is_count(reported.prompt_tokens) and _is_count(reported.completion_tokens)
        ):
            spent = self._estimate_cost(litellm, request, text)
            return Finish(reason, spent.usage, spent.cost, estimated=True)
        usage = {"input": reported.prompt_tokens, "output": reported.completion_tokens}
        return Finish(reason, usage, self._price_usage(litellm, reported, request.params))

    def _cut_short(self, litellm: Any, request: ReplyRequest, text: str) -> TryError:
        """The error of a stream that ended without a finish reason."""
        why = "the stream ended early, without a finish reason" if text else NOTHING_STREAMED
        return TryError(
            why, self._estimate_cost(litellm, request, text), advice="Resume to try again"
        )

    def _estimate_cost(self, litellm: Any, request: ReplyRequest, text: str) -> RequestCost:
        """The cost of a request whose usage the provider did not report."""
        sent, received = (
            sum(estimate_tokens(m["content"]) for m in request.messages),
            estimate_tokens(text),
        )
        return RequestCost(
            {"input": sent, "output": received},
            self._price_tokens(litellm, sent, received, request.params),
        )

    def _price_tokens(
        self, litellm: Any, sent: int, received: int, params: Mapping[str, Any]
    ) -> float | None:
        return self._price_usage(
            litellm, litellm.Usage(prompt_tokens=sent, completion_tokens=received), params
        )

    def _price_usage(self, litellm: Any, usage: Any, params: Mapping[str, Any]) -> float | None:
        params = {**self._settings.params, **params}
        own_server = bool(self._settings.api_base or "api_base" in params)
        return litellm_client.compute_price(
            litellm, self.name, usage, params, own_server=own_server
        )


def _get_supported_parameters(litellm: Any, model: str) -> set[str]:
    """Parameters that the model's provider takes. Raises ProposerPause for an unknown provider."""
    import openai

    try:
        litellm.get_llm_provider(model)
    except openai.OpenAIError as error:
        raise ProposerPause(
            f"'{model}' names no provider",
            advice="Write openai/NAME, anthropic/NAME, ollama/NAME, …, "
            "or command:PROGRAM, manual, search, replay:FILE",
        ) from error
    return set(litellm.get_supported_openai_params(model) or ())


async def _stream_text(stream: Any, deadline: float) -> AsyncIterator[str]:
    """The text of a stream as it arrives, with thinking and tool calls marked. Raises TimeoutError
    at the deadline."""
    before = PLAIN
    chunks = aiter(stream)
    while True:
        async with asyncio.timeout(_get_remaining_seconds(deadline)):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        for manner, text in _split_delta(chunk.choices[0].delta) if chunk.choices else ():
            yield text if manner.key == before.key else before.end + manner.begin + text
            before = manner
    if before.end:
        yield before.end


@dataclass(frozen=True)
class SegmentStyle:
    """A kind of text in a stream, and what encloses it in the reply."""

    key: str
    begin: str = ""
    end: str = ""


PLAIN, THINKING = SegmentStyle("plain"), SegmentStyle("thinking", "<think>\n", "\n</think>\n\n")


def _split_delta(delta: Any) -> Iterator[tuple[SegmentStyle, str]]:
    """The texts of one chunk of a stream. A tool call names its tool in its first chunk only."""
    if thought := getattr(delta, "reasoning_content", None):
        yield THINKING, thought
    if text := getattr(delta, "content", None):
        yield PLAIN, text
    calls = [(call.index, call.function) for call in getattr(delta, "tool_calls", None) or ()]
    if function := getattr(delta, "function_call", None):  # the form before tool calls
        calls.append((0, function))
    for number, function in calls:
        begin = f"\n\nCall of {function.name}:\n```json\n"
        yield SegmentStyle(f"call {number}", begin, "\n```\n"), function.arguments or ""


class SurrogateJoiner:
    """Joins surrogate pairs that arrive split over two chunks; a lone surrogate becomes U+FFFD."""

    def __init__(self) -> None:
        self._half = ""

    def join(self, piece: str) -> str:
        """`piece` as characters that can be stored and sent."""
        piece, self._half = self._half + piece, ""
        if piece.isascii():
            return piece
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_count(reported: Any) -> bool:
    return type(reported) is int and reported >= 0


def _get_remaining_seconds(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
