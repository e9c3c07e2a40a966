"""Proposals from a model behind litellm."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from genopt_tui.config import SessionSettings
from genopt_tui.errors import ProposerPause
from genopt_tui.learn.text import estimate_tokens
from genopt_tui.propose import lite
from genopt_tui.propose.base import Ask, Counter, Delta, Finish, Proposer, Said, Spent
from genopt_tui.propose.faults import as_fault, ended_early
from genopt_tui.propose.retry import Fault, retried

NOTHING_STREAMED = "nothing of a streamed reply arrived: does the server take stream=true?"


class ModelProposer(Proposer):
    """A litellm model.

    Its thinking, where the provider tells it, is part of the reply between `<think>` and `</think>`. A call of a tool, which
    nobody offered it, is part of the reply too: what it names and the arguments as they came.
    """

    def __init__(self, model: str, settings: SessionSettings) -> None:
        self.name = model
        self._settings = settings
        self._warming: asyncio.Future[None] | None = None

    async def stream(self, ask: Ask) -> AsyncIterator[Said]:
        await self.warm()
        litellm = lite.load()
        request = self._request(litellm, ask)
        async for event in retried(lambda: self._once(litellm, ask, request), self._settings.retry, self.name):
            yield event

    async def warm(self) -> None:
        if self._warming is None:
            self._warming = asyncio.ensure_future(asyncio.to_thread(lite.warm, self.name))
        await asyncio.shield(self._warming)

    async def counter(self) -> Counter:
        await self.warm()
        litellm = lite.load()
        if not lite.exact_tokenizer(litellm, self.name):
            return Counter(estimate_tokens)
        return Counter(partial(lite.count, litellm, self.name), exact=True)

    async def price(self, input_tokens: int, output_tokens: int) -> float | None:
        await self.warm()
        return self._cost(lite.load(), input_tokens, output_tokens, {})

    async def spent(self, ask: Ask, text: str) -> Spent:
        await self.warm()
        return self._estimate(lite.load(), ask, text)

    async def _once(self, litellm: Any, ask: Ask, request: Mapping[str, Any]) -> AsyncIterator[Said]:
        """One request. Raises Fault."""
        import openai

        deadline = time.monotonic() + self._settings.retry.timeout
        text, stream = "", None
        try:
            async with asyncio.timeout(_left(deadline)):
                stream = await litellm.acompletion(**request)
            whole = Halves()
            async for piece in _pieces(stream, deadline):
                if piece := whole.joined(piece):
                    text += piece
                    yield Delta(piece)
            yield self._finish(litellm, ask, stream, text)
        except TimeoutError:
            why = f"no complete reply in {self._settings.retry.timeout:g} s"
            raise Fault(why, self._estimate(litellm, ask, text), advice="Resume to try again") from None
        except openai.OpenAIError as error:
            if ended_early(error):
                raise self._cut_short(litellm, ask, text) from error
            raise as_fault(error, self._estimate(litellm, ask, text), began=stream is not None) from error
        finally:
            if stream is not None:
                await stream.aclose()

    def _request(self, litellm: Any, ask: Ask) -> dict[str, Any]:
        """What litellm is asked. Its own retries are off: there is one layer. Raises ProposerPause."""
        settings = self._settings
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [dict(m) for m in ask.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": settings.retry.timeout,
            "max_retries": 0,
        }
        if "seed" in _supported(litellm, self.name):
            request["seed"] = ask.number()
        temperature = settings.temperature if ask.temperature is None else ask.temperature
        if temperature is not None:
            request["temperature"] = temperature
        if settings.api_base:
            request["api_base"] = settings.api_base
            if self.name.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
                request["api_key"] = "none"  # a server of one's own wants no key, the client insists on one
        return {**request, **settings.params, **ask.params}

    def _finish(self, litellm: Any, ask: Ask, stream: Any, text: str) -> Finish:
        """The end of a whole reply. Raises Fault where the stream ended without a reason: litellm would invent one."""
        reason = stream.received_finish_reason or stream.intermittent_finish_reason
        if reason is None:
            raise self._cut_short(litellm, ask, text)
        reported = next((c.usage for c in reversed(stream.chunks) if getattr(c, "usage", None)), None)
        if reported is None or not (_is_count(reported.prompt_tokens) and _is_count(reported.completion_tokens)):
            spent = self._estimate(litellm, ask, text)
            return Finish(reason, spent.usage, spent.cost, estimated=True)
        usage = {"input": reported.prompt_tokens, "output": reported.completion_tokens}
        return Finish(reason, usage, self._price(litellm, reported, ask.params))

    def _cut_short(self, litellm: Any, ask: Ask, text: str) -> Fault:
        """The fault of a stream that ended without a finish reason."""
        why = "the stream ended early, without a finish reason" if text else NOTHING_STREAMED
        return Fault(why, self._estimate(litellm, ask, text), advice="Resume to try again")

    def _estimate(self, litellm: Any, ask: Ask, text: str) -> Spent:
        """What a request cost whose usage the provider did not report."""
        sent, received = sum(estimate_tokens(m["content"]) for m in ask.messages), estimate_tokens(text)
        return Spent({"input": sent, "output": received}, self._cost(litellm, sent, received, ask.params))

    def _cost(self, litellm: Any, sent: int, received: int, params: Mapping[str, Any]) -> float | None:
        return self._price(litellm, litellm.Usage(prompt_tokens=sent, completion_tokens=received), params)

    def _price(self, litellm: Any, usage: Any, params: Mapping[str, Any]) -> float | None:
        params = {**self._settings.params, **params}
        own_server = bool(self._settings.api_base or "api_base" in params)
        return lite.price(litellm, self.name, usage, params, own_server=own_server)


def _supported(litellm: Any, model: str) -> set[str]:
    """Parameters that the model's provider takes. Raises ProposerPause when litellm knows no such provider."""
    import openai

    try:
        litellm.get_llm_provider(model)
    except openai.OpenAIError as error:
        raise ProposerPause(
            f"'{model}' names no provider",
            advice="Write openai/NAME, anthropic/NAME, ollama/NAME, …, or command:PROGRAM, manual, search, replay:FILE",
        ) from error
    return set(litellm.get_supported_openai_params(model) or ())


