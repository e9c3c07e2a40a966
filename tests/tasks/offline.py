"""One step of a task with a model on loopback that proposes one reply and answers the artifact's
questions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.cli.follow import run_session
from genopt_tui.session.commands import Run
from genopt_tui.session.creation import create_session
from genopt_tui.session.journal import Journal
from genopt_tui.task import loader
from tests.loopback import Provider, Request, Say


@dataclass(frozen=True)
class Session:
    """What the step came to: the decision on it, what it was based on, and the mean scores on the
    gate before and after."""

    decision: str
    reason: str
    start: float | None
    score: float | None


def stepped(
    task: str, reply: str, answer: Callable[[str], str] = str, *pairs: str, start: str = ""
) -> Session:
    """Run one step in which `reply` is proposed; what the artifact asks a model is answered by
    `answer`."""

    def say(request: Request) -> Say:
        asked = request.messages[-1]["content"]
        return Say(reply) if str(request.body["model"]).endswith("one") else Say(answer(asked))

    with Provider(say) as provider:
        models = [
            "model=openai/one",
            "agent_model=openai/two",
            f"api_base={provider.url}",
            "params.api_key=none",
        ]
        return decided(
            create_session(
                loader.find_task(task), task, name="s", start=start, pairs=[*models, *pairs]
            )
        )


def searched(task: str, *pairs: str, start: str = "") -> Session:
    """Run one step in which `search` proposes."""
    return decided(
        create_session(
            loader.find_task(task), task, name="s", start=start, pairs=["model=search", *pairs]
        )
    )


def decided(path: Path) -> Session:
    """Run one step of a session and say what it came to. Raises AssertionError where it came to
    nothing."""
    run_session(path, Run(steps=1, mode="auto"))
    journal = Journal(path)
    try:
        errors = [event.data for event in journal.read_events(kinds=["error"])]
        (gate,) = journal.read_events(kinds=["gate_finished"])
        end = journal.read_events(kinds=["committed", "rejected"])[-1]
    finally:
        journal.close()
    assert not errors, errors
    told = end.data
    return Session(
        str(told["decision"]),
        str(told.get("reason", "")),
        gate.data["base_mean"],
        gate.data["mean"],
    )
