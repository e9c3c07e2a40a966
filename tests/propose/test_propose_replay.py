"""Recordings: made by any proposer, told again, and refused where they no longer fit."""

import asyncio
import json
import multiprocessing
from pathlib import Path

import pytest
from loopback import Provider, Say

from genopt_tui.config import Retry, SessionSettings
from genopt_tui.errors import ProposerPause, UsageError
from genopt_tui.propose.base import Delta, Finish, Notice, Proposer, ReplyRequest, StreamEvent
from genopt_tui.propose.factory import create_proposer
from genopt_tui.propose.replay import ReplayProposer, append_line

MESSAGES = [{"role": "user", "content": "improve é"}]


def line(base: str = "t", reply: str = "hello", **more: object) -> dict[str, object]:
    usage = {"input": 5, "output": 2}
    return {
        "base": base,
        "model": "maker/model",
        "messages": MESSAGES,
        "reply": reply,
        "usage": usage,
        **more,
    }


def recording(folder: Path, *lines: dict[str, object]) -> Path:
    file = folder / "replies.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in lines), encoding="utf-8")
    return file


async def said(source: Proposer, ask: ReplyRequest) -> list[StreamEvent]:
    return [event async for event in source.stream(ask)]


def text(events: list[StreamEvent]) -> str:
    return "".join(e.text for e in events if isinstance(e, Delta))


async def test_the_kth_request_for_a_base_gets_its_kth_reply(tmp_path: Path) -> None:
    file = recording(
        tmp_path, line("a", "a1"), line("b", "b1"), line("a", "a2", finish_reason="length")
    )
    source = ReplayProposer(file)
    told = [await said(source, ReplyRequest(MESSAGES, base_tree=base)) for base in ("a", "a", "b")]
    assert [text(events) for events in told] == ["a1", "a2", "b1"]
    assert told[0][-1] == Finish("stop", {"input": 5, "output": 2}, 0.0)
    assert told[1][-1] == Finish("length", {"input": 5, "output": 2}, 0.0)
    assert source.name == "maker/model (recorded)"


async def test_restarted_runner_goes_on_where_it_was(tmp_path: Path) -> None:
    source = ReplayProposer(
        recording(tmp_path, line(reply="one"), line(reply="two"), line(reply="three"))
    )
    assert (
        text(await said(source, ReplyRequest(MESSAGES, base_tree="t", replies_so_far=1))) == "two"
    )
    assert (
        text(await said(source, ReplyRequest(MESSAGES, base_tree="t", replies_so_far=1))) == "three"
    )


@pytest.mark.parametrize("base", ["t", "elsewhere"])
async def test_what_no_longer_fits_pauses_and_says_what_to_do(tmp_path: Path, base: str) -> None:
    source = ReplayProposer(recording(tmp_path, line()))
    if base == "t":
        await said(source, ReplyRequest(MESSAGES, base_tree=base))
    for _ in range(2):
        with pytest.raises(ProposerPause, match=r"no longer fits.*model=search"):
            await said(source, ReplyRequest(MESSAGES, base_tree=base))


async def test_another_prompt_for_the_same_base_is_told(tmp_path: Path) -> None:
    source = ReplayProposer(recording(tmp_path, line(), line()))
    same, other = [
        await said(source, ReplyRequest([{"role": "user", "content": c}], base_tree="t"))
        for c in ("improve é", "hint")
    ]
    assert not any(isinstance(e, Notice) for e in same)
    assert [type(e) for e in other] == [Notice, Delta, Finish]


async def test_pace_tells_in_pieces(tmp_path: Path) -> None:
    source = ReplayProposer(recording(tmp_path, line(reply="abcdefghij" * 3)), pace=400.0)
    pieces = [
        e.text
        for e in await said(source, ReplyRequest(MESSAGES, base_tree="t"))
        if isinstance(e, Delta)
    ]
    assert [len(p) for p in pieces] == [12, 12, 6] and "".join(pieces) == "abcdefghij" * 3


