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

    Its thinking, where the provider tells it, is part of the reply between `<think>` and
    `</think>`. A call of a tool, which
    nobody offered it, is part of the reply too: what it names and the arguments as they came.
    """

    def __init__(self, model: str, settings: SessionSettings) -> None:
        self.name = model
        self._settings = settings
        self._warmup: asyncio.Future[None] | None = None

    async def stream(self, ask: ReplyRequest) -> AsyncIterator[StreamEvent]:
        await self.warm_up()
        litellm = litellm_client.load_litellm()
        request = self._build_request(litellm, ask)
        async for event in stream_with_retry(
            lambda: self._stream_once(litellm, ask, request), self._settings.retry, self.name
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

    async def spent(self, ask: ReplyRequest, text: str) -> RequestCost:
        await self.warm_up()
        return self._estimate_cost(litellm_client.load_litellm(), ask, text)

    async def _stream_once(
        self, litellm: Any, ask: ReplyRequest, request: Mapping[str, Any]
    ) -> AsyncIterator[StreamEvent]:
        """One request. Raises Fault."""
        import openai

        deadline = time.monotonic() + self._settings.retry.timeout
        text, stream = "", None
        try:
            async with asyncio.timeout(_get_remaining_seconds(deadline)):
                stream = await litellm.acompletion(**request)
            whole = SurrogateJoiner()
            async for piece in _stream_text(stream, deadline):
                if piece := whole.join(piece):
                    text += piece
                    yield Delta(piece)
            yield self._make_finish(litellm, ask, stream, text)
        except TimeoutError:
            why = f"no complete reply in {self._settings.retry.timeout:g} s"
            spent = self._estimate_cost(litellm, ask, text)
            if not text:  # what the model generated unseen is paid for, and nobody knows it
                spent = replace(spent, cost=None)
            raise TryError(why, spent, advice="Resume to try again") from None
        except openai.OpenAIError as error:
            if ended_early(error):
                raise self._cut_short(litellm, ask, text) from error
            raise to_try_error(
                error, self._estimate_cost(litellm, ask, text), stream_started=stream is not None
            ) from error
        finally:
            if stream is not None:
                await stream.aclose()

    def _build_request(self, litellm: Any, ask: ReplyRequest) -> dict[str, Any]:
        """What litellm is asked. Its own retries are off: there is one layer. Raises
        ProposerPause."""
        settings = self._settings
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [dict(m) for m in ask.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": settings.retry.timeout,
            "max_retries": 0,
        }
        if "seed" in _get_supported_parameters(litellm, self.name):
            request["seed"] = ask.derive_seed()
        temperature = settings.temperature if ask.temperature is None else ask.temperature
        if temperature is not None:
            request["temperature"] = temperature
        if settings.api_base:
            request["api_base"] = settings.api_base
            if self.name.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
                request["api_key"] = (
                    "none"  # a server of one's own wants no key, the client insists on one
                )
        return {**request, **settings.params, **ask.params}

    def _make_finish(self, litellm: Any, ask: ReplyRequest, stream: Any, text: str) -> Finish:
        """The end of a whole reply. Raises Fault where the stream ended without a reason: litellm
        would invent one."""
        reason = stream.received_finish_reason or stream.intermittent_finish_reason
        if reason is None:
            raise self._cut_short(litellm, ask, text)
        reported = next(
            (c.usage for c in reversed(stream.chunks) if getattr(c, "usage", None)), None
        )
        if reported is None or not (
            _is_count(reported.prompt_tokens) and _is_count(reported.completion_tokens)
        ):
            spent = self._estimate_cost(litellm, ask, text)
            return Finish(reason, spent.usage, spent.cost, estimated=True)
        usage = {"input": reported.prompt_tokens, "output": reported.completion_tokens}
        return Finish(reason, usage, self._price_usage(litellm, reported, ask.params))

    def _cut_short(self, litellm: Any, ask: ReplyRequest, text: str) -> TryError:
        """The fault of a stream that ended without a finish reason."""
        why = "the stream ended early, without a finish reason" if text else NOTHING_STREAMED
        return TryError(why, self._estimate_cost(litellm, ask, text), advice="Resume to try again")

    def _estimate_cost(self, litellm: Any, ask: ReplyRequest, text: str) -> RequestCost:
        """What a request cost whose usage the provider did not report."""
        sent, received = (
            sum(estimate_tokens(m["content"]) for m in ask.messages),
            estimate_tokens(text),
        )
        return RequestCost(
            {"input": sent, "output": received},
            self._price_tokens(litellm, sent, received, ask.params),
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
    """Parameters that the model's provider takes. Raises ProposerPause when litellm knows no such
    provider."""
    import openai

    try:
        litellm.get_llm_provider(model)
    except openai.OpenAIError as error:
        raise ProposerPause(
            f"'{model}' names no provider",
            advice="Write openai/NAME, anthropic/NAME, ollama/NAME, …, or command:PROGRAM, manual, search, replay:FILE",
        ) from error
    return set(litellm.get_supported_openai_params(model) or ())


async def _stream_text(stream: Any, deadline: float) -> AsyncIterator[str]:
    """The text of a stream as it comes; thinking and calls of tools are marked. Raises TimeoutError
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
    """How something is said, and what stands around it in the reply."""

    key: str
    begin: str = ""
    end: str = ""


PLAIN, THINKING = SegmentStyle("plain"), SegmentStyle("thinking", "<think>\n", "\n</think>\n\n")


def _split_delta(delta: Any) -> Iterator[tuple[SegmentStyle, str]]:
    """What one piece of a stream says. A call of a tool names the tool only where it begins."""
    if thought := getattr(delta, "reasoning_content", None):
        yield THINKING, thought
    if text := getattr(delta, "content", None):
        yield PLAIN, text
    calls = [(call.index, call.function) for call in getattr(delta, "tool_calls", None) or ()]
    if function := getattr(
        delta, "function_call", None
    ):  # as a call was said before there were tools
        calls.append((0, function))
    for number, function in calls:
        begin = f"\n\nCall of {function.name}:\n```json\n"
        yield SegmentStyle(f"call {number}", begin, "\n```\n"), function.arguments or ""


class SurrogateJoiner:
    """Joins the halves of characters (surrogates) that JSON escapes bring in two pieces; a half
    that stays alone becomes U+FFFD."""

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
