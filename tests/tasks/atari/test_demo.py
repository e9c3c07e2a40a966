"""The demo's recording: real replies, to the very prompts that the demo builds on this machine."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from genopt_tui.session import places
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Event, Journal
from genopt_tui.task import loader

GENOPT = [sys.executable, "-m", "genopt_tui"]


def recording() -> list[dict[str, Any]]:
    folder = loader.find_task("atari/pong")
    return [
        json.loads(line)
        for line in (folder.path / folder.task.demo).read_text(encoding="utf-8").splitlines()
    ]


def test_every_base_has_a_second_reply_so_that_a_rejection_goes_on() -> None:
    assert min(Counter(entry["base"] for entry in recording()).values()) >= 2


def test_the_recorded_prompt_is_the_one_that_the_demo_builds(home: Path) -> None:
    """The first; the others take a minute of play each: tests/bench/demo.py compares them all."""
    genopt("new", "atari/pong", "--name", "pong")
    folder = loader.find_task("atari/pong")
    genopt("set", f"model=replay:{folder.path / folder.task.demo}", "pong")
    genopt("run", "pong", "--steps", "1", "--mode", "auto", "--detach")
    session, recorded = places.resolve_session("pong"), recording()
    built = prompts(session, 1)
    genopt("stop", "pong")
    assert [event.data["messages"] for event in built] == [recorded[0]["messages"]]
    with Repository.open(session) as repository:
        assert repository.artifact_tree(repository.read_log()[-1].commit) == recorded[0]["base"]


def genopt(*words: str) -> None:
    subprocess.run([*GENOPT, *words], capture_output=True, check=True)


def prompts(session: Path, count: int) -> list[Event]:
    """The first prompts that the session's runner builds."""
    journal = Journal(session, durable=False)
    try:
        while len(built := journal.read_events(kinds=["prompt_built"])) < count:
            assert not journal.find_last("run_finished"), "the run ended before"
            time.sleep(0.2)
    finally:
        journal.close()
    return built
