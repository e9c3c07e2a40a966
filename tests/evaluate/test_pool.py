"""The pool: results, cancelling, questions to a model, judges that die."""

import asyncio
import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from genopt_tui.config import Sandbox
from genopt_tui.errors import EvaluationError, ProposerPause, UsageError
from genopt_tui.evaluate import sandbox, worker
from genopt_tui.evaluate.pool import LlmQuestion
from genopt_tui.task.rollout import Example, Limits, RolloutResult
from genopt_tui.task.trace import decode
from tests.evaluate.conftest import TASK, TASK_TOML, Make, living_children, rollout

NUMBER = "import random\ndef helper(x):\n    return x + 1\ndef act(obs):\n    return helper(obs['number']) + random.random()\n"
ASKING = "def act(obs):\n    return float(llm(f'n {obs[\"number\"]}', temperature=0.5))\n"
SLOW = "import time\ndef act(obs):\n    time.sleep(30)\n"


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def named(word: str) -> list[int]:
    return [pid for pid in living_children() if f"genopt_tui.evaluate.{word}" in command_line(pid)]


async def until(condition: object, seconds: float = 60.0) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_examples_come_from_a_judge(make: Make) -> None:
    found = await make().list_examples("gate", {})
    assert [e.id for e in found] == ["gate-0", "gate-1", "gate-2"]
    assert found[0] == Example("gate-0", {"times": 2})


async def test_result_of_a_traced_rollout(make: Make) -> None:
    pool = make()
    result = await pool.submit(
        rollout(NUMBER + "print('hello')\n", traced=True, split="gate", repeat=3)
    )
    assert (result.example, result.repeat, result.split, result.status) == ("e-1", 3, "gate", "ok")
    assert result.feedback == f"{result.score:g} in all"
    assert result.metrics == {"total": result.score}
    assert result.output == "hello\n"
    steps = [step for chunk in result.trace for step in decode(chunk)]
    assert [step.observation for step in steps] == [{"number": 0}, {"number": 1}]
    assert [(c.function, c.depth) for c in steps[0].calls] == [("act", 0), ("helper", 1)]
    assert steps[1].calls[1].arguments == {"x": 1}
    assert steps[1].calls[1].result == 2
    assert steps[0].info == {"note": "n"}
    assert sum(step.action for step in steps) == pytest.approx(result.score)


async def test_randomness_is_that_of_seed_example_and_repeat(make: Make) -> None:
    pool = make(workers=2)
    same = await asyncio.gather(*(pool.submit(rollout(NUMBER, seed=5)) for _ in range(3)))
    other = [
        await pool.submit(rollout(NUMBER, seed=6)),
        await pool.submit(rollout(NUMBER, seed=5, repeat=1)),
    ]
    assert len({r.score for r in same}) == 1
    assert len({r.signature for r in same}) == 1
    assert len({r.score for r in [same[0], *other]}) == 3
    assert len({r.signature for r in [same[0], *other]}) == 3


async def test_rollouts_share_nothing(make: Make) -> None:
    pool = make()
    code = "import math\nseen = getattr(math, 'seen', 0)\nmath.seen = 1\ndef act(obs):\n    return seen\n"
    assert [(await pool.submit(rollout(code))).score for _ in range(2)] == [0.0, 0.0]


async def test_questions_are_answered_outside_and_cost_no_time(make: Make) -> None:
    asked: list[LlmQuestion] = []

    async def answer(question: LlmQuestion) -> str:
        asked.append(question)
        await asyncio.sleep(2.0)
        return "21"

    result = await make(answer=answer, limits=Limits(seconds=3)).submit(
        rollout(ASKING)
    )  # less than two answers take
    assert (result.status, result.score, result.llm_calls) == ("ok", 42.0, 2), result
    assert asked[1] == LlmQuestion(
        "e-1", 0, 0, [{"role": "user", "content": "n 1"}], {"temperature": 0.5}
    )


