"""What a rollout costs beside the same code called inline: `python tests/bench/evaluate.py`. Ratios of one run; medians.

Both sides of every ratio are measured alternately in this process's children, so that other work on the machine hits both.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from genopt_tui.config import Sandbox
from genopt_tui.evaluate.judge import seed_of
from genopt_tui.evaluate.pool import Pool
from genopt_tui.task import loader
from genopt_tui.task.rollout import Example, Limits, Rollout

TIMES = 5
NULL = """
import time
from genopt_tui.task.contract import Result
def examples(split): return []
def run(artifact, example, ctx):
    ctx.call("agent.act", example.data)
    return Result(0.0)
"""
SLEEP = "import time\ndef act(seconds): time.sleep(seconds)\n"
WORK = "import time\ndef act(seconds):\n    end = time.process_time() + seconds\n    while time.process_time() < end: pass\n"


class Inline:
    """A context that calls the artifact in this process."""

    def __init__(self, files: dict[str, str], settings: dict[str, Any], seed: int) -> None:
        names: dict[str, Any] = {"__name__": "policy"}
        exec(files["policy.py"], names)
        self.policy, self.settings, self.seed, self.traced = names["Policy"](), settings, seed, False
        self.steps = 0

    def call(self, function: str, *arguments: Any) -> Any:
        return self.policy(*arguments)

    def step(self, *arguments: Any, **info: Any) -> None:
        self.steps += 1

    def attach(self, picture: object) -> None: ...


async def pong() -> None:
    """Agent steps a second of Pong through judge and player, by those of the same policy inline."""
    task = loader.find("atari/pong")
    settings = task.task.resolve({})
    pool = Pool(task, workers=1, limits=task.task.limits.limits(), sandbox=Sandbox())
    name = await pool.start()
    example = (await pool.examples("train", settings))[0]
    files = task.start("tunable")
    rates: dict[str, list[float]] = {"inline": [], "untraced": [], "traced": []}
    module = task.module()
    for _ in range(TIMES):
        for kind in ("untraced", "traced"):
            result = await pool.submit(Rollout(files, "", example, settings=settings, traced=kind == "traced"))
            assert result.status == "ok", result
            rates[kind].append(result.steps / result.seconds)
        context = Inline(files, settings, seed_of(Rollout(files, "", example)))
        begun = time.perf_counter()
        module.run(files, example, context)
        rates["inline"].append(context.steps / (time.perf_counter() - begun))
    await pool.close()
    rate = {kind: statistics.median(values) for kind, values in rates.items()}
    print(f"Pong inline {rate['inline']:.0f} steps/s ({name})")
    for kind in ("untraced", "traced"):
        print(f"Pong {kind} {rate[kind]:.0f} steps/s = {rate[kind] / rate['inline']:.2f} x inline")


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def many(
    label: str, code: str, seconds: float, *, workers: int, count: int, ideal: float, preload: list[str]
) -> None:
    """`count` rollouts at once on warm workers, by the ideal time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task"
        (path / "starts" / "a").mkdir(parents=True)
        (path / "task.toml").write_text(f'objective = ""\nfailure_score = 0\npreload = {preload}\n[starts.a]\n')
        (path / "task.py").write_text(NULL)
        pool = Pool(loader.load(path), workers=workers, limits=Limits(), sandbox=Sandbox())

        async def run(data: float) -> None:
            rollouts = [Rollout({"agent.py": code}, "", Example(f"e{i}", data)) for i in range(count)]
            results = await asyncio.gather(*(pool.submit(r) for r in rollouts))
            assert {r.status for r in results} == {"ok"}, results[0]

        await run(0.2)  # starts every worker
        taken = statistics.median([await timed(lambda: run(seconds)) for _ in range(TIMES)])
        print(f"{label}: {taken * 1000:.0f} ms" + (f" = {taken / ideal:.2f} x ideal" if ideal else ""))
        await pool.close()


async def main() -> None:
    await pong()
    cores = os.cpu_count() or 1
    await many("a null rollout", SLEEP, 0.0, workers=1, count=1, ideal=0, preload=["numpy"])
    await many("8 sleeping 200 ms on 8, numpy", SLEEP, 0.2, workers=8, count=8, ideal=0.2, preload=["numpy"])
    await many(
        "8 sleeping 200 ms on 8, sklearn", SLEEP, 0.2, workers=8, count=8, ideal=0.2, preload=["sklearn.ensemble"]
    )
    await many("busy 500 ms a core", WORK, 0.5, workers=cores, count=cores, ideal=0.5, preload=["numpy"])
    await many("64 sleeping 200 ms on 64", SLEEP, 0.2, workers=64, count=64, ideal=0.2, preload=[])


if __name__ == "__main__":
    asyncio.run(main())
