"""What a long history costs: `python tests/bench/history.py [--steps 10000] [--branches 50]
[--tiny] [--rest 330] [--keep FOLDER]`.

Makes a session through the loop's own machine, with a model and an evaluation that answer at once,
and measures along the way
(a step has three rollouts in its batch and four on the gate; with --tiny one and two):

step     milliseconds of one whole step (evidence, prompt, journal, gate's statistics, commit, all
         durable): median near step 10 and
         at the end, and their ratio; beside it the processor time of this process and of git. The
         end is measured twice: at once,
         and after a rest of some seconds. A file system without a journal (ext4) makes a new file
         only after it has looked at all
         that were deleted in the last minutes, and here that is what hours of steps delete
write    bytes given to write() in one such step, by this process and its git processes
disk     bytes a step on disk after packing: all blocks of all files of the session's folder (.git,
         .genopt and the work tree)
acts     rewind, branch, undo, switch in the finished session: medians in milliseconds
lists    the whole log, the line of head, one session's row in `genopt ls`, best (with and without
         its cache), the next step
"""

import argparse
import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from genopt_tui.config import DesignChoices, SessionSettings, to_toml
from genopt_tui.propose.base import Delta, Finish, Proposer, ReplyRequest, StreamEvent
from genopt_tui.runner.budget import Ledger
from genopt_tui.runner.context import RunContext
from genopt_tui.runner.event_log import EventLog
from genopt_tui.runner.machine import Machine
from genopt_tui.runner.scoring import JournalCache, RolloutRequest
from genopt_tui.session import places
from genopt_tui.session.history import acts
from genopt_tui.session.history.record import DecisionRecord, Record
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Journal, RolloutRow, utc_timestamp
from genopt_tui.task import loader
from genopt_tui.task.rollout import Example, RolloutResult, TraceStep
from genopt_tui.task.trace import encode

SAMPLE, PACK = 40, 500  # steps of a median; steps between two packings
START = (
    "LEVEL = 0\n" + "# a line between\n" * 9 + "\n\ndef value(shift):\n    return LEVEL + shift\n"
)
TASK = """
name = "tiny"
description = "Reach a number"
objective = "Return a large number."
deterministic = true
failure_score = -10.0
[starts.plain]
description = "Zero"
"""


class AtOnce(Proposer):
    """A model that sets LEVEL to the step's number."""

    name = "at once"

    async def stream(self, ask: ReplyRequest) -> AsyncIterator[StreamEvent]:
        line = ask.files["answer.py"].partition("\n")[0]
        edit = f"answer.py\n<<<<<<< SEARCH\n{line}\n=======\nLEVEL = {ask.step}\n>>>>>>> REPLACE\n"
        yield Delta(f"The level should be {ask.step}.\n\n{edit}")
        yield Finish(usage={"input": 1000, "output": 50}, cost=0.001)


class Known:
    """Scores without running anything: random, half of them better than the base's."""

    fingerprint, sandbox, is_timed = "0123456789abcdef", "none", False

    def __init__(self, context: RunContext) -> None:
        choices = context.load_choices(context.repository.head())
        self.task = loader.find_task(str(choices.task["name"]))
        self.task_settings = self.task.task.resolve_settings(choices.task)
        self.conditions = {"fingerprint": self.fingerprint, "sandbox": self.sandbox}
        self._cache, self._random = context.cache, random.Random(1)

    async def load_examples(self, split: str) -> dict[str, Example]:
        return {f"{split}-{i}": Example(f"{split}-{i}") for i in range(8)}

    async def select_pairs(self, split: str, gate: Any) -> list[tuple[str, int]]:
        return [(f"{split}-{i}", 0) for i in range(gate.examples)]

    async def select_growing_pairs(self, gate: Any) -> list[tuple[str, int]]:
        return await self.select_pairs("gate", gate)

    async def run_rollouts(self, request: RolloutRequest) -> list[RolloutRow]:
        return [self._one(request, example, repeat) for example, repeat in request.pairs]

    def _one(self, request: RolloutRequest, example: str, repeat: int) -> RolloutRow:
        key = f"{self.fingerprint}/{request.artifact.tree}/{example}/{repeat}"
        if row := self._cache.find(key, request.artifact.tree, traced=request.traced):
            if not request.quiet:
                self._cache.record_hit(row, request)
            return row
        score = self._random.gauss(0, 1)
        steps = (
            [TraceStep(i, {"x": i}, i % 3, float(i)) for i in range(3)] if request.traced else []
        )
        trace = (encode(steps),) if steps else ()
        result = RolloutResult(
            example,
            repeat,
            request.split,
            "ok",
            score,
            0.01,
            "so so",
            steps=len(steps),
            trace=trace,
        )
        return self._cache.store(key, request, result)

    async def close(self) -> None:
        """There is nothing to close."""


