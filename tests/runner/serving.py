"""Sessions whose model is a server on the loopback address, and answers for it."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from conftest import Bench, Make
from loopback import Answer, Provider, Request, Say

from genopt_tui.session.commands import Run

STEP = 0.25


def level(request: Request) -> float:
    prompt = "\n".join(m["content"] for m in request.messages)
    return float(re.findall(r"^LEVEL = ([0-9.]+)", prompt, re.MULTILINE)[0])


def block(request: Request) -> str:
    old = level(request)
    return f"answer.py\n<<<<<<< SEARCH\nLEVEL = {old}\n=======\nLEVEL = {old + STEP}\n>>>>>>> REPLACE\n"


def good(request: Request) -> Answer:
    return Say(f"Raise the level a little.\n\n{block(request)}")


def chunk(delta: dict[str, Any], **more: Any) -> bytes:
    """One event of a stream, for replies that are sent as they are."""
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return (
        b"data:"
        + json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}).encode()
        + b"\n\n"
    )


END = chunk({}, finish_reason="stop") + b"data: [DONE]\n\n"
Script = list[Answer | Callable[[Request], Answer]]


def player(script: Script) -> Callable[[Request], Answer]:
    """Answers in order, then good ones."""
    left = iter(script)
    lock = threading.Lock()

    def answer(request: Request) -> Answer:
        with lock:
            following = next(left, good)
        return following(request) if callable(following) else following

    return answer


def begin(bench: Bench, **data: Any) -> None:
    bench.journal.add_command(Run(**data))
    bench.fork()


def session(make: Make, provider: Provider, *pairs: str) -> Bench:
    own = [
        "model=openai/test",
        f"api_base={provider.url}",
        "retry.base=0.01",
        "retry.cap=0.02",
        "retry.timeout=3",
    ]
    return make(*own, *pairs)
