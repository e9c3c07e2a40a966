"""Sessions against a real HTTP server that plays a good and a bad provider: every case ends in a
step that is finished,
retried or refused with a reason, and every call is counted."""

import json
import os
import signal
from pathlib import Path

import pytest
from conftest import Make
from loopback import Provider, Refuse, Say
from serving import END, STEP, Script, begin, block, chunk, good, level, player, session

from genopt_tui.propose import litellm_client
from genopt_tui.session.commands import Resume
from genopt_tui.session.lock import runner_pid


@pytest.fixture(scope="module", autouse=True)
def litellm() -> None:
    """Loaded once, not used: runners are forked from here, and threads do not survive that."""
    litellm_client.load_litellm()


def test_what_the_server_received_is_what_is_shown_and_recorded_and_its_usage_counts(
    make: Make,
) -> None:
    with Provider(player([lambda r: Say(f"Raise it.\n\n{block(r)}", usage=(900, 70))])) as provider:
        bench = session(make, provider, "retry.timeout=60")
        begin(bench, steps=1, mode="auto")
        bench.wait("run_finished")
        record = bench.record("head")
        assert (
            record.prompt
            == provider.requests[0].messages
            == bench.events("prompt_built")[0].data["messages"]
        )
    assert (record.usage["input"], record.usage["output"], record.usage["calls"]) == (900, 70, 1)
    assert record.model == bench.versions(everything=False)[0].model == "openai/test"


BAD: dict[str, Script] = {
    "empty": [Say("")],
    "prose only": [Say("I would raise the level, as the feedback says it is too low.")],
    "half a block": [lambda r: Say(block(r)[:40])],
    "wrong file": [lambda r: Say(block(r).replace("answer.py", "other.py"))],
    "in json": [lambda r: Say(json.dumps({"edit": block(r)}))],
    "refusal": [Say("I'm sorry, but I can't help with that.")],
    "thinking only": [Say("", thinking="The level is low, so it should be raised.")],
    "not python": [lambda r: Say(block(r).replace(f"LEVEL = {level(r) + STEP}", "LEVEL = (("))],
    "reset": [lambda r: Say(f"Raise it.\n\n{block(r)[:30]}", end="reset")],
    "early end": [lambda r: Say(f"Raise it.\n\n{block(r)[:30]}", end="early")],
    "stall": [Say("Let me think", end="stall")],
    "busy": [Refuse(429), Refuse(429), Refuse(429)],
    "broken": [Refuse(500), Refuse(502, hang_up=True)],
    "cut off": [
        lambda r: Say(f"Raise it.\n\n{block(r)[:45]}", finish_reason="length"),
        lambda r: Say(block(r)[45:]),
    ],
    "long": [lambda r: Say(["word " * 4000] * 10 + ["\n\n", block(r)])],
    "invalid utf-8": [
        Say(raw=b'data: {"choices": [{"index": 0, "delta": {"content": "\xff\xfe"}}]}\n\n')
    ],
    "an error in the stream": [
        Say(raw=chunk({"content": "Raise"}) + b'data: {"error": {"message": "overloaded"}}\n\n')
    ],
    "a page": [Say(raw=b"<html>\n<body>Log in first</body>\n</html>")],
    "a tool call": [
        Say(raw=chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}) + END)
    ],
    "no choices": [Say(raw=b'data: {"id": "c", "choices": []}\n\n' + END)],
    "no text": [Say(raw=chunk({"role": "assistant", "content": None}) + END)],
    "no event": [Say(raw=b"data: {nope\n\n" + END)],
    "usage of nonsense": [Say("no", usage=(-5, -1))],
    "half characters": [
        lambda r: Say(
            raw=b": ping\n\n"
            + chunk({"content": "Up \ud83d"})
            + chunk({"content": f"\ude00 \ud800\n\n{block(r)}"})
            + END
        )
    ],
    "escapes and markup": [
        lambda r: Say("\x1b[2J\x1b]0;owned\x07[bold red]Raise[/] it\x00.\n\n" + block(r))
    ],
}


@pytest.mark.slow
def test_a_bad_provider_costs_no_step_and_no_call_is_uncounted(make: Make) -> None:
    script = [answer for case in BAD.values() for answer in (*case, *closing(case))]
    with Provider(player(script)) as provider:
        bench = session(make, provider)
        begin(bench, steps=len(BAD), mode="auto")
        assert bench.wait("run_finished").data["code"] == 0
        decided = {step: decision for step, decision, _ in bench.outcomes() if step}
        assert decided == dict.fromkeys(range(1, len(BAD) + 1), "gate"), list(BAD)
        assert bench.files()["answer.py"].startswith(f"LEVEL = {3 + STEP * len(BAD)}\n")
        made = {name: bench.record(str(step)).attempts for step, name in enumerate(BAD, 1)}
        assert {n: len(a) for n, a in made.items()} == {
            n: len(case) + len(closing(case)) for n, case in BAD.items()
        }
        assert (
            bench.events("budget")[-1].data["spent"]["calls"]
            == len(provider.requests)
            == len(script)
        )
    for name, attempts in made.items():
        assert all(a.refused for a in attempts[:-1]) and not attempts[-1].refused, name
    spent = bench.events("budget")[-1].data["spent"]
    assert spent["tokens"] > 0 and made["half characters"][0].reply.startswith(
        "Up \U0001f600 \ufffd"
    )
    assert (
        made["an error in the stream"][0].reply == "Raise"
        and "overloaded" in made["an error in the stream"][0].refused
    )
    broken = made["reset"][0]
    assert not broken.complete and broken.reply.startswith("Raise it.")


