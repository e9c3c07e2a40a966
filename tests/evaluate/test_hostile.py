"""Artifacts that break or attack: each ends with its status, in time, and harms nothing else. In both kinds of sandbox."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent, indent

import pytest
import pytest_asyncio

from genopt_tui.config import Sandbox
from genopt_tui.evaluate.pool import Pool
from tests.evaluate.conftest import KINDS, LIMITS, living_children, rollout, without_bwrap, write_task

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "sk-never-to-be-seen"


def act(body: str) -> str:
    """An artifact whose `act` has this body."""
    return "import os, sys\ndef act(obs):\n" + indent(dedent(body).strip(), "    ") + "\n"


BROKEN = {
    "a loop in Python": (act("while True: pass"), "timeout", "longer than 0.6 s"),
    "a loop in C": (act("return sum(iter(int, 1))"), "timeout", ""),
    "a sleep": (act("import time; time.sleep(60)"), "timeout", ""),
    "a loop at import": ("while True: pass", "timeout", ""),
    "signals ignored": (
        act(
            """
            import signal, time
            for s in set(signal.Signals) - {9, 19}: signal.signal(s, signal.SIG_IGN)
            while True: time.sleep(1)
            """
        ),
        "timeout",
        "",
    ),
    "stopped": (act("os.kill(os.getpid(), 19)"), "timeout", ""),
    "threads that never end": (
        "import threading\n" + act("[threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start() for _ in range(4)]\nwhile True: pass"),
        "timeout",
        "",
    ),
    "sys.exit": (act("sys.exit(0)"), "error", "SystemExit"),
    "os._exit": (act("os._exit(0)"), "killed", "exit code 0"),
    "its own SIGKILL": (act("os.kill(os.getpid(), 9)"), "killed", ""),
    "a segmentation fault": (act("import ctypes; ctypes.string_at(0)"), "killed", "SIGSEGV"),
    "abort": (act("os.abort()"), "killed", "SIGABRT"),
    "an exception": (act("raise ValueError('no luck')"), "error", "ValueError: no luck"),
    "KeyboardInterrupt": (act("raise KeyboardInterrupt"), "error", "KeyboardInterrupt"),
    "GeneratorExit": (act("raise GeneratorExit"), "error", "GeneratorExit"),
    "an exception at import": ("1 / 0\ndef act(obs): return 1", "error", 'File "agent.py", line 1'),
    "a syntax error": ("def act(obs: return 1", "error", "SyntaxError"),
    "a missing function": ("x = 1", "error", "'act'"),
    "an exception whose text raises": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\n" + act("raise E"),
        "error",
        "E",
    ),
    "recursion": (act("return act(obs)"), "error", "RecursionError"),
    "8 GiB": (act("return len(bytearray(8 << 30))"), "memory", "MemoryError"),
    "8 GiB piece by piece": (act("x = []\nwhile True: x.append(bytearray(1 << 24))"), "memory", ""),
    "a fork loop": (act("while True: os.fork()"), "error", "BlockingIOError"),
    "a daemon": (act("if os.fork() == 0:\n    os.setsid()\n    while True: pass"), "error", "BlockingIOError"),
    "50 MB of output": (act("for _ in range(50): sys.stdout.write('x' * (1 << 20))"), "output", "200000 bytes"),
    "50 MB of errors": (act("os.write(2, b'x' * (50 << 20))"), "output", ""),
    "a file too large": (act("open('big', 'wb').write(bytes(8 << 20))"), "error", "OSError"),
    "exec": (act("os.execv('/bin/sh', ['sh'])"), "error", "Error"),
    "another program": (act("import subprocess; subprocess.run(['/bin/true'])"), "error", "Error"),
    "an object": (act("return object()"), "error", "type object"),
    "a generator": (act("return (i for i in [1])"), "error", "generator"),
    "a function": (act("return act"), "error", "type function"),
    "NaN": (act("return float('nan')"), "invalid", "nan"),
    "infinity": (act("return float('inf')"), "invalid", "inf"),
    "text for a number": (act("return 'abc'"), "invalid", "ValueError"),
    "None for a number": (act("return None"), "invalid", "TypeError"),
    "100 MB": (act("return b'x' * (100 << 20)"), "memory", "MemoryError"),
    "a lazy result": (act("return map(int, iter(int, 1))"), "error", "type map"),
    "a frame that promises 4 GB": (act("os.write(3, bytes([255] * 4))\nos.write(3, b'x' * 9)\nreturn 1"), "error", "too large"),
    "17 MB": (act("return b'x' * (17 << 20)"), "error", "too large"),
    "a huge integer": (act("return 1 << 200_000"), "error", "too large"),
    "a list in itself": (act("x = []\nx.append(x)\nreturn x"), "error", "nested"),
    "a class that raises when sent": (
        "class D(dict):\n    def __iter__(self): raise SystemExit\n    keys = items = __iter__\n" + act("return [D(a=1), object()]"),
        "error",
        "",
    ),
    "bytes on the channel": (act("os.write(3, bytes([255]) * 64)\nreturn 1"), "error", ""),
    "a forged frame": (act("os.write(3, bytes([0, 0, 0, 2, 0x93, 0xc0]))\nreturn 1"), "error", ""),
    "its channel closed": (act("os.close(3)\nreturn 1"), "killed", ""),
    "all descriptors closed": (act("os.closerange(0, 100)\nreturn 1"), "killed", ""),
}  # fmt: skip

HARMLESS = {  # each answers 0 where it got nowhere
    "sockets of every family": """
        import socket
        found = 0
        for family in range(0, 46):
            for kind in (1, 2, 3, 5):
                try: socket.socket(family, kind); found += 1
                except OSError: pass
        return found
        """,
    "environments": """
        found = 0
        for pid in ['self', *range(1, 4000)]:
            try: found += b'SECRET' in open(f'/proc/{pid}/environ', 'rb').read()
            except OSError: pass
        return found + any('SECRET' in value for value in os.environ.values())
        """,
    "reading what it must not": """
        found = 0
        for path in PATHS:
            for use in (os.listdir, lambda p: open(p).read()):
                try: found += bool(use(path))
                except OSError: pass
        return found
        """,
    "writing where it must not": """
        found = 0
        for path in PATHS:
            for target in (path, path + '/new', os.path.dirname(path) + '/new', '/usr/new', '/new', sys.prefix + '/new', '/dev/shm/../new'):
                for use in (lambda p: open(p, 'w'), lambda p: open(p, 'a'), os.mkdir, os.unlink, os.rmdir, lambda p: os.truncate(p, 0),
                            lambda p: os.chmod(p, 0o777), lambda p: os.utime(p), lambda p: os.symlink('x', p)):
                    try: use(target); found += 1
                    except OSError: pass
        return found
        """,
    "signals": """
        found = 0
        for pid in [os.getppid(), 1, -1, 0, *range(2, 300)]:
            for number in (0, 15, 9):
                if pid == os.getpid(): continue
                try: os.kill(pid, number); found += 1
                except OSError: pass
        return found
        """,
    "ptrace and other memory": """
        import ctypes
        libc = ctypes.CDLL(None)
        parent = os.getppid()
        calls = [libc.ptrace(16, parent, 0, 0), libc.process_vm_readv(parent, 0, 0, 0, 0, 0), libc.unshare(0x10000000),
                 libc.mount(b'x', b'/', b'tmpfs', 0, 0), libc.syscall(425, 1, 0), libc.syscall(321, 0, 0, 0), libc.setns(0, 0)]
        try: open(f'/proc/{parent}/mem', 'rb'); calls.append(0)
        except OSError: pass
        return sum(result != -1 for result in calls)
        """,
    "raised limits": """
        import resource
        found = 0
        for which in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
            try: resource.setrlimit(which, (-1, -1)); found += 1
            except (OSError, ValueError): pass
        return found
        """,
    "a score looked for": """
        import gc
        names = {'PlayerContext', 'Judge', 'Result', 'RolloutResult', 'Tracer'}
        frame = sys._getframe()
        found = 0
        while frame:
            found += any('score' in name or 'label' in name for name in frame.f_locals)
            frame = frame.f_back
        return found + sum(type(thing).__name__ in names for thing in gc.get_objects())
        """,
    "a monkey": """
        import builtins, json, random, struct, msgpack
        json.dumps = json.loads = random.random = struct.pack = msgpack.packb = msgpack.unpackb = lambda *a, **k: 1e9
        for name in [name for name, value in vars(builtins).items() if callable(value) and name.islower() and name[0] != '_']:
            setattr(builtins, name, lambda *a, **k: 10**9)
        return 0
        """,
    "__del__ raises": """
        class Doomed:
            def __del__(self): raise SystemExit
        Doomed()
        return 0
        """,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pool]:
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
        pool = Pool(task, workers=2, limits=LIMITS, sandbox=Sandbox())
        name = await pool.start()
        assert name == f"{request.param}+seccomp"
        yield pool
        before = living_children()
        assert before
        await pool.close()
        assert not set(before) & set(living_children())


async def unharmed(pool: Pool) -> bool:
    result = await pool.submit(rollout("def act(obs): return 21"))
    return (result.status, result.score) == ("ok", 42.0)


@pytest.mark.parametrize("name", BROKEN)
async def test_broken(pool: Pool, name: str) -> None:
    code, status, text = BROKEN[name]
    result = await pool.submit(rollout(code))
    assert (result.status, result.score) == (status, None), result
    assert text in result.error, result.error
    assert "genopt_tui" not in result.error
    assert result.seconds < LIMITS.seconds + 1
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
