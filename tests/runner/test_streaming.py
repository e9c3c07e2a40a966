"""`genopt run` as a process of its own, while a real HTTP server is in the middle of a reply."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import PATIENCE, Bench, Make
from loopback import Answer, Provider, Request, Say

from genopt_tui.propose import litellm_client
from genopt_tui.session.progress import PAUSED, load_progress

FIRST = "Raise the level, as the feedback says.\n\n"
USAGE = (812, 57)


class Cli:
    """`genopt ARGUMENTS` in a process group of its own, as a shell starts it; its events are read
    as they are printed."""

    def __init__(self, *arguments: str) -> None:
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        command = [sys.executable, "-m", "genopt_tui", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            process_group=0,
            preexec_fn=_heed_interrupts,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, kind: str) -> dict[str, Any]:
        """Read on up to the next event of a kind."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            assert line, f"it ended without {kind}: {self.process.communicate(timeout=PATIENCE)[1]}"
            self.seen.append(json.loads(line))
            if self.seen[-1]["kind"] == kind:
                return self.seen[-1]

    def end(self) -> tuple[int, str]:
        """(exit code, standard error) once it has ended by itself."""
        self._reader.join(PATIENCE)
        self.seen += [json.loads(line) for line in iter(self._lines.get_nowait, "")]
        assert self.process.stderr is not None
        told = self.process.stderr.read()
        return self.process.wait(PATIENCE), told

    def interrupt(self) -> None:
        """What a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["kind"] == kind]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")


def _heed_interrupts() -> None:
    """A shell starts its background jobs deaf to Ctrl-C, and so would be what the tests start
    there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def genopt(*arguments: str) -> Iterator[Cli]:
    cli = Cli(*arguments)
    try:
        yield cli
    finally:
        cli.process.kill()
        cli.process.wait(PATIENCE)


class Held:
    """A model that says the first piece of its reply, and the rest when the test lets it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.reply = ""

    def __call__(self, request: Request) -> Answer:
        prompt = "\n".join(m["content"] for m in request.messages)
        level = float(re.findall(r"^LEVEL = ([0-9.]+)", prompt, re.MULTILINE)[0])
        block = f"answer.py\n<<<<<<< SEARCH\nLEVEL = {level}\n=======\nLEVEL = {level + 1}\n>>>>>>> REPLACE\n"
        self.reply = FIRST + block
        return Say([FIRST, block[:30], block[30:]], usage=USAGE, hold=self.let_go)


@pytest.fixture(scope="module", autouse=True)
def litellm() -> None:
    """Loaded once, not used: runners are forked from here."""
    litellm_client.load_litellm()


def session(make: Make, provider: Provider) -> Bench:
    return make("model=openai/x", f"api_base={provider.url}")


def test_pieces_of_a_reply_are_told_while_the_model_still_speaks(make: Make) -> None:
    held = Held()
    with Provider(held) as provider:
        bench = session(make, provider)
        bench.fork()
        with genopt("run", str(bench.path), "--steps", "1", "--mode", "auto", "--jsonl") as cli:
            first = cli.until("reply_delta")
            assert not held.let_go.is_set() and not cli.of("reply_finished")
            assert (first["step"], first["candidate"], first["text"]) == (1, 0, FIRST)
            held.let_go.set()
            finished = cli.until("reply_finished")
            assert cli.end() == (0, "")
        assert "".join(event["text"] for event in cli.of("reply_delta")) == held.reply
        assert (
            finished["usage"] == {"input": USAGE[0], "output": USAGE[1]}
            and finished["finish_reason"] == "stop"
        )
        assert len(provider.requests) == 1
    record = bench.record("1")
    assert record.reply == held.reply and record.decision.decision == "gate"
    assert (record.usage["input"], record.usage["output"]) == USAGE


def test_an_interrupt_pauses_the_run_and_the_reply_under_way_is_kept(make: Make) -> None:
    held = Held()
    with Provider(held) as provider:
        bench = session(make, provider)
        bench.fork()
        with genopt("run", str(bench.path), "--steps", "1", "--mode", "auto", "--jsonl") as cli:
            cli.until("reply_delta")
            cli.interrupt()
            code, told = cli.end()
        assert code == 130 and told.count("\n") == 1 and "paused" in told and "genopt run" in told
        assert not cli.of("reply_finished") and not held.let_go.is_set()
        held.let_go.set()
        finished = bench.wait("reply_finished")
        assert finished.data["complete"] and bench.journal.read_replies(1)[0].text == held.reply
        assert load_progress(bench.journal)[0].state(
            runner_alive=True
        ) == PAUSED and not bench.events("gate_finished")
        with genopt("run", str(bench.path), "--jsonl") as cli:
            assert cli.end() == (0, "")
        assert len(provider.requests) == 1, "the reply was not asked for again"
    assert [d for s, d, _ in bench.outcomes() if s] == ["gate"]
