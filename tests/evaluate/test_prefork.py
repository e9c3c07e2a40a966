"""A judge that is forked before the runner works."""

import subprocess
import sys
from pathlib import Path

TOML = 'objective = "Raise it."\nfailure_score = 0\n[starts.one]\n'
TASK = """
import os, sys
from genopt_tui.task.contract import Example, Result
def examples(split):
    print("said by the judge", flush=True)
    return [Example(f"{os.getppid()} {os.getcwd()} {os.environ['OMP_NUM_THREADS']} {sorted(os.listdir('/proc/self/fd'))[:3]}")]
def run(artifact, example, ctx): return Result(ctx.call("a.value"))
"""
SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from genopt_tui.evaluate import forked_judge, prefork
held = os.open("/dev/null", os.O_RDONLY)
prefork.fork()
known = forked_judge._spare[0]
from genopt_tui.config import Sandbox
from genopt_tui.evaluate.pool import Pool
from genopt_tui.task import loader
from genopt_tui.task.rollout import Rollout
how = sys.argv[2]
if how == "dead":
    os.kill(known.pid, 9)
    while known.returncode is None: pass
async def main():
    task = loader.load_task(Path(sys.argv[1]))
    pool = Pool(task, workers=1, limits=task.task.limits.to_limits(), sandbox=Sandbox())
    example = (await pool.list_examples("train", {}))[0]
    worker = next(iter(pool._workers))
    print(worker.process is known, example.id == f"{os.getpid()} {task.path} 1 ['0', '1', '2']")
    result = await pool.submit(Rollout({"a.py": "def value(): return 7"}, "t", example))
    print(result.status, result.score)
    while b"said" not in worker._output_tail: await asyncio.sleep(0.01)
    if how == "kill":
        os.kill(worker.process.pid, 9)
        print((await pool.submit(Rollout({"a.py": "def value(): return 8"}, "u", example))).score)
    await pool.close()
    print(worker.process.returncode is not None)
if how == "drop":
    forked_judge.discard()
    print(asyncio.run(known.wait()))
else:
    asyncio.run(main())
"""


def said(tmp_path: Path, how: str) -> list[str]:
    task = tmp_path / "task"
    (task / "starts" / "one").mkdir(parents=True)
    (task / "task.toml").write_text(TOML)
    (task / "task.py").write_text(TASK)
    (task / "starts" / "one" / "a.py").write_text("def value(): return 1\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(task), how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_first_worker_takes_the_forked_judge_which_is_like_one_that_was_started(
    tmp_path: Path,
) -> None:
    assert said(tmp_path, "use") == ["True True", "ok 7.0", "True"]


def test_a_forked_judge_that_was_killed_is_replaced(tmp_path: Path) -> None:
    assert said(tmp_path, "dead") == ["False True", "ok 7.0", "True"]


def test_a_forked_judge_that_is_killed_at_work_is_replaced(tmp_path: Path) -> None:
    assert said(tmp_path, "kill") == ["True True", "ok 7.0", "8.0", "True"]


def test_a_forked_judge_that_nobody_takes_ends(tmp_path: Path) -> None:
    assert said(tmp_path, "drop") == ["0"]
