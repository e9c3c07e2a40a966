"""`kill -9` of the runner at every kind of event, and in the middle of a reply: nothing is
repeated, the end is the same."""

import pytest
from conftest import Bench, Make

from genopt_tui.session.commands import Run

KINDS = [
    "run_started",
    "scored",
    "batch_sampled",
    "rollout_finished",
    "evidence_built",
    "prompt_built",
    "reply_finished",
    "edit_parsed",
    "gate_finished",
    "decided",
    "committed",
    "step_ended",
]


def keys(bench: Bench) -> list[str]:
    return [row[0] for row in bench.journal.database.execute("SELECT key FROM rollout ORDER BY id")]


@pytest.mark.slow
def test_killed_at_every_kind_of_event_it_ends_as_if_nothing_had_happened(make: Make) -> None:
    calm = make(name="calm")
    calm.run(steps=3, mode="auto")
    bench = make(name="killed")
    bench.journal.add_command(Run(steps=3, mode="auto"))
    after = 0
    for kind in KINDS:
        bench.fork()
        after = bench.wait(kind, after).id
        bench.kill()
    bench.fork()
    bench.wait("run_finished", after)
    assert bench.outcomes() == calm.outcomes() and bench.files() == calm.files()
    assert len(keys(bench)) == len(set(keys(bench))) == len(keys(calm))
    complete = [e for e in bench.events("reply_finished") if e.data["complete"]]
    assert len(complete) == 3
    assert [e.step for e in bench.events("step_ended")] == [1, 2, 3]


def test_what_arrived_of_a_reply_is_kept_and_a_complete_reply_is_not_asked_for_again(
    make: Make,
) -> None:
    bench = make()
    bench.pace(0.2)
    bench.start(steps=1, mode="auto")
    bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
    bench.kill()
    bench.pace(0)
    bench.fork()
    bench.wait("reply_finished", complete=True)
    bench.kill()
    bench.fork()
    bench.wait("run_finished")
    replies = bench.journal.read_replies(1)
    assert [r.complete for r in replies] == [False, True] and replies[0].text
    assert replies[1].text.startswith(replies[0].text)
    assert len(bench.calls()) == 2
    assert [a.complete for a in bench.record("head").attempts] == [False, True]
