"""Limits and the settings of the sandbox: what is bounded, what is opened, and what is said of
either."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genopt_tui.config import Sandbox
from genopt_tui.task.rollout import Limits
from tests.evaluate.conftest import KINDS, Make, rollout, without_bwrap, write_task
from tests.evaluate.hostile import act

QUICK = Limits(seconds=20)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "landlock":
        monkeypatch.setenv("PATH", without_bwrap(tmp_path / "bin"))
    return str(request.param)


FLOOD = """
import asyncio, re, sys
from pathlib import Path
from genopt_tui.config import Sandbox
from genopt_tui.evaluate.pool import Pool
from genopt_tui.task import loader
from genopt_tui.task.rollout import Example, Limits, Rollout

def held(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

async def main():
    pool = Pool(loader.load_task(Path(sys.argv[1])), workers=1, limits=Limits(seconds=60, output=int(sys.argv[2])), sandbox=Sandbox())
    flood = "import os\\ndef act(obs):\\n    for _ in range({}): os.write(1 + _ % 2, b'x' * (1 << 20))\\n    return 1\\n"
    for megabytes in (1, 50):
        before = held("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        result = await pool.submit(Rollout({"agent.py": flood.format(megabytes)}, "", Example("e", {"times": 1})))
    print(result.status, len(result.output), held("VmHWM") - before)
    await pool.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(("limit", "status"), [(64 << 20, "ok"), (1 << 20, "output")])
@pytest.mark.slow
def test_50_mb_of_output_cost_the_runner_no_memory(
    tmp_path: Path, kind: str, limit: int, status: str
) -> None:
    write_task(tmp_path / "task")
    line = [sys.executable, "-c", FLOOD, str(tmp_path / "task"), str(limit)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=True)
    ended, length, kilobytes = done.stdout.split()
    assert (ended, int(length) < 40_000) == (status, True), done.stdout
    assert int(kilobytes) < 5 * 1024


async def test_cpu_time_is_bounded(make: Make) -> None:
    result = await make(limits=Limits(seconds=30, cpu_seconds=1)).submit(
        rollout(act("while True: pass"))
    )
    assert (result.status, result.score) == ("timeout", None)
    assert "CPU" in result.error


async def test_calls_are_bounded(make: Make) -> None:
    result = await make(limits=Limits(calls=3)).submit(rollout("def act(obs): return 1", times=9))
    assert result.status == "killed" and "more than 3 calls" in result.error


async def test_a_path_that_is_not_open_is_named_with_its_setting(
    make: Make, kind: str, tmp_path: Path
) -> None:
    data = tmp_path / "data.txt"
    data.write_text("21")
    code = act(f"return int(open({str(data)!r}).read())")
    closed = await make(limits=QUICK).submit(rollout(code))
    assert closed.status == "error" and f"--set sandbox.read={data}" in closed.hint
    assert "--set" not in closed.error
    assert closed.sandbox == f"{kind}+seccomp"
    opened = await make(limits=QUICK, sandbox=Sandbox(read=[str(data)])).submit(rollout(code))
    assert (opened.status, opened.score) == ("ok", 42.0), opened
    assert opened.sandbox == f"{kind}+seccomp read:{data}"


async def test_a_variable_that_is_hidden_is_named_with_its_setting(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_LEVEL", "21")
    monkeypatch.setenv("ANOTHER", "1")
    code = act("return int(os.environ['A_LEVEL']) + 10 * ('ANOTHER' in os.environ)")
    closed = await make(limits=QUICK).submit(rollout(code))
    assert closed.status == "error" and "--set sandbox.env=A_LEVEL" in closed.hint
    opened = await make(limits=QUICK, sandbox=Sandbox(env=["A_LEVEL"])).submit(rollout(code))
    assert (opened.score, opened.sandbox) == (42.0, f"{kind}+seccomp env:A_LEVEL")


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server on this machine that says 21 to whoever comes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"21")

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


async def test_the_network_is_named_with_its_setting(make: Make, kind: str, server: int) -> None:
    code = act(
        f"import socket\nreturn int(socket.create_connection(('127.0.0.1', {server})).recv(9))"
    )
    closed = await make(limits=QUICK).submit(rollout(code))
    assert closed.status == "error" and "--set sandbox.network=true" in closed.hint, closed
    opened = await make(limits=QUICK, sandbox=Sandbox(network=True)).submit(rollout(code))
    assert (opened.score, opened.sandbox) == (42.0, f"{kind}+seccomp network"), opened


async def test_processes_are_named_with_their_setting(make: Make, kind: str) -> None:
    result = await make(limits=QUICK).submit(rollout(act("return os.fork()")))
    assert result.status == "error" and "--set limits.processes=N" in result.hint


async def test_other_errors_name_no_setting(make: Make) -> None:
    for body in (
        "return {}['HOME']",
        "open('/nowhere/at/all')",
        "raise PermissionError('no')",
        "raise KeyError('x')",
    ):
        result = await make(limits=QUICK).submit(rollout(act(body)))
        assert result.status == "error" and result.hint == "", (body, result)
        assert "--set" not in result.error, (body, result.error)
    assert "HOME" in os.environ
