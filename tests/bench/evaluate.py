"""What a rollout costs beside the same code called inline: `python tests/bench/evaluate.py`. Ratios
of one run; medians.

Each line names its goal. Other work on the machine shows in all of them: see the load in the first
line.
With `kills` it instead kills judges, zygotes and players two hundred times during a batch and
compares the results.
Both sides of every ratio are measured alternately in this process's children, so that other work on
the machine hits both.
"""

import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from genopt_tui.config import Sandbox
from genopt_tui.evaluate.judge import derive_seed
from genopt_tui.evaluate.pool import Pool
from genopt_tui.evaluate.zygote import list_descendants
from genopt_tui.task import loader
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Limits, Rollout

TIMES = 5
GOALS = {  # at most; steps of Pong: at least
    "Pong untraced": 0.75, "Pong traced": 0.6, "over the limit": 100.0, "a null rollout": 25.0, "8 sleeping, numpy": 1.1,
    "8 sleeping, sklearn": 1.25, "busy": 1.08, "64 sleeping": 1.35,
}  # fmt: skip
NULL = """
import time
from genopt_tui.task.contract import Result
def examples(split): return []
def run(artifact, example, ctx):
    ctx.call("agent.act", example.data)
    return Result(0.0)
"""
SUM = """
from genopt_tui.task.contract import Result
def run(artifact, example, ctx):
    values = [ctx.call("agent.act", example.data) for _ in range(5)]
    for value in values:
        ctx.step(None, value, value)
    return Result(sum(values))
"""
NEVER = {
    "a loop": "while True: pass",
    "a loop in C": "return sum(iter(int, 1))",
    "a sleep": "time.sleep(60)",
    "signals ignored": "[signal.signal(s, signal.SIG_IGN) for s in set(signal.Signals) - {9, 19}]; time.sleep(60)",
}
SLEEP = "import time\ndef act(seconds): time.sleep(seconds)\n"
WORK = "import time\ndef act(seconds):\n    end = time.process_time() + seconds\n    while time.process_time() < end: pass\n"


class Inline:
    """A context that calls the artifact in this process."""

    def __init__(self, files: dict[str, str], settings: dict[str, Any], seed: int) -> None:
        names: dict[str, Any] = {"__name__": "policy"}
        exec(files["policy.py"], names)
        self.policy, self.settings, self.seed, self.traced = (
            names["Policy"](),
            settings,
            seed,
            False,
        )
        self.steps = 0

    def call(self, function: str, *arguments: Any) -> Any:
        return self.policy(*arguments)

    def step(self, *arguments: Any, **info: Any) -> None:
        self.steps += 1

    def attach(self, picture: object, palette: object = None) -> None: ...


async def pong() -> None:
    """Agent steps a second of Pong through judge and player, by those of the same policy inline."""
    task = loader.find_task("atari/pong")
    settings = task.task.resolve_settings({})
    pool = Pool(task, workers=1, limits=task.task.limits.to_limits(), sandbox=Sandbox())
    name = await pool.start()
    example = (await pool.list_examples("train", settings))[0]
    files = task.read_start("tunable")
    rates: dict[str, list[float]] = {"inline": [], "untraced": [], "traced": []}
    module = task.load_module()
    for _ in range(TIMES):
        for kind in ("untraced", "traced"):
            result = await pool.submit(
                Rollout(files, "", example, settings=settings, traced=kind == "traced")
            )
            assert result.status == "ok", result
            rates[kind].append(result.steps / result.seconds)
        context = Inline(files, settings, derive_seed(Rollout(files, "", example)))
        begun = time.perf_counter()
        module.run(files, example, context)
        rates["inline"].append(context.steps / (time.perf_counter() - begun))
    await pool.close()
    rate = {kind: statistics.median(values) for kind, values in rates.items()}
    print(f"Pong inline {rate['inline']:.0f} steps/s ({name})")
    for kind in ("untraced", "traced"):
        told(
            f"Pong {kind}",
            rate[kind] / rate["inline"],
            f"x inline, {rate[kind]:.0f} steps/s",
            least=True,
        )