async def test_equal_questions_are_numbered(make: Make) -> None:
    numbers = []

    async def answer(question: LlmQuestion) -> str:
        numbers.append(question.n)
        return "1"

    await make(answer=answer).submit(
        rollout("def act(obs):\n    return float(llm('same'))\n", times=3)
    )
    assert numbers == [0, 1, 2]


async def test_a_waiting_question_holds_no_slot(make: Make) -> None:
    other = asyncio.Event()

    async def answer(question: LlmQuestion) -> str:
        await asyncio.wait_for(other.wait(), 10)
        return "1"

    pool = make(answer=answer)
    asking = asyncio.create_task(pool.submit(rollout(ASKING)))
    assert (await pool.submit(rollout("def act(obs): return 1"))).score == 2.0
    other.set()
    assert (await asking).score == 2.0


async def test_no_model(make: Make) -> None:
    result = await make().submit(rollout(ASKING))
    assert result.status == "error"
    assert "no agent model is set" in result.error


async def test_a_model_that_fails_is_not_the_artifacts_fault(make: Make) -> None:
    failing = True

    async def answer(question: LlmQuestion) -> str:
        if failing:
            raise ProposerPause("the model gave no reply", "out of quota")
        return "21"

    pool = make(answer=answer)
    with pytest.raises(ProposerPause, match="out of quota"):
        await pool.submit(
            rollout(
                "def act(obs):\n    try:\n        return float(llm('x'))\n    except RuntimeError:\n        return 0"
            )
        )
    failing = False
    assert (await pool.submit(rollout(ASKING))).score == 42.0
    assert len(named("judge")) == 1  # the same judge goes on


async def test_a_wrong_question_is_the_artifacts_fault(make: Make) -> None:
    async def answer(question: LlmQuestion) -> str:
        raise UsageError("llm(...) takes no 'api_base'")

    result = await make(answer=answer).submit(rollout(ASKING))
    assert result.status == "error" and "takes no 'api_base'" in result.error


async def test_cancelling_stops_the_player_at_once(make: Make) -> None:
    playing = asyncio.Event()

    async def answer(question: LlmQuestion) -> str:
        playing.set()
        return "go on"

    pool = make(answer=answer, limits=Limits(seconds=600))
    await pool.list_examples("gate", {})
    player = await the_player()  # nothing was played yet: it plays next
    endless = "import time\ndef act(obs):\n    llm('begun')\n    time.sleep(500)\n"
    task = asyncio.create_task(pool.submit(rollout(endless)))
    await playing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: player not in living_children())
    assert (await pool.submit(rollout("def act(obs): return 1"))).score == 2.0
    assert len(named("judge")) == 1  # the same judge goes on


async def test_killed_processes_are_nobodys_score(make: Make) -> None:
    pool = make(workers=2, limits=Limits(seconds=30))
    code = "import time\ndef act(obs):\n    time.sleep(0.05)\n    return obs['number']\n"
    undisturbed = await pool.submit(rollout(code, times=4))
    results, kills = [], 0
    while kills < 20:
        batch = [
            asyncio.create_task(pool.submit(rollout(code, times=4, repeat=i))) for i in range(6)
        ]
        kills += await harassed(batch, 20 - kills)
        results += await asyncio.gather(*batch)
    assert {(r.status, r.score, r.signature) for r in results} == {
        ("ok", 6.0, undisturbed.signature)
    }


async def test_a_player_killed_while_it_waits_for_its_rollout_is_nobodys_score(make: Make) -> None:
    pool = make(limits=Limits(seconds=30))
    await pool.list_examples("gate", {})
    player = await the_player()  # nothing was played yet: it waits
    calm = await pool.submit(rollout(NUMBER))
    for _ in range(3):
        player = await the_player(other_than=player)
        with contextlib.suppress(
            ProcessLookupError
        ):  # it may have been the one that had just played
            os.kill(player, signal.SIGKILL)
        assert (await pool.submit(rollout(NUMBER))).score == calm.score
    assert len(named("judge")) == 1


