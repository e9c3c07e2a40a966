"""litellm, loaded late and kept quiet."""

import asyncio
import logging
import os
import socket
import sys
import urllib.request
from functools import cache
from typing import Any

WARMUP_MESSAGES = [{"role": "user", "content": "hello"}]


@cache
def load_litellm() -> Any:
    """litellm, made quiet: it reads no `.env`, fetches no price table, sends no telemetry and
    prints nothing.

    Takes seconds, so call it in a thread.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.disable_hf_tokenizer_download = True
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # a row of equal pieces is a reply too
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
    return litellm


@cache
def warm_up(model: str) -> None:
    """Load what litellm itself loads with its first request (a second's work); nothing leaves this
    machine."""
    litellm = load_litellm()
    asyncio.run(_send_mock_requests(litellm))
    if has_exact_tokenizer(litellm, model):
        count_tokens(litellm, model, "hello")


async def _send_mock_requests(litellm: Any) -> None:
    stream = await litellm.acompletion(
        model="openai/warm", messages=WARMUP_MESSAGES, stream=True, mock_response="hello"
    )
    async for _ in stream:
        pass
    if urllib.request.getproxies():
        return
    import openai

    with socket.socket() as nobody:  # bound and not listening: it refuses
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        request = {
            "model": "openai/warm",
            "messages": WARMUP_MESSAGES,
            "api_base": address,
            "api_key": "none",
        }
        try:
            await litellm.acompletion(**request, stream=True, max_retries=0, timeout=5)
        except (
            openai.OpenAIError
        ):  # which of its errors litellm makes of a refusal differs between versions
            return


def has_exact_tokenizer(litellm: Any, model: str) -> bool:
    """Whether litellm carries the model's own tokenizer."""
    return model.removeprefix("openai/") in litellm.open_ai_chat_completion_models


def count_tokens(litellm: Any, model: str, text: str) -> int:
    return int(litellm.token_counter(model=model.removeprefix("openai/"), text=text))


def compute_price(
    litellm: Any, model: str, usage: Any, params: Any, *, own_server: bool
) -> float | None:
    """US dollars by the price that was set, or by litellm's table; None when unknown.

    A server of one's own has no list price, whatever it calls its model.
    """
    if "input_cost_per_token" in params or "output_cost_per_token" in params:
        given = [float(params.get(f"{side}_cost_per_token", 0.0)) for side in ("input", "output")]
        return float(usage.prompt_tokens * given[0] + usage.completion_tokens * given[1])
    if own_server:
        return None
    import openai

    try:
        response = litellm.ModelResponse(model=model, usage=usage)
        return float(litellm.completion_cost(completion_response=response, model=model))
    except (ValueError, openai.OpenAIError, litellm.exceptions.ModelNotMappedError):
        return None
