"""Forking a judge ahead of the first rollout: it shares the runner's loaded libraries and waits for
its task."""

import gc
import os
import socket
from typing import NoReturn

from genopt_tui.evaluate import forked_judge, judge, lockdown
from genopt_tui.evaluate.wire import Channel, ChannelClosed
from genopt_tui.evaluate.worker import build_judge_environment


def fork() -> None:
    """Fork the judge that the next worker takes. Call it from a process with one thread and no event
    loop."""
    mine, its = socket.socketpair()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _run_judge(its.detach(), writing)
    its.close()
    os.close(writing)
    forked_judge.put(forked_judge.ForkedJudge(pid, mine, reading))


def _run_judge(fd: int, output: int) -> NoReturn:
    """Run as a judge; close inherited descriptors except the channel."""
    lockdown.die_with_parent()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, fd)
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.update(build_judge_environment())
    gc.enable()
    runner = Channel(fd, fd, judge.MAX_RUNNER_FRAME)
    try:
        config = runner.receive()
        os.chdir(config["task"])
        judge.Judge(runner, config).serve()
    except ChannelClosed:
        pass
    os._exit(0)