async def the_player(other_than: int = 0) -> int:
    """The process id of the player, once there is only one, which is not `other_than`."""
    found: list[int] = []

    def settled() -> bool:
        found[:] = players()
        return len(found) == 1 and found[0] != other_than

    await until(settled)
    return found[0]


def players() -> list[int]:
    """Players: what a zygote has forked, as its command line, which is the zygote's, and that of its parent say."""
    return [
        pid for pid in living_children() if is_python_zygote(pid) and is_python_zygote(parent(pid))
    ]


def is_python_zygote(pid: int) -> bool:
    program, _, rest = command_line(pid).partition(" ")
    return "python" in program and "genopt_tui.evaluate.zygote" in rest


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


UNLUCKY = """
import os, resource, random
def act(obs):
    if WHEN:
        HOW
    return 1
"""


@pytest.mark.parametrize(
    "how",
    [
        "os.kill(os.getpid(), 9)",
        "resource.setrlimit(resource.RLIMIT_CPU, (0, 0))\n        while True: pass",
    ],
)
async def test_an_artifact_that_kills_itself_is_not_run_again(make: Make, how: str) -> None:
    pool = make(limits=Limits(seconds=20))
    code = UNLUCKY.replace("WHEN", "obs['number'] == 1").replace("HOW", how)
    assert (await pool.submit(rollout("def act(obs): return 1"))).status == "ok"
    result = await pool.submit(rollout(code))
    assert (result.status, result.score, result.reruns, result.steps) == ("killed", None, 0, 1)
    assert (await pool.submit(rollout("def act(obs): return 1"))).score == 2.0


async def test_a_player_killed_while_it_runs_is_not_run_again(make: Make) -> None:
    async def answer(question: LlmQuestion) -> str:
        for pid in players():
            os.kill(pid, signal.SIGKILL)
        return "1"

    pool = make(answer=answer, limits=Limits(seconds=60))
    result = await pool.submit(rollout(ASKING))
    assert (result.status, result.reruns) == ("killed", 0)


async def test_reruns_are_counted(make: Make) -> None:
    killed: list[int] = []

    async def answer(question: LlmQuestion) -> str:
        if not killed:
            killed.extend(named("judge"))
            os.kill(killed[0], signal.SIGKILL)
        return "1"

    result = await make(answer=answer, limits=Limits(seconds=60)).submit(rollout(ASKING))
    assert (result.status, result.reruns) == ("ok", 1)


async def harassed(batch: list[asyncio.Task[RolloutResult]], most: int) -> int:
    """Kill judges and zygotes at random while the batch runs; how many were killed. Players are
    left alone: who kills one that runs an artifact cannot be told from the artifact."""
    chance, kills = random.Random(1), 0
    while kills < most and not all(task.done() for task in batch):
        await asyncio.sleep(0.04)
        prey = sorted(set(living_children()) - set(players()))
        if prey:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(prey), signal.SIGKILL)
                kills += 1
    return kills


async def test_candidates_take_turns(make: Make) -> None:
    pool = make(workers=1)
    done: list[str] = []

    async def run(tree: str) -> None:
        await pool.submit(replace(rollout("def act(obs): return 1"), tree=tree))
        done.append(tree)

    await pool.submit(rollout("def act(obs): return 1"))
    await asyncio.gather(*(run(tree) for tree in "aaaabb"))
    assert "".join(done) == "aababa"


async def test_no_more_judges_than_are_bounded_while_questions_wait(make: Make) -> None:
    gate, asked = asyncio.Event(), 0

    async def answer(question: LlmQuestion) -> str:
        nonlocal asked
        asked += 1
        if asked >= 3:
            gate.set()
        await gate.wait()
        return "1"

    pool = make(answer=answer)
    pool._max_judges = 3
    results = await asyncio.gather(*(pool.submit(rollout(ASKING, repeat=i)) for i in range(8)))
    assert {(r.status, r.score) for r in results} == {("ok", 2.0)}
    assert len(named("judge")) <= 3


