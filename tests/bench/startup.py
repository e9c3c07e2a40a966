"""From `genopt run` to the first rollout and the first request: `python tests/bench/startup.py`.
Medians of TIMES; ratios of one run.

rollout   a headless run of a small task: from the start of the process to run_started, and to the
          first line of the task's
          `run`; beside it a bare interpreter, its child with pydantic and click, and git. Goal: the
          run's own start 0.5 s
request   a model behind litellm, a server on loopback: from the last rollout of the first batch to
          the first request, where the
          rollouts last longer than litellm takes to load (goal: 0.2 s), and where they take no
          time: from the first batch to the
          request, by a bare import of litellm with a first request of its own
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loopback import Provider, Say  # type: ignore[import-not-found]

from genopt_tui.session.creation import create_session
from genopt_tui.session.journal import Event, Journal
from genopt_tui.task import loader

TIMES, FEW = 10, 3  # runs of what is short, and of what takes seconds
LONGER = 3.0  # times loading litellm: a rollout that outlasts it
TOML = 'objective = "Raise it."\nfailure_score = 0\n[starts.one]\n[choices]\n"batch.size" = 2\n"gate.examples" = 2\n'
TASK = """
import os, time
from genopt_tui.task.contract import Example, Result
def examples(split): return [Example(f"{split}-{i}", data=i) for i in range(4)]
def run(artifact, example, ctx):
    with open(os.environ["GENOPT_BENCH_MARK"], "a") as file:
        file.write(f"{time.time()}\\n")
    time.sleep(SECONDS if example.id.startswith("train") else 0)
    return Result(ctx.call("a.value"))
"""
REPLY = "No.\n\na.py\n<<<<<<< SEARCH\nX = 1\n=======\nX = 2\n>>>>>>> REPLACE\n"
BARE = "from genopt_tui.propose import litellm_client; litellm_client.warm_up('openai/test')"


def folder_of(where: Path, seconds: float) -> Path:
    """A task whose train rollouts take `seconds`."""
    task = where / f"task-{seconds:g}"
    (task / "starts" / "one").mkdir(parents=True)
    (task / "task.toml").write_text(TOML)
    (task / "task.py").write_text(TASK.replace("SECONDS", str(seconds)))
    (task / "starts" / "one" / "a.py").write_text("X = 1\ndef value(): return X\n")
    return task


def one_run(where: Path, task: Path, name: str, *pairs: str) -> tuple[float, float, list[Event]]:
    """A run of one step in a new session: when its process began, when the first rollout did, and
    its events."""
    session = create_session(
        loader.find_task(str(task)), str(task), name=name, pairs=["workers=2", *pairs]
    )
    mark = where / f"{name}.mark"
    environment = {**os.environ, "GENOPT_BENCH_MARK": str(mark)}
    began = time.time()
    command = [
        sys.executable,
        "-m",
        "genopt_tui",
        "run",
        str(session),
        "--steps",
        "1",
        "--mode",
        "auto",
        "--jsonl",
    ]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    journal = Journal(session, durable=False)
    events = journal.read_events()
    journal.close()
    return began, float(mark.read_text().split()[0]), events


def at(events: list[Event], kind: str, last: bool = False, **match: object) -> float:
    """When an event was said, in seconds since the epoch."""
    found = [e for e in events if e.kind == kind and match.items() <= e.data.items()]
    return datetime.fromisoformat(found[-1 if last else 0].at).timestamp()


def seconds_of(*command: str, times: int = TIMES) -> float:
    """Median seconds of a command."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def rollout(where: Path, task: Path) -> None:
    started, first = [], []
    for number in range(TIMES):
        began, rolled, events = one_run(where, task, f"r{number}", "model=search")
        started.append(at(events, "run_started") - began)
        first.append(rolled - began)
    bare, child = (
        seconds_of(sys.executable, "-c", "pass"),
        seconds_of(sys.executable, "-c", "import pydantic, click"),
    )
    print(
        f"rollout: run_started after {statistics.median(started):.2f} s, first rollout after {statistics.median(first):.2f} s "
        f"(min {min(first):.2f}; goal 0.5); bare interpreter {bare:.3f} s, with pydantic and click {child:.3f} s, "
        f"git {seconds_of('git', '--version'):.3f} s"
    )


def request(where: Path) -> None:
    with Provider([Say(REPLY)]) as provider:
        model = ["model=openai/test", f"api_base={provider.url}"]
        seconds_of(sys.executable, "-c", BARE, times=1)
        bare = seconds_of(sys.executable, "-c", BARE, times=FEW)
        for seconds in (LONGER * bare, 0.0):
            delays, whole = [], []
            for number in range(FEW):
                known = len(provider.requests)
                events = one_run(
                    where,
                    folder_of(where / f"{seconds:g}-{number}", seconds),
                    f"q{seconds:g}-{number}",
                    *model,
                )[2]
                offset = time.time() - time.monotonic()
                left = provider.requests[known].at + offset
                delays.append(left - at(events, "rollout_finished", last=True, split="train"))
                whole.append(left - at(events, "batch_sampled"))
            if seconds:
                print(
                    f"request: {statistics.median(delays):.3f} s after rollouts of {seconds:.1f} s (goal 0.2)"
                )
            else:
                print(
                    f"request: {statistics.median(whole):.2f} s after the first batch was sampled where rollouts take no time; "
                    f"loading litellm alone takes {bare:.2f} s: {statistics.median(whole) - bare:+.2f} s"
                )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GENOPT_HOME"] = str(Path(folder) / "home")
        os.environ["PYTHONPYCACHEPREFIX"] = str(
            Path(folder) / "compiled"
        )  # as an installed package is
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        task = folder_of(Path(folder), 0)
        one_run(Path(folder), task, "compiling", "model=search")
        rollout(Path(folder), task)
        request(Path(folder))


if __name__ == "__main__":
    main()