async def test_what_a_model_said_is_recorded_and_told_again(tmp_path: Path) -> None:
    reply = "é\x1b[31m \u2028 line\r\n<<<<<<< SEARCH \ud800".encode("utf-8", "replace").decode()
    with Provider([Say(reply, end="early"), Say(reply, usage=(7, 3))]) as provider:
        retry = Retry(tries=2, base=0.001, cap=0.001)
        settings = SessionSettings(
            model="openai/some", api_base=provider.url, record="made.jsonl", retry=retry
        )
        live = await said(
            create_proposer(settings, tmp_path), ReplyRequest(MESSAGES, base_tree="t")
        )
        agent = await said(create_proposer(settings, tmp_path), ReplyRequest(MESSAGES))
    lines = [
        json.loads(row)
        for row in (tmp_path / "made.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]
    assert (
        [entry["base"] for entry in lines] == ["t", ""]
        and isinstance(live[-1], Finish)
        and isinstance(agent[-1], Finish)
    )
    assert lines[0]["reply"] == reply and lines[0]["usage"] == {"input": 7, "output": 3}
    assert lines[0]["messages"] == MESSAGES and lines[0]["seconds"] > 0
    again = create_proposer(SessionSettings(model="replay:made.jsonl"), tmp_path)
    assert text(await said(again, ReplyRequest(MESSAGES, base_tree="t"))) == reply
    assert text(await said(again, ReplyRequest(MESSAGES))) == reply
    assert again.name == "openai/some (recorded)"


async def test_line_that_was_torn_is_left_out_and_replaced(tmp_path: Path) -> None:
    file = recording(tmp_path, line(reply="whole"))
    with file.open("a") as out:
        out.write('{"base": "t", "reply": "to')
    assert text(await said(ReplayProposer(file), ReplyRequest(MESSAGES, base_tree="t"))) == "whole"
    append_line(file, line(reply="next"))
    source = ReplayProposer(file)
    assert [text(await said(source, ReplyRequest(MESSAGES, base_tree="t"))) for _ in range(2)] == [
        "whole",
        "next",
    ]


def test_torn_line_longer_than_a_block_is_dropped(tmp_path: Path) -> None:
    file = recording(tmp_path, line())
    whole = file.read_bytes()
    file.write_bytes(whole + b"x" * 200_000)
    append_line(file, line())
    assert file.read_bytes().startswith(whole) and len(list(file.open())) == 2


def _append_many(file: Path, name: str) -> None:
    for number in range(20):
        append_line(file, line(reply=f"{name}{number}" * 2000))


def test_several_writers_keep_lines_whole(tmp_path: Path) -> None:
    file = tmp_path / "shared.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(file, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [json.loads(row) for row in file.read_text().splitlines()]
    assert len(lines) == 40 and len({entry["reply"] for entry in lines}) == 40


@pytest.mark.parametrize(
    "content",
    ["no json\n", '{"base": "t"}\n', '{"base": 1, "reply": "", "messages": []}\n', "[1]\n"],
)
def test_file_that_is_no_recording_is_refused_by_line(tmp_path: Path, content: str) -> None:
    file = recording(tmp_path, line())
    with file.open("a") as out:
        out.write(content)
    with pytest.raises(UsageError, match=r"replies.jsonl line 2"):
        ReplayProposer(file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.jsonl"):
        create_proposer(SessionSettings(model="replay:gone.jsonl"), tmp_path)


async def test_side_by_side_requests_get_different_replies(tmp_path: Path) -> None:
    source = ReplayProposer(recording(tmp_path, line(reply="one"), line(reply="two")))
    asks = [ReplyRequest(MESSAGES, base_tree="t", candidate=n) for n in range(2)]
    told = await asyncio.gather(*(said(source, ask) for ask in asks))
    assert sorted(text(events) for events in told) == ["one", "two"]