async def test_folders_of_killed_runners_are_removed(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap: scratch folders lie on disk
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "genopt-999999999-x" / "deep").mkdir(parents=True)
    (tmp_path / f"genopt-{os.getpid()}-x").mkdir()
    pool = make()
    assert (await pool.submit(rollout("def act(obs): return 1"))).status == "ok"
    await pool.close()
    assert [p.name for p in tmp_path.glob("genopt-*")] == [f"genopt-{os.getpid()}-x"]


async def test_a_judge_that_dies_over_a_rollout_is_infra(make: Make) -> None:
    code = (
        "import os\ndef run(artifact, example, ctx): print('last words', flush=True); os._exit(3)\n"
    )
    result = await make(code).submit(rollout("def act(obs): return 1"))
    assert (result.status, result.score) == ("infra", None)
    assert "last words" in result.error


async def test_a_judge_that_hangs_over_what_the_artifact_returned_is_a_timeout(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.5)
    code = "def run(artifact, example, ctx):\n    while ctx.call('agent.act', 1): pass\n"
    code = code.replace(": pass", ":\n        while True: pass")
    pool = make(code, limits=Limits(seconds=1))
    result = await pool.submit(rollout("def act(obs): return 1"))
    assert (result.status, result.score) == ("timeout", None)
    assert "did not end" in result.error


async def test_a_judge_that_dies_over_what_the_artifact_returned_is_invalid(make: Make) -> None:
    code = (
        "import os\ndef run(artifact, example, ctx):\n    os._exit(ctx.call('agent.act', 1) + 2)\n"
    )
    result = await make(code).submit(rollout("def act(obs): return 1"))
    assert (result.status, result.score) == ("invalid", None)
    assert "the judge process died" in result.error


async def test_a_task_that_cannot_be_loaded_is_infra(make: Make) -> None:
    pool = make("raise RuntimeError('broken task')")
    assert (await pool.submit(rollout(NUMBER))).status == "infra"
    with pytest.raises(EvaluationError, match="broken task"):
        await pool.list_examples("train", {})


async def test_artifact_error_of_a_task(make: Make) -> None:
    code = "from genopt_tui.task.contract import ArtifactError\ndef run(artifact, example, ctx):\n    raise ArtifactError('7 is no action')\n"
    result = await make(code).submit(rollout(NUMBER))
    assert (result.status, result.error) == ("error", "7 is no action")


@pytest.mark.parametrize(
    ("metrics", "status", "error"),
    [
        ({"size": 99.5, "other": 7}, "ok", ""),
        ({"size": 101}, "invalid", "size is 101, and must be at most 100"),
        ({"size": math.nan}, "invalid", "size is nan, and must be at most 100"),
        ({"other": 7}, "invalid", "it reported no size, which is constrained"),
    ],
)
async def test_a_metric_may_be_a_constraint(
    make: Make, metrics: dict[str, float], status: str, error: str
) -> None:
    code = (
        "from math import nan\nfrom genopt_tui.task.contract import Result\n"
        f"def run(artifact, example, ctx):\n    return Result(ctx.call('agent.act', {{'number': 1}}), metrics={metrics!r})\n"
    )
    toml = TASK_TOML + '\n[[constraints]]\nmetric = "size"\nat_most = 100\n'
    result = await make(code, toml).submit(rollout(NUMBER))
    assert (result.status, result.error) == (status, error)
    assert (result.score is None) is (
        status == "invalid"
    ) and result.metrics.keys() == metrics.keys()


async def test_async_task(make: Make) -> None:
    code = (
        "import asyncio\nfrom genopt_tui.task.contract import Result\n"
        "async def run(artifact, example, ctx):\n    await asyncio.sleep(0)\n"
        "    return Result(ctx.call('agent.act', {'number': 4}))\n"
    )
    assert (await make(code).submit(rollout("def act(obs): return obs['number']"))).score == 4.0


