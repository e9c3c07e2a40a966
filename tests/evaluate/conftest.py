"""A small task, and pools over both kinds of sandbox."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from genopt_tui.config import Sandbox
from genopt_tui.evaluate import lockdown
from genopt_tui.evaluate.pool import Pool
from genopt_tui.task import loader
from genopt_tui.task.loader import TaskFolder
from genopt_tui.task.rollout import Example, Limits, Rollout

TASK_TOML = (
    'objective = "Return a large number"\nfailure_score = 0.0\npreload = ["math"]\n[starts.plain]\n'
)
TASK = """
from genopt_tui.task.contract import Example, Result

def examples(split):
    return [Example(f"{split}-{i}", data={"times": 2}) for i in range(3)]

def run(artifact, example, ctx):
    print("a task's print never reaches a terminal")
    total = 0.0
    for i in range((example.data or {}).get("times", 2)):
        value = ctx.call("agent.act", {"number": i})
        total += float(value)
        ctx.step({"number": i}, value, float(value), note="n")
    return Result(total, feedback=f"{total:g} in all", metrics={"total": total})
"""
LIMITS = Limits(
    seconds=0.6, memory=128 * 1024**2, output=200_000, file_size=4 * 1024**2, scratch=16 * 1024**2
)
ROOMY = replace(LIMITS, seconds=30.0)  # for what ends by itself, on a busy machine too
KINDS = [
    pytest.param(
        "bwrap",
        marks=pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed"),
    ),
    pytest.param(
        "landlock",
        marks=pytest.mark.skipif(
            lockdown.landlock_abi() < 3 or not lockdown.seccomp_works(),
            reason="no Landlock with seccomp here",
        ),
    ),
]


def write_task(folder: Path, code: str = TASK, toml: str = TASK_TOML) -> TaskFolder:
    (folder / "starts" / "plain").mkdir(parents=True)
    (folder / "starts" / "plain" / "agent.py").write_text(
        "def act(obs):\n    return obs['number']\n"
    )
    (folder / "task.toml").write_text(toml)
    (folder / "task.py").write_text(code)
    return loader.load_task(folder)


def rollout(code: str, *, times: int = 2, **fields: object) -> Rollout:
    """A rollout of an artifact with the one file agent.py."""
    artifact = fields.pop("artifact", None) or {"agent.py": code}
    return Rollout(artifact, "tree", Example("e-1", {"times": times}), **fields)  # type: ignore[arg-type]


def without_bwrap(folder: Path) -> str:
    """A PATH on which there is no bubblewrap."""
    folder.mkdir(exist_ok=True)
    return str(folder)


Make = Callable[..., Pool]


@pytest.fixture
async def make(tmp_path: Path) -> object:
    """Pools over a task, closed at the end."""
    pools: list[Pool] = []

    def build(code: str = TASK, toml: str = TASK_TOML, **options: object) -> Pool:
        task = write_task(tmp_path / f"task{len(pools)}", code, toml)
        settings = {"workers": 1, "limits": ROOMY, "sandbox": Sandbox()} | options
        pools.append(Pool(task, **settings))  # type: ignore[arg-type]
        return pools[-1]

    yield build
    for pool in pools:
        await pool.close()


def living_children() -> list[int]:
    """Processes below this one, by the kernel's own list."""
    found, queue = [], [os.getpid()]
    while queue:
        parent = queue.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:  # it has ended meanwhile
            continue
        for thread in threads:
            try:
                pids = [
                    int(pid)
                    for pid in Path(f"/proc/{parent}/task/{thread}/children").read_text().split()
                ]
            except OSError:
                continue
            found += pids
            queue += pids
    return found
