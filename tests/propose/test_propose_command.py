"""Programs as proposers: what they say, how they fail, and that nothing of them stays."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from genopt_tui.config import Retry
from genopt_tui.errors import ProposerPause
from genopt_tui.propose.base import Delta, FailedTry, Finish, ReplyRequest, StreamEvent
from genopt_tui.propose.command import CommandProposer

MESSAGES = [
    {"role": "system", "content": "You improve code."},
    {"role": "user", "content": "Improve é this."},
]
ASK = ReplyRequest(MESSAGES, base_tree="t")
QUICK = Retry(tries=5, base=0.001, cap=0.002, timeout=20.0)
EDIT = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"


def python(code: str, retry: Retry = QUICK) -> CommandProposer:
    return CommandProposer([sys.executable, "-I", "-S", "-c", code], retry)


async def said(source: CommandProposer, ask: ReplyRequest = ASK) -> tuple[list[StreamEvent], str]:
    events: list[StreamEvent] = []
    try:
        async for event in source.stream(ask):
            events.append(event)
    except ProposerPause as pause:
        return events, str(pause)
    return events, ""


def text(events: list[StreamEvent]) -> str:
    last = max((i for i, e in enumerate(events) if isinstance(e, FailedTry)), default=-1)
    return "".join(e.text for e in events[last + 1 :] if isinstance(e, Delta))


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended and was not reaped does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_prompt_goes_in_and_reply_comes_out_at_unknown_cost() -> None:
    events, pause = await said(python("import sys; sys.stdout.write('```\\n' + sys.stdin.read())"))
    assert text(events) == "```\nYou improve code.\n\nImprove é this." and not pause
    assert isinstance(events[-1], Finish) and events[-1].cost is None and events[-1].usage is None


async def test_output_is_told_as_it_comes(tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"import os, time; print('```first', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('second')"
    pieces = []
    async for event in python(code).stream(ASK):
        if isinstance(event, Delta):
            pieces.append(event.text)
            go.touch()
    assert pieces[0] == "```first\n" and "".join(pieces) == "```first\nsecond\n"


async def test_folder_is_empty_and_gone_afterwards() -> None:
    code = "import os; print('```', os.getcwd(), os.listdir('.')); open('left', 'w').write('x')"
    events, _ = await said(python(code))
    _, folder, listing = text(events).split()
    assert listing == "[]" and not Path(folder).exists()


async def test_program_that_does_not_read_its_prompt_is_heard() -> None:
    events, pause = await said(
        python(f"print({EDIT!r})"),
        ReplyRequest([{"role": "user", "content": "x" * 1_000_000}], base_tree="t"),
    )
    assert EDIT in text(events) and not pause


async def test_bytes_that_are_no_text_are_replaced() -> None:
    events, _ = await said(python("import sys; sys.stdout.buffer.write(b'```a\\xff\\xc3')"))
    assert text(events) == "```a\ufffd\ufffd"


async def test_failure_is_tried_again_with_the_end_of_its_standard_error(tmp_path: Path) -> None:
    mark = tmp_path / "tried"
    code = f"import os, sys; p = {str(mark)!r}\nif not os.path.exists(p): open(p, 'w'); print('half'); sys.exit('it broke')\nprint('```whole')"
    events, pause = await said(python(code))
    (broken,) = [e for e in events if isinstance(e, FailedTry)]
    assert (
        broken.text == "half\n" and broken.error == "exit code 1: it broke" and broken.cost is None
    )
    assert text(events) == "```whole\n" and not pause


async def test_same_failure_three_times_pauses() -> None:
    events, pause = await said(python("import sys, time; sys.exit(f'no network at {time.time()}')"))
    assert sum(isinstance(e, FailedTry) for e in events) == 3 < QUICK.tries
    assert "no network" in pause and "3 times" in pause


@pytest.mark.parametrize(
    "code", ["print({0!r})", "import sys; print({0!r}, file=sys.stderr); sys.exit(1)"]
)
async def test_quota_notice_pauses_at_once_with_its_text(code: str) -> None:
    notice = "You have hit your usage limit. It resets at 3 pm."
    events, pause = await said(python(code.format(notice)))
    assert notice in pause and len([e for e in events if isinstance(e, FailedTry)]) == 1
    assert not any(isinstance(e, Finish) for e in events)


async def test_long_reply_and_edit_may_speak_of_quota() -> None:
    events, pause = await said(python(f"print('This handles the rate limit.', {EDIT!r})"))
    assert EDIT in text(events) and not pause


async def test_refusal_is_a_reply_twice_and_pauses_the_third_time() -> None:
    source = python("print('I would rather not.')")
    assert [pause for _, pause in [await said(source), await said(source)]] == ["", ""]
    events, pause = await said(source)
    assert "I would rather not." in pause and not any(isinstance(e, Finish) for e in events)


async def test_answer_for_an_artifact_may_be_anything() -> None:
    source = python("print('quota')")
    for _ in range(4):
        events, pause = await said(source, ReplyRequest(MESSAGES))
        assert text(events) == "quota\n" and not pause


async def test_unknown_program_is_named() -> None:
    events, pause = await said(CommandProposer(["no-such-program-here"], QUICK))
    assert "no-such-program-here" in pause and len(events) == 1


FAMILY = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
plain = subprocess.Popen(sleeper)
daemon = subprocess.Popen(sleeper, start_new_session=True)
orphan = subprocess.run([sys.executable, "-I", "-S", "-c",
    f"import subprocess; print(subprocess.Popen({sleeper!r}, start_new_session=True, stdout=-3, stderr=-3).pid)"], capture_output=True, text=True)
print("```", os.getpid(), plain.pid, daemon.pid, orphan.stdout.strip(), flush=True)
"""


@pytest.mark.parametrize("ending", ["end", "time limit", "cancel"])
async def test_nothing_of_the_program_stays(ending: str) -> None:
    code = FAMILY if ending == "end" else FAMILY + "time.sleep(600)\n"
    source = python(code, Retry(tries=1, timeout=3.0 if ending == "time limit" else 60.0))
    arrived = asyncio.get_running_loop().create_future()

    async def read() -> None:
        async with aclosing(source.stream(ASK)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Delta) and not arrived.done():
                    arrived.set_result([int(pid) for pid in event.text.split()[1:]])

    task = asyncio.create_task(read())
    family = await arrived
    assert len(family) == 4
    if ending == "cancel":
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: not any(map(alive, family)))


RUNNER = """
import asyncio, sys
from genopt_tui.config import Retry
from genopt_tui.propose.base import Delta, ReplyRequest
from genopt_tui.propose.command import CommandProposer
async def main():
    source = CommandProposer([sys.executable, "-I", "-S", "-c", sys.argv[1]], Retry(tries=1))
    async for event in source.stream(ReplyRequest([{"role": "user", "content": "hello"}])):
        if isinstance(event, Delta):
            print(event.text, flush=True)
asyncio.run(main())
"""


async def test_killed_runner_leaves_nothing() -> None:
    command = [sys.executable, "-c", RUNNER, FAMILY + "time.sleep(600)\n"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        family = [int(pid) for pid in runner.stdout.readline().split()[1:]]
        assert len(family) == 4 and all(map(alive, family))
        os.kill(runner.pid, signal.SIGKILL)
    began = time.monotonic()
    await until(lambda: not any(map(alive, family)))
    assert time.monotonic() - began < 10