async def test_arrays_and_tables_pass(make: Make) -> None:
    code = (
        "import numpy as np\nimport pandas as pd\nfrom genopt_tui.task.contract import Result\n"
        "def run(artifact, example, ctx):\n"
        "    table = pd.DataFrame({'a': [1.0, 2.0], 'b': ['x', 'y']}, index=[7, 8])\n"
        "    back, array = ctx.call('agent.act', table, np.eye(2, dtype='f4'))\n"
        "    assert back.equals(table) and array.dtype == 'f4'\n"
        "    return Result(float(array.sum()))\n"
    )
    toml = 'objective = "x"\nfailure_score = 0.0\npreload = ["pandas"]\n[starts.plain]\n'
    result = await make(code, toml, limits=Limits(seconds=20)).submit(
        rollout("def act(t, a): return t, a * 2")
    )
    assert (result.status, result.score) == ("ok", 4.0), result


async def test_processes_where_a_task_allows_them(make: Make) -> None:
    code = "import os, time\ndef act(obs):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n    return 1\n"
    pool = make(limits=Limits(seconds=5, processes=4))
    before = await pool.submit(rollout("def act(obs): return 1"))
    assert before.score == 2.0
    idle = len(living_children()) + 1  # and perhaps a player that is forked ahead
    assert (await pool.submit(rollout(code))).score == 2.0
    assert len(living_children()) <= idle  # both daemons are gone with their player


async def test_closing_leaves_no_process(make: Make) -> None:
    before = living_children()
    pool = make(workers=2, limits=Limits(seconds=60))
    tasks = [asyncio.create_task(pool.submit(rollout(SLOW))) for _ in range(2)]
    await until(lambda: len(named("judge")) == 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await pool.close()
    await until(lambda: living_children() == before)


async def test_closing_leaves_no_file_where_a_program_of_the_task_lives_on(make: Make) -> None:
    """It holds the pipe that the judge printed to."""
    before = len(os.listdir("/proc/self/fd"))
    lasting = "import subprocess\n" + TASK.replace(
        "    ctx.step", "    subprocess.Popen(['sleep', '5'])\n    ctx.step", 1
    )
    assert "Popen" in lasting
    pool = make(lasting)
    await pool.submit(rollout(NUMBER))
    await pool.close()
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_below_the_floor_it_refuses(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sandbox.lockdown, "seccomp_works", lambda: False)
    with pytest.raises(EvaluationError, match="sandbox=none"):
        await make().start()
    assert await make(sandbox=Sandbox(kind="none")).start() == "none"


async def test_without_a_hold_on_signals_nothing_that_starts_processes_runs(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sandbox.lockdown, "seccomp_works", lambda: True)
    monkeypatch.setattr(sandbox.lockdown, "landlock_abi", lambda: 5)
    with pytest.raises(EvaluationError, match="starts processes"):
        await make(limits=Limits(processes=1)).start()
    assert await make().start() == "landlock+seccomp"


ELSEWHERE = """
import asyncio, os, select, signal, sys, sysconfig
import msgpack, platformdirs, pydantic
sysconfig.get_config_vars()
sys.platform = "darwin"
for module in (os, select, signal):
    for name in ("pidfd_open", "sched_setaffinity", "sched_getaffinity", "POLLRDHUP", "epoll", "pidfd_send_signal"):
        if hasattr(module, name):
            delattr(module, name)
from genopt_tui.config import Sandbox
from genopt_tui.errors import EvaluationError
from genopt_tui.evaluate import cpu_affinity, judge, pool, sandbox, shell, zygote
os.environ["PATH"] = "/nowhere"
assert not cpu_affinity.has_multiple_cores()
assert sandbox.choose_isolation(Sandbox(kind="none")).name == "none"
try:
    sandbox.choose_isolation(Sandbox())
except EvaluationError as error:
    print(error)
print(shell.run_line("echo from a shell"))
"""


def test_where_there_is_no_linux_it_loads_and_refuses() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, timeout=60, check=True
    )
    assert "[0, 'from a shell" in done.stdout
    assert "bubblewrap is not installed" in done.stdout and "--set sandbox=none" in done.stdout
