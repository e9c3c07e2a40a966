"""A model behind litellm, against a real server that behaves, and one that does not."""

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, Provider, Refuse, Say

from genopt_tui.config import Retry, SessionSettings
from genopt_tui.errors import ProposerPause
from genopt_tui.learn.edit.edit import Edit, read_reply
from genopt_tui.learn.scope import parse_scope
from genopt_tui.propose.base import Delta, FailedTry, Finish, ReplyRequest, StreamEvent
from genopt_tui.propose.model import ModelProposer
from genopt_tui.propose.provider_errors import ended_early, extract_message

MESSAGES = [
    {"role": "system", "content": "You improve code."},
    {"role": "user", "content": "Improve this."},
]
QUICK = Retry(tries=4, base=0.001, cap=0.004, timeout=30.0)
PART = "part of a reply that breaks"
NOTHING = {"input": 0, "output": 0}


def proposer(provider: Provider, retry: Retry = QUICK, **settings: Any) -> ModelProposer:
    return ModelProposer(
        "openai/some", SessionSettings(api_base=provider.url, retry=retry, **settings)
    )


async def said(
    source: ModelProposer, ask: ReplyRequest | None = None
) -> tuple[list[StreamEvent], str]:
    """All events, and the message of the pause that ended them ('' when none did)."""
    events: list[StreamEvent] = []
    try:
        async for event in source.stream(ask or ReplyRequest(MESSAGES, base_tree="t")):
            events.append(event)
    except ProposerPause as pause:
        return events, str(pause)
    return events, ""


def text(events: list[StreamEvent]) -> str:
    """The complete reply: the deltas since the last break."""
    last = max((i for i, e in enumerate(events) if isinstance(e, FailedTry)), default=-1)
    return "".join(e.text for e in events[last + 1 :] if isinstance(e, Delta))


def breaks(events: list[StreamEvent]) -> list[FailedTry]:
    return [e for e in events if isinstance(e, FailedTry)]


async def test_reply_streams_in_pieces_with_usage_of_the_provider() -> None:
    with Provider([Say("a reply in several pieces", usage=(120, 7))]) as provider:
        events, pause = await said(proposer(provider))
    assert text(events) == "a reply in several pieces" and not pause
    assert sum(isinstance(e, Delta) for e in events) > 1
    finish = events[-1]
    assert isinstance(finish, Finish) and finish.finish_reason == "stop" and finish.seconds > 0
    assert finish.usage == {"input": 120, "output": 7} and not finish.estimated


async def test_server_receives_the_prompt_to_the_byte_and_the_parameters() -> None:
    messages = [{"role": "user", "content": "tabs\tand é漢 \x1b[31m[bold]\r\n"}]
    with Provider() as provider:
        source = proposer(provider, temperature=0.25, params={"max_tokens": 50})
        await said(source, ReplyRequest(messages, seed=3, step=2, candidate=1))
        await said(
            source,
            ReplyRequest(
                messages, seed=3, step=2, candidate=1, temperature=0.75, params={"top_p": 0.5}
            ),
        )
        await said(source, ReplyRequest(messages, seed=3, step=2, candidate=0))
    first, second, third = (r.body for r in provider.requests)
    assert first["messages"] == messages and first["model"] == "some" and first["stream"] is True
    assert (first["temperature"], first["max_tokens"]) == (0.25, 50)
    assert (second["temperature"], second["top_p"], second["max_tokens"]) == (0.75, 0.5, 50)
    assert first["seed"] == second["seed"] != third["seed"], (
        "candidates of one step must not be asked for the same reply"
    )


async def test_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "environment-key-1234")
    with Provider() as provider:
        await said(proposer(provider))
    headers = {k.lower(): v for k, v in provider.requests[0].headers.items()}
    assert headers["authorization"] == "Bearer environment-key-1234"