def told(name: str, value: float, unit: str, *, least: bool = False) -> None:
    """Print a figure beside its goal."""
    goal = GOALS[name]
    met = value >= goal if least else value <= goal
    print(
        f"{name}: {value:.2f} {unit} (goal {'>=' if least else '<='} {goal:g}: {'met' if met else 'MISSED'})",
        flush=True,
    )


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def many(
    label: str,
    code: str,
    seconds: float,
    *,
    workers: int,
    count: int,
    ideal: float,
    preload: list[str],
) -> None:
    """`count` rollouts at once on warm workers, by the ideal time."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(
            small_task(Path(folder), preload=preload),
            workers=workers,
            limits=Limits(),
            sandbox=Sandbox(),
        )

        async def run(data: float) -> None:
            rollouts = [
                Rollout({"agent.py": code}, "", Example(f"e{i}", data)) for i in range(count)
            ]
            results = await asyncio.gather(*(pool.submit(r) for r in rollouts))
            assert {r.status for r in results} == {"ok"}, results[0]

        await run(0.2)  # starts every worker
        taken = statistics.median([await timed(lambda: run(seconds)) for _ in range(TIMES)])
        if ideal:
            told(label, taken / ideal, f"x ideal of {ideal * 1000:.0f} ms")
        else:
            told(label, taken * 1000, "ms")
        await pool.close()


async def timeouts() -> None:
    """By how much rollouts that never end exceed their limit, by the judge's watch: medians of
    several kinds."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(
            small_task(Path(folder)), workers=1, limits=Limits(seconds=0.3), sandbox=Sandbox()
        )
        for name, body in NEVER.items():
            rollout = Rollout(
                {"agent.py": f"import os, signal, time\ndef act(x):\n    {body}\n"},
                "",
                Example("e", 0),
            )
            results = [await pool.submit(rollout) for _ in range(TIMES)]
            assert {r.status for r in results} == {"timeout"}, results
            told(
                "over the limit",
                (statistics.median(r.seconds for r in results) - 0.3) * 1000,
                f"ms, {name}",
            )
        await pool.close()


async def kills() -> None:
    """Two hundred random kills during a batch: the results are those of an undisturbed run."""
    chance, killed = random.Random(7), 0
    code = (
        "import random, time\ndef act(x):\n    time.sleep(0.02)\n    return random.random() + x\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        task = small_task(Path(folder), SUM)
        pool = Pool(task, workers=4, limits=Limits(seconds=60), sandbox=Sandbox())
        rollouts = [Rollout({"agent.py": code}, "", Example(f"e{i}", i)) for i in range(300)]
        calm = await asyncio.gather(*(pool.submit(r) for r in rollouts))
        batch = [asyncio.create_task(pool.submit(r)) for r in rollouts]
        while killed < 200 and not all(task.done() for task in batch):
            await asyncio.sleep(0.03)
            if prey := list_descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(prey), signal.SIGKILL)
                    killed += 1
        wild = await asyncio.gather(*batch)
        await pool.close()
    equal = [
        (a.status, a.score, a.signature) == (b.status, b.score, b.signature)
        for a, b in zip(calm, wild, strict=True)
    ]
    print(
        f"{killed} kills over {len(batch)} rollouts: {equal.count(False)} differ; {len(list_descendants())} processes left"
    )
    assert all(equal)


def small_task(folder: Path, code: str = NULL, preload: Sequence[str] = ()) -> TaskFolder:
    path = folder / "task"
    (path / "starts" / "a").mkdir(parents=True)
    (path / "task.toml").write_text(
        f'objective = ""\nfailure_score = 0\npreload = {list(preload)}\n[starts.a]\n'
    )
    (path / "task.py").write_text(code)
    return loader.load_task(path)


async def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    await pong()
    await timeouts()
    cores = os.cpu_count() or 1
    await many("a null rollout", SLEEP, 0.0, workers=1, count=1, ideal=0, preload=["numpy"])
    await many("8 sleeping, numpy", SLEEP, 0.2, workers=8, count=8, ideal=0.2, preload=["numpy"])
    await many(
        "8 sleeping, sklearn",
        SLEEP,
        0.2,
        workers=8,
        count=8,
        ideal=0.2,
        preload=["sklearn.ensemble"],
    )
    await many("busy", WORK, 0.5, workers=cores, count=cores, ideal=0.5, preload=["numpy"])
    await many("64 sleeping", SLEEP, 0.2, workers=64, count=64, ideal=0.2, preload=[])


if __name__ == "__main__":
    asyncio.run(kills() if "kills" in sys.argv else main())
