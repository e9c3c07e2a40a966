"""Limits and the settings of the sandbox: what is bounded, what is opened, and what is said of either."""

import os
import re
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genopt_tui.config import Sandbox
from genopt_tui.task.rollout import Limits
from tests.evaluate.conftest import KINDS, Make, rollout, without_bwrap
from tests.evaluate.test_hostile import act

QUICK = Limits(seconds=20)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "landlock":
        monkeypatch.setenv("PATH", without_bwrap(tmp_path / "bin"))
    return str(request.param)


def peak() -> int:
    """The most memory this process has held since `forget_peak`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


async def test_output_costs_the_runner_no_memory(make: Make) -> None:
    pool = make(limits=Limits(seconds=20, output=64 * 1024**2))
    assert (await pool.submit(rollout("def act(obs): return 1"))).status == "ok"
    before = forget_peak()
    result = await pool.submit(rollout(act("for _ in range(25): os.write(1, b'x' * (1 << 20))\nreturn 1")))
    assert result.status == "ok" and "bytes left out" in result.output and len(result.output) < 40_000
    assert peak() - before < 5 * 1024**2


async def test_cpu_time_is_bounded(make: Make) -> None:
    result = await make(limits=Limits(seconds=30, cpu_seconds=1)).submit(rollout(act("while True: pass")))
    assert (result.status, result.score) == ("timeout", None)
    assert "CPU" in result.error


async def test_calls_are_bounded(make: Make) -> None:
    result = await make(limits=Limits(calls=3)).submit(rollout("def act(obs): return 1", times=9))
    assert result.status == "killed" and "more than 3 calls" in result.error


async def test_a_path_that_is_not_open_is_named_with_its_setting(make: Make, kind: str, tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    data.write_text("21")
    code = act(f"return int(open({str(data)!r}).read())")
    closed = await make(limits=QUICK).submit(rollout(code))
    assert closed.status == "error" and f"--set sandbox.read={data}" in closed.error
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
    assert closed.status == "error" and "--set sandbox.env=A_LEVEL" in closed.error
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
    code = act(f"import socket\nreturn int(socket.create_connection(('127.0.0.1', {server})).recv(9))")
    closed = await make(limits=QUICK).submit(rollout(code))
    assert closed.status == "error" and "--set sandbox.network=true" in closed.error, closed.error
    opened = await make(limits=QUICK, sandbox=Sandbox(network=True)).submit(rollout(code))
    assert (opened.score, opened.sandbox) == (42.0, f"{kind}+seccomp network"), opened


async def test_processes_are_named_with_their_setting(make: Make, kind: str) -> None:
    result = await make(limits=QUICK).submit(rollout(act("return os.fork()")))
    assert result.status == "error" and "--set limits.processes=N" in result.error


async def test_other_errors_name_no_setting(make: Make) -> None:
    for body in ("return {}['HOME']", "open('/nowhere/at/all')", "raise PermissionError('no')", "raise KeyError('x')"):
        result = await make(limits=QUICK).submit(rollout(act(body)))
        assert result.status == "error" and "--set" not in result.error, (body, result.error)
    assert "HOME" in os.environ