@pytest.mark.parametrize(
    ("fault", "partial", "why"),
    [
        (Say(PART, end="reset"), PART, "the stream broke"),
        (Say(PART, end="cut"), PART, "the stream broke"),
        (Say(PART, end="early"), PART, "the stream ended early, without a finish reason"),
        (Say("", end="early"), "", "nothing of a streamed reply arrived"),
        (
            Say(
                raw=b'data: {"choices":[{"index":0,"delta":{"content":"abc"}}]}\n\ndata: {"cho\n\n'
            ),
            "abc",
            "the stream broke",
        ),
        (
            Say(raw=b'data: {"choices":[{"index":0,"delta":{"content":"a\xff\xfe"}}]}\n\n'),
            "",
            "the stream broke",
        ),
        (
            Say(raw=b'data: {"choices":[]}\n\ndata: [DONE]\n\n'),
            "",
            "nothing of a streamed reply arrived",
        ),
        (
            Say(raw=b'{"choices":[{"message":{"content":"no stream"}}]}'),
            "",
            "nothing of a streamed reply arrived",
        ),
        (
            Say(raw=b'data: {"error":{"message":"overloaded","code":503}}\n\n'),
            "",
            "the stream broke: overloaded",
        ),
        (Refuse(hang_up=True), "", "no answer"),
        (Refuse(500, "it hurts"), "", "500: it hurts"),
        (Refuse(502, body=b"<html>bad gateway</html>"), "", "502: <html>bad gateway</html>"),
        (Refuse(503, body=b'{"error":"no such model"}'), "", "503: no such model"),
        (Refuse(503, "busy"), "", "503: busy"),
        (Refuse(429, "slow down"), "", "429: slow down"),
        (Refuse(408, "too slow"), "", "408: too slow"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_failed_try_is_told_kept_and_tried_again(
    fault: Answer, partial: str, why: str
) -> None:
    with Provider([fault, fault, Say("good", usage=(9, 1))]) as provider:
        events, pause = await said(proposer(provider))
    assert not pause and text(events) == "good" and len(provider.requests) == 3
    assert [b.text for b in breaks(events)] == [partial, partial]
    assert all(why in b.error and b.wait is not None for b in breaks(events))
    assert all(r.body == provider.requests[0].body for r in provider.requests)


async def test_refused_requests_cost_nothing_and_broken_replies_an_estimate() -> None:
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    with Provider(
        [Refuse(503), Say(PART, end="reset"), Say("good", usage=(1000, 500))]
    ) as provider:
        events, _ = await said(proposer(provider, params=prices))
    refused, broken = breaks(events)
    assert refused.usage == NOTHING and refused.cost == 0.0 and not refused.estimated
    assert (
        broken.usage
        and broken.usage["input"] > 0
        and broken.usage["output"] > 0
        and broken.estimated
    )
    assert broken.cost == pytest.approx(
        broken.usage["input"] * 1e-6 + broken.usage["output"] * 2e-6
    )
    assert isinstance(events[-1], Finish) and events[-1].cost == pytest.approx(1000e-6 + 1000e-6)


async def test_cost_of_a_server_of_ones_own_is_unknown_and_a_missing_usage_is_estimated() -> None:
    with Provider([Say("good", usage=None)]) as provider:
        events, _ = await said(proposer(provider))
    finish = events[-1]
    assert isinstance(finish, Finish) and finish.cost is None and finish.estimated and finish.usage


async def test_spent_tries_pause_with_the_reason() -> None:
    with Provider([Refuse(500, "still broken")]) as provider:
        events, pause = await said(proposer(provider))
    assert len(provider.requests) == QUICK.tries == len(breaks(events))
    assert breaks(events)[-1].wait is None and "still broken" in pause and "openai/some" in pause


async def test_twelve_server_errors_are_survived_with_the_default_number_of_tries() -> None:
    retry = Retry(base=0.001, cap=0.002)
    with Provider([*[Refuse(500)] * (retry.tries - 1), Say("good")]) as provider:
        events, pause = await said(proposer(provider, retry))
    assert text(events) == "good" and not pause and len(provider.requests) == 12


@pytest.mark.parametrize("end", [StopAsyncIteration(), StopIteration()], ids=["async", "plain"])
def test_early_end_is_known_by_the_type_at_its_root_whatever_is_said_about_it(
    end: Exception,
) -> None:
    broken = ConnectionError("ended early")
    for told, root in (("whatever", end), ("stream ended early", broken)):
        error = RuntimeError(told)
        error.__cause__ = ValueError("between")
        error.__cause__.__context__ = root
        assert ended_early(error) is (root is end)


def test_message_is_the_providers_own_before_that_of_its_client() -> None:
    class Client(Exception):
        body: Any = None

    class Wrapped(Exception):
        original_exception: Any = None

    error, client = (
        Wrapped("litellm.SomeError: OpenAIException - Error code: 400"),
        Client("Error code: 400"),
    )
    error.original_exception = client
    assert extract_message(error) == "Error code: 400"
    for body in (
        "too long",
        {"message": "too long"},
        {"error": {"message": "too long"}},
        {"error": "too long"},
    ):
        client.body = body
        assert extract_message(error) == "too long"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
async def test_what_cannot_get_better_is_not_tried_again(status: int) -> None:
    with Provider([Refuse(status, "no way")]) as provider:
        events, pause = await said(proposer(provider))
    assert len(provider.requests) == 1 and len(breaks(events)) == 1
    assert f"{status}: no way" in pause and "(try" not in pause


async def test_retry_after_is_honoured_as_seconds_and_as_date() -> None:
    date = formatdate(time.time() + 2, usegmt=True)
    answers = [
        Refuse(429, headers={"Retry-After": "0.2"}),
        Refuse(429, headers={"Retry-After": date}),
        Say("good"),
    ]
    with Provider(answers) as provider:
        events, _ = await said(proposer(provider))
    first, second = breaks(events)
    assert first.wait == 0.2 and second.wait and QUICK.cap < second.wait <= 2
    assert provider.requests[1].at - provider.requests[0].at >= 0.2


async def test_longer_wait_than_a_request_may_take_pauses() -> None:
    with Provider(
        [Refuse(429, "come back tomorrow", headers={"Retry-After": "86400"})]
    ) as provider:
        _, pause = await said(proposer(provider))
    assert len(provider.requests) == 1 and "come back tomorrow" in pause


@pytest.mark.parametrize(
    "answer", [Say(PART, end="stall"), Say("late", after=60.0)], ids=["stall", "silence"]
)
async def test_stall_ends_at_the_time_limit_and_is_tried_again(answer: Say) -> None:
    with Provider([answer, Say("good")]) as provider:
        source = proposer(provider, Retry(tries=2, base=0.001, cap=0.001, timeout=1.0))
        events, _ = await said(source)
    assert text(events) == "good"
    (broken,) = breaks(events)
    assert (
        broken.text == "".join(answer.text if answer.end == "stall" else "")
        and "1 s" in broken.error
    )
    assert broken.estimated
    if answer.end != "stall":
        assert broken.cost is None, "what it generated before the time-out, nobody knows"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_finish_reason_is_passed_on(reason: str) -> None:
    with Provider([Say("half of it", finish_reason=reason)]) as provider:
        events, _ = await said(proposer(provider))
    assert isinstance(events[-1], Finish) and events[-1].finish_reason == reason


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "only prose",
        "x" * 200_000,
        "\x1b[2J\x1b]0;title\x07[red]markup[/] \x00\x9b",
        "é漢🎉\r\n" * 50,
        "same" * 999,
    ],
    ids=["empty", "prose", "200 KB", "escapes", "unicode", "repeated"],
)
async def test_reply_arrives_as_it_was_said(reply: str) -> None:
    pieces = [reply[i : i + 1000] for i in range(0, len(reply), 1000)]
    with Provider([Say(["same"] * 999 if reply.startswith("same") else pieces)]) as provider:
        events, pause = await said(proposer(provider))
    assert text(events) == reply and not pause and len(provider.requests) == 1


async def test_keys_the_server_adds_do_no_harm() -> None:
    raw = b'data: {"x":1,"choices":[{"index":0,"delta":{"content":"abc","y":{}},"finish_reason":null}]}\n\n'
    raw += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    with Provider([Say(raw=raw + b"data: [DONE]\n\n")]) as provider:
        events, _ = await said(proposer(provider))
    assert (
        text(events) == "abc"
        and isinstance(events[-1], Finish)
        and events[-1].usage == {"input": 3, "output": 4}
    )


async def test_what_a_tool_is_called_with_is_part_of_the_reply() -> None:
    def event(delta: object, reason: str | None = None) -> bytes:
        return (
            b"data: %s\n\n"
            % json.dumps(
                {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            ).encode()
        )

    def call(number: int, arguments: str, **name: str) -> object:
        return {
            "tool_calls": [
                {
                    "index": number,
                    "id": "c",
                    "type": "function",
                    "function": {**name, "arguments": arguments},
                }
            ]
        }

    edit = {"path": "a.py", "old_str": "X = 1", "new_str": "X = 2"}
    first, rest = json.dumps(edit)[:9], json.dumps(edit)[9:]
    pieces = [
        {"content": "Done."},
        call(0, "", name="edit"),
        call(0, first),
        call(0, rest),
        call(1, "{}", name="look"),
    ]
    raw = (
        b"".join(map(event, [*pieces, {"content": "And no more."}]))
        + event({}, "tool_calls")
        + b"data: [DONE]\n\n"
    )
    old = event({"function_call": {"name": "edit", "arguments": json.dumps(edit)}}) + event(
        {}, "function_call"
    )
    with Provider([Say(raw=raw), Say(raw=old + b"data: [DONE]\n\n")]) as provider:
        source = proposer(provider)
        new_way, old_way = text((await said(source))[0]), text((await said(source))[0])
    one = f"\n\nCall of edit:\n```json\n{json.dumps(edit)}\n```\n"
    assert new_way == f"Done.{one}\n\nCall of look:\n```json\n{{}}\n```\nAnd no more."
    assert old_way == one
    files = {"a.py": "X = 1\n"}
    for reply in (new_way, old_way):
        read = read_reply(reply, files, parse_scope(["a.py"], files), "tool_calls")
        assert isinstance(read, Edit) and read.files == {"a.py": "X = 2\n"}


async def test_thinking_is_kept_and_marked() -> None:
    with Provider(
        [Say("the edit", thinking="let me see, hm"), Say("", thinking="only thoughts")]
    ) as provider:
        source = proposer(provider)
        both, only = (await said(source))[0], (await said(source))[0]
    assert text(both) == "<think>\nlet me see, hm\n</think>\n\nthe edit"
    assert text(only).strip() == "<think>\nonly thoughts\n</think>"


async def test_cancelling_hangs_up_at_once() -> None:
    with Provider([Say(PART, end="stall")]) as provider:
        source, arrived = proposer(provider), asyncio.Event()

        async def read() -> None:
            async with aclosing(source.stream(ReplyRequest(MESSAGES))) as events:  # type: ignore[type-var]
                async for _ in events:
                    arrived.set()

        task = asyncio.create_task(read())
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        spent = await source.spent(ReplyRequest(MESSAGES), PART)
        for _ in range(200):
            if provider.requests[0].gone:
                break
            await asyncio.sleep(0.01)
    assert provider.requests[0].gone and len(provider.requests) == 1
    assert spent.estimated and spent.usage and spent.usage["output"] > 0


async def test_keys_never_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "very-private-value-77")
    answers = [
        Refuse(500, "bad key very-private-value-77"),
        Say(["your key is very-", "private-val", "ue-77, not very-privat", "e"], end="early"),
        Say(["again: very-private-value-", "77", " very-pri"]),
    ]
    with Provider(answers) as provider:
        events, _ = await said(proposer(provider))
    assert "very-private-value-77" not in "".join(str(e) for e in events)
    assert breaks(events)[1].text == "your key is ***, not very-private"
    assert text(events) == "again: *** very-pri"


async def test_unknown_provider_pauses_with_what_can_be_written() -> None:
    events, pause = await said(ModelProposer("nonsense", SessionSettings()))
    assert events == [] and "'nonsense' names no provider" in pause and "ollama/" in pause


async def test_prices_and_tokenizers_that_litellm_knows() -> None:
    known, local, unknown = (
        ModelProposer(m, SessionSettings()) for m in ("openai/gpt-4o", "ollama/llama3", "openai/x")
    )
    assert await known.estimate_price(1_000_000, 0) == pytest.approx(2.5)
    assert await local.estimate_price(1000, 1000) == 0.0
    assert await unknown.estimate_price(1000, 1000) is None
    exact, guess = await known.get_counter(), await unknown.get_counter()
    assert exact.exact and exact.count("hello world") == 2
    assert not guess.exact and guess.count("hello world") > 0


CHILD = """
import asyncio, socket, sys
from pathlib import Path
asked = []
resolve, connect = socket.getaddrinfo, socket.socket.connect
socket.getaddrinfo = lambda host, *a, **k: (asked.append(str(host)), resolve(host, *a, **k))[1]
from genopt_tui.config import Retry, SessionSettings
from genopt_tui.propose.factory import create_proposer
from genopt_tui.propose.base import ReplyRequest
settings = SessionSettings(model="openai/some", api_base=sys.argv[1], retry=Retry(tries=1))
proposer = create_proposer(settings, Path("."))
assert not {"litellm", "openai", "httpx"} & set(sys.modules), "loaded before it is used"
async def main():
    async for event in proposer.stream(ReplyRequest([{"role": "user", "content": "hello"}])):
        pass
    try:
        settings.api_base = sys.argv[1] + "/nowhere"
        async for event in proposer.stream(ReplyRequest([{"role": "user", "content": "hello"}])):
            pass
    except Exception as error:
        print(type(error).__name__)
asyncio.run(main())
import os
print("hosts", sorted(set(asked) - {"127.0.0.1"}), "env", os.environ.get("FROM_DOTENV"))
"""


def test_litellm_is_loaded_late_reads_no_dotenv_asks_no_host_and_prints_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("FROM_DOTENV=leaked\nOPENAI_API_KEY=leaked-key-123\n")
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    environment |= {"LITELLM_MODE": "DEV", "LITELLM_LOCAL_MODEL_COST_MAP": "False"}
    answers: list[Answer] = [Say("fine"), Refuse(400, "scripted")]
    with Provider(answers) as provider:
        run = subprocess.run(
            [sys.executable, "-c", CHILD, provider.url],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert (run.stdout, run.stderr) == ("ProposerPause\nhosts [] env None\n", "")
    assert len(provider.requests) == 2