def closing(case: Script) -> Script:
    """The answers that end a case well, where it does not by itself."""
    ends_itself = any(
        case is BAD[name]
        for name in ("in json", "cut off", "long", "half characters", "escapes and markup")
    )
    return [] if ends_itself else [good]


def test_three_unusable_replies_are_a_refused_step(make: Make) -> None:
    with Provider(player([Say("no"), Say("no"), Say("")])) as provider:
        bench = session(make, provider)
        begin(bench, steps=2, mode="auto")
        bench.wait("run_finished")
        assert [d for s, d, _ in bench.outcomes() if s] == ["refused", "gate"]
        refused = bench.events("edit_refused")
        assert [e.data["final"] for e in refused] == [False, False, True] and all(
            e.data["why"] for e in refused
        )
        assert "Evidence: what happened" not in provider.requests[1].messages[-1]["content"]


@pytest.mark.slow
def test_twelve_failures_pause_and_the_spend_is_exact_over_a_restart(make: Make) -> None:
    with Provider(player([Refuse(500)] * 12)) as provider:
        bench = session(make, provider, "retry.tries=12")
        begin(bench, steps=1, mode="auto")
        assert "12" in bench.wait("paused").data["why"]
        assert len(provider.requests) == 12
        bench.kill()
        bench.journal.add_command(Resume())
        bench.fork()
        bench.wait("run_finished")
        assert [d for s, d, _ in bench.outcomes() if s] == ["gate"]
        assert bench.events("budget")[-1].data["spent"]["calls"] == len(provider.requests) == 13


def test_what_only_a_person_can_mend_pauses_with_the_reason_and_the_step_goes_on(
    make: Make,
) -> None:
    refusals = {
        401: "wrong key",
        403: "not yours",
        404: "no such model",
        413: "too large",
        400: "context length",
    }
    with Provider(
        player([Refuse(status, message) for status, message in refusals.items()])
    ) as provider:
        bench = session(make, provider)
        begin(bench, steps=1, mode="auto")
        after = 0
        for status, message in refusals.items():
            paused = bench.wait("paused", after)
            assert f"{status}: {message}" in paused.data["why"] and "\n" not in paused.data["why"]
            after = paused.id
            bench.tell("resume")
        bench.wait("run_finished")
        assert [d for s, d, _ in bench.outcomes() if s] == ["gate"]
        assert (
            bench.events("budget")[-1].data["spent"]["calls"]
            == len(provider.requests)
            == len(refusals) + 1
        )


@pytest.mark.slow
def test_killed_while_a_reply_streams_nothing_is_left_and_nothing_is_repeated(make: Make) -> None:
    with Provider(player([Say(["Raise "], end="stall")])) as provider:
        bench = session(make, provider, "retry.timeout=60")
        begin(bench, steps=1, mode="auto")
        bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
        runner = runner_pid(bench.path)
        family = descendants(runner or 0)
        assert family
        bench.kill()
        bench.until(
            lambda: not any(alive(pid) for pid in family),
            "the end of all that the runner had started",
        )
        bench.fork()
        bench.wait("reply_finished", complete=True)
        bench.kill()
        bench.fork()
        bench.wait("run_finished")
        assert len(provider.requests) == 2
    keys = [row[0] for row in bench.journal.database.execute("SELECT key FROM rollout")]
    assert len(keys) == len(set(keys))
    assert [a.complete for a in bench.record("head").attempts] == [False, True]
    assert bench.events("budget")[-1].data["spent"]["calls"] == 2


def descendants(pid: int) -> set[int]:
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, todo = set(), [pid]
    while todo:
        parent = todo.pop()
        children = {child for child, above in parents.items() if above == parent} - found
        found |= children
        todo += children
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_signal_ends_the_runner_in_order_and_what_arrived_is_kept(make: Make) -> None:
    with Provider(player([Say(["Raise "], end="stall")])) as provider:
        bench = session(make, provider, "retry.timeout=60")
        begin(bench, steps=1, mode="auto")
        bench.until(bench.journal.read_chunks, "a piece of the reply")
        os.kill(runner_pid(bench.path) or 0, signal.SIGTERM)
        assert bench.wait("run_finished").data["code"] == 130
        bench.gone()
        assert [(r.complete, r.text) for r in bench.journal.read_replies(1)] == [(False, "Raise ")]
        after = bench.journal.last_event_id()
        begin(bench, steps=1)
        bench.wait("run_finished", after)
        assert [d for s, d, _ in bench.outcomes() if s] == ["gate"] and len(provider.requests) == 2