async def _pieces(stream: Any, deadline: float) -> AsyncIterator[str]:
    """The text of a stream as it comes; thinking and calls of tools are marked. Raises TimeoutError at the deadline."""
    before = PLAIN
    chunks = aiter(stream)
    while True:
        async with asyncio.timeout(_left(deadline)):
            chunk = await anext(chunks, None)
        if chunk is None:
            break
        for manner, text in _told(chunk.choices[0].delta) if chunk.choices else ():
            yield text if manner.key == before.key else before.end + manner.begin + text
            before = manner
    if before.end:
        yield before.end


@dataclass(frozen=True)
class Manner:
    """How something is said, and what stands around it in the reply."""

    key: str
    begin: str = ""
    end: str = ""


PLAIN, THINKING = Manner("plain"), Manner("thinking", "<think>\n", "\n</think>\n\n")


def _told(delta: Any) -> Iterator[tuple[Manner, str]]:
    """What one piece of a stream says. A call of a tool names the tool only where it begins."""
    if thought := getattr(delta, "reasoning_content", None):
        yield THINKING, thought
    if text := getattr(delta, "content", None):
        yield PLAIN, text
    calls = [(call.index, call.function) for call in getattr(delta, "tool_calls", None) or ()]
    if function := getattr(delta, "function_call", None):  # as a call was said before there were tools
        calls.append((0, function))
    for number, function in calls:
        begin = f"\n\nCall of {function.name}:\n```json\n"
        yield Manner(f"call {number}", begin, "\n```\n"), function.arguments or ""


class Halves:
    """Joins the halves of characters (surrogates) that JSON escapes bring in two pieces; a half that stays alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._half = ""

    def joined(self, piece: str) -> str:
        """`piece` as characters that can be stored and sent."""
        piece, self._half = self._half + piece, ""
        if piece.isascii():
            return piece
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_count(reported: Any) -> bool:
    return type(reported) is int and reported >= 0


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