class Bench:
    """A session whose steps go through the machine."""

    def __init__(self, folder: Path, tiny: bool) -> None:
        task = folder / "tiny"
        (task / "starts" / "plain").mkdir(parents=True)
        (task / "task.toml").write_text(TASK)
        (task / "starts" / "plain" / "answer.py").write_text(START)
        sizes = {
            "gate": {"examples": 2 if tiny else 4, "rule": "always"},
            "batch": {"size": 1 if tiny else 3},
        }
        choices = DesignChoices.model_validate({"task": {"name": str(task)}, **sizes})
        self.path = folder / "long"
        record = Record(at=utc_timestamp(), task="tiny", decision=DecisionRecord(decision="start"))
        self.repository = Repository.create(
            self.path, {"answer.py": START}, to_toml(choices), record
        )
        self.event_log = EventLog(Journal(self.path))
        settings = SessionSettings(model="manual", mode="auto")
        cache, ledger = JournalCache(self.event_log), Ledger(self.event_log, [])
        self.context = RunContext(
            self.path, self.event_log, self.repository, settings, cache, ledger
        )
        known, model = Known(self.context), AtOnce()

        async def scorer(*_: object) -> Known:
            return known

        self.context.get_scorer, self.context.get_proposer = scorer, lambda *_: model  # type: ignore[assignment,method-assign]
        self.machine, self.random = Machine(self.context), random.Random(0)
        self.event_log.append(
            "run_started",
            step=0,
            mode="auto",
            steps=None,
            until=None,
            model="at once",
            pid=os.getpid(),
        )
        self.times: list[float] = []
        self.busy: list[float] = []
        self.written: list[int] = []

    async def step(self, counted: bool) -> None:
        before, used, began = (
            written(self) if counted else 0,
            busy() if counted else 0.0,
            perf_counter(),
        )
        while phase := self.machine.next(active=True, paused=False):
            await asyncio.create_task(phase())  # type: ignore[arg-type]
            if self.event_log.p.ended:
                break
        self.context.ledger.report(self.context.settings.budget)
        self.event_log.flush()
        self.times.append((perf_counter() - began) * 1000)
        if counted:
            self.busy.append((busy() - used) * 1000)
            self.written.append(written(self) - before)

    async def grow(self, steps: int, branches: int, rest: float = 0.0) -> None:
        for number in range(1, steps + 1):
            if number == steps - SAMPLE + 1:
                time.sleep(rest)
            await self.step(counted=number <= SAMPLE + 10 or number > steps - SAMPLE)
            if number % max(steps // branches, 1) == 0 and number < steps:
                self.fork(number)
            if number % PACK == 0:
                self.idle()
                print(
                    f"\r{number} steps, {median(self.times[-SAMPLE:]):.2f} ms", end="", flush=True
                )
        print()

    def idle(self) -> None:
        """What a runner does when nobody waits."""
        self.repository.pack()
        self.event_log.journal.archive()

    def fork(self, number: int) -> None:
        """A branch at an earlier version of this one, which becomes the active one."""
        line = self.repository.read_log()
        acts.branch(
            self.repository, f"try-{number}", self.random.choice(line[: len(line) // 2 + 1]).commit
        )
        acts.switch(self.repository, f"try-{number}")


def written(bench: Bench) -> int:
    """Bytes that this process and the git processes it holds gave to write() so far."""
    total, here = 0, Path("/proc")
    for pid in ("self", *children()):
        lines = dict(line.split(": ") for line in (here / pid / "io").read_text().splitlines())
        total += int(lines["wchar"])
    return total


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def busy() -> float:
    """Seconds of processor time that this process and the git processes it holds took so far."""
    ticks = 0
    for pid in children():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return process_time() + ticks / os.sysconf("SC_CLK_TCK")


def size(folder: Path) -> int:
    """Bytes that the files under `folder` take on the disk."""
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*") if p.is_file())


def timed(
    act: Callable[[], object], repeats: int = 9, then: Callable[[], object] = lambda: None
) -> float:
    """Median milliseconds of `act`; `then` is called after each, uncounted."""
    times = []
    for _ in range(repeats):
        began = perf_counter()
        act()
        times.append((perf_counter() - began) * 1000)
        then()
    return median(times)


def measure_acts(bench: Bench) -> None:
    repository, count = bench.repository, iter(range(1_000_000))
    line = repository.read_log()
    far = line[min(150, len(line) - 1)]

    def undo() -> object:
        return acts.undo(repository)

    def name() -> str:
        return f"bench-{next(count)}"

    print(
        f"rewind by step     {timed(lambda: acts.rewind(repository, far.name), then=undo):8.1f} ms (goal 100; {far.name})"
    )
    print(
        f"rewind by id       {timed(lambda: acts.rewind(repository, far.commit), then=undo):8.1f} ms (goal 100)"
    )
    print(
        f"branch             {timed(lambda: acts.branch(repository, name(), far.name)):8.1f} ms (goal 100)"
    )
    print(f"undo (of a branch) {timed(undo):8.1f} ms (goal 100)")
    acts.rewind(repository, far.commit)
    print(
        f"undo (of a rewind) {timed(undo, then=lambda: acts.redo(repository)):8.1f} ms (goal 100)"
    )
    undo()
    names = [ref.removeprefix("refs/heads/") for ref in repository.refs.list_refs("refs/heads/")]
    other = iter(names * 9)
    here = repository.current_branch()
    print(
        f"switch             {timed(lambda: acts.switch(repository, next(n for n in other if n != repository.current_branch()))):8.1f} ms"
    )
    acts.switch(repository, here)


def measure_lists(bench: Bench) -> None:
    repository = bench.repository

    def fresh() -> Repository:
        return Repository.open(bench.path)

    def anew() -> object:
        (bench.path / ".git" / "genopt" / "best.json").unlink()
        return fresh().find_best()

    count = len(repository.read_log(all_branches=True))
    print(
        f"log, all           {timed(lambda: repository.read_log(all_branches=True), 3):8.1f} ms ({count} versions)"
    )
    print(
        f"log, head's line   {timed(repository.read_log, 3):8.1f} ms ({len(repository.read_log())} versions)"
    )
    print(f"row of the listing {timed(lambda: places.load_entry(bench.path)):8.1f} ms")
    print(f"best, cached       {timed(lambda: fresh().find_best()):8.1f} ms")
    print(f"best, uncached     {timed(anew, 3):8.1f} ms")
    print(f"next step          {timed(lambda: fresh().next_step()):8.1f} ms")


def report(bench: Bench, steps: int) -> None:
    early, at_once, late = (median(bench.times[i:][:SAMPLE]) for i in (10, -2 * SAMPLE, -SAMPLE))
    told = [sum(part) / SAMPLE for part in (bench.busy[10 : 10 + SAMPLE], bench.busy[-SAMPLE:])]
    wrote = [
        median(part) / 1024 for part in (bench.written[10 : 10 + SAMPLE], bench.written[-SAMPLE:])
    ]
    print(f"step 10            {early:8.2f} ms (goal 10), {told[0]:.1f} ms of it processor time")
    print(
        f"step {steps:<14}{late:8.2f} ms, {told[1]:.1f} ms of it processor time; ratio {late / early:.2f} (goal 1.2)"
    )
    print(f"at once            {at_once:8.2f} ms; ratio {at_once / early:.2f}")
    print(
        f"written a step     {wrote[0]:8.1f} KB near step 10, {wrote[1]:.1f} KB at the end (goal 64)"
    )
    before = size(bench.path)
    print(f"packing            {timed(bench.idle, 1):8.1f} ms")
    git, journal, whole = (size(bench.path / name) for name in (".git", ".genopt", "."))
    print(
        f"disk a step        {whole / steps / 1024:8.2f} KB (goal 4): {git / steps / 1024:.2f} git, "
        f"{journal / steps / 1024:.2f} journal ({before >> 20} -> {whole >> 20} MB)"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--branches", type=int, default=50)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument(
        "--rest", type=float, default=330.0, help="Seconds before the last steps are measured."
    )
    parser.add_argument("--keep", type=Path, help="Folder for the session, which stays.")
    wanted = parser.parse_args()
    folder = wanted.keep or Path(tempfile.mkdtemp())
    os.environ.setdefault("GENOPT_HOME", str(folder / "home"))
    bench = Bench(folder, wanted.tiny)
    asyncio.run(bench.grow(wanted.steps, wanted.branches, wanted.rest))
    report(bench, wanted.steps)
    measure_acts(bench)
    measure_lists(bench)
    if not wanted.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
