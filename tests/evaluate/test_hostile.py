"""Artifacts that break or attack: each ends with its status, in time, and harms nothing else. In
both kinds of sandbox."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from genopt_tui.config import Sandbox
from genopt_tui.evaluate.pool import Pool
from tests.evaluate.conftest import (
    KINDS,
    LIMITS,
    ROOMY,
    living_children,
    rollout,
    without_bwrap,
    write_task,
)
from tests.evaluate.hostile import BROKEN, HARMLESS, act

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "sk-never-to-be-seen"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def pools(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Pool, Pool]]:
    """One with time for all that ends by itself, and one whose time is soon over."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        patch.setenv("A_SECRET", SECRET)
        if request.param == "landlock":
            patch.setenv("PATH", without_bwrap(folder / "bin"))
        task = write_task(folder / "task")
        (folder / "task" / "labels.txt").write_text("the answers")
        (folder / "home").mkdir()
        (folder / "home" / ".netrc").write_text("a password")
        roomy, hasty = (
            Pool(task, workers=2, limits=limits, sandbox=Sandbox()) for limits in (ROOMY, LIMITS)
        )
        for pool in (roomy, hasty):
            assert await pool.start() == f"{request.param}+seccomp"
        yield roomy, hasty
        before = living_children()
        assert before
        await roomy.close()
        await hasty.close()
        assert not set(before) & set(living_children())


@pytest.fixture(scope="module")
def pool(pools: tuple[Pool, Pool]) -> Pool:
    return pools[0]


async def unharmed(pool: Pool) -> bool:
    """Whether the pool still scores; on a busy machine it may run out of time, and is asked again."""
    for _ in range(20):
        result = await pool.submit(rollout("def act(obs): return 21"))
        if result.status != "timeout":
            break
    return (result.status, result.score) == ("ok", 42.0)


@pytest.mark.parametrize("name", BROKEN)
async def test_broken(pools: tuple[Pool, Pool], name: str) -> None:
    code, status, text = BROKEN[name]
    pool = pools["timeout" in status]  # in the one word, or among several
    result = await pool.submit(rollout(code))
    assert (
        result.status in (status if isinstance(status, tuple) else (status,))
        and result.score is None
    ), result
    assert text in result.error, result.error
    assert "genopt_tui" not in result.error
    assert result.seconds < ROOMY.seconds
    assert await unharmed(pool)


@pytest.mark.parametrize("name", HARMLESS)
async def test_attack_gets_nowhere(pool: Pool, name: str) -> None:
    folder = pool.task.path.parent
    paths = [
        str(folder / "task"),
        str(folder / "task" / "labels.txt"),
        str(folder / "home" / ".netrc"),
        str(folder),
        os.getcwd(),
    ]
    before = sorted(str(p) for p in folder.rglob("*"))
    code = f"PATHS = {paths!r}\n" + act(HARMLESS[name]).replace("SECRET", SECRET)
    result = await pool.submit(rollout(code))
    assert (result.status, result.score) == ("ok", 0.0), result
    assert sorted(str(p) for p in folder.rglob("*")) == before
    assert (folder / "home" / ".netrc").read_text() == "a password"
    assert await unharmed(pool)


async def test_a_full_disk(pool: Pool) -> None:
    code = act("n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(1 << 20))")
    result = await pool.submit(rollout(code))
    assert result.status == "error", result
    assert "No space left" in result.error or "bytes of files" in result.error
    assert await unharmed(pool)


async def test_scratch_is_empty_for_the_next(pool: Pool) -> None:
    left = act(
        "os.makedirs('deep/er', exist_ok=True)\nopen('deep/er/f', 'w').write('x')\nos.symlink('/', 'link')\nreturn 1"
    )
    assert (await pool.submit(rollout(left, times=1))).status == "ok"
    for _ in range(2):
        assert (await pool.submit(rollout(act("return len(os.listdir('.'))")))).score == 0.0


async def test_error_is_cut_to_the_artifact(pool: Pool) -> None:
    files = {
        "agent.py": "import helper\ndef act(obs):\n    return helper.twice(obs)\n",
        "helper.py": "def twice(x):\n    return x['gone']\n",
    }
    error = (await pool.submit(rollout("", artifact=files))).error
    assert 'File "agent.py", line 3, in act' in error
    assert "return x['gone']" in error
    assert "importlib" not in error
    assert str(Path.cwd()) not in error
