"""`stop` and SIGTERM end the run and the runner at once, also while a reply is awaited."""

import os
import signal
import subprocess
import sys

from conftest import Make


def test_stop_cancels_the_model_call_and_keeps_what_arrived(make: Make) -> None:
    bench = make()
    bench.pace(600)
    bench.start(steps=1, mode="auto")
    bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
    bench.tell("stop")
    bench.gone()
    assert bench.events("run_finished")[-1].data["reason"] == "stopped"
    (reply,) = bench.journal.read_replies(1)
    assert reply.text and not reply.complete
    assert len(bench.calls()) == 1 and not bench.events("step_ended")


def test_a_stopped_run_goes_on_with_the_same_step(make: Make) -> None:
    bench = make()
    bench.pace(600)
    bench.start(steps=1, mode="auto")
    bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
    bench.tell("stop")
    bench.gone()
    bench.pace(0)
    bench.run(steps=1, mode="auto")
    assert [(step, decision) for step, decision, _ in bench.outcomes()] == [
        (0, "start"),
        (1, "gate"),
    ]


def test_stop_ends_a_run_that_waits_for_a_persons_reply(make: Make) -> None:
    bench = make("model=manual")
    bench.start(steps=1, mode="auto")
    bench.until(
        lambda: [e for e in bench.events("notice") if "give the reply" in e.data["text"]],
        "the wait for a reply",
    )
    bench.tell("stop")
    bench.gone()
    assert bench.events("run_finished")[-1].data["reason"] == "stopped"


def test_sigterm_to_run_leaves_no_runner_behind(make: Make) -> None:
    bench = make()
    bench.pace(600)
    command = [sys.executable, "-m", "genopt_tui", "run", str(bench.path), "--mode", "auto"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ), text=True)
    bench.until(lambda: bench.journal.read_chunks(), "a piece of the reply")
    run.send_signal(signal.SIGTERM)
    _, told = run.communicate()
    bench.gone()
    assert run.returncode == 130 and "stopped; continue with: genopt run" in told
