"""Forking a judge before the runner works: it has loaded what the runner loads too, and waits for its task meanwhile."""

import gc
import os
import socket
from typing import NoReturn

from genopt_tui.evaluate import forked, judge, lockdown
from genopt_tui.evaluate.wire import Channel, Closed
from genopt_tui.evaluate.worker import environment


def fork() -> None:
    """Fork the judge that the next worker takes. Only from the main thread of a process that has no other and no event loop."""
    mine, its = socket.socketpair()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _judge(its.detach(), writing)
    its.close()
    os.close(writing)
    forked.keep(forked.Forked(pid, mine, reading))


def _judge(fd: int, output: int) -> NoReturn:
    """Be a judge like one that was started: of the runner's it holds nothing but the channel."""
    lockdown.die_with_parent()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, fd)
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.update(environment())
    gc.enable()
    runner = Channel(fd, fd, judge.RUNNER_FRAME)
    try:
        config = runner.receive()
        os.chdir(config["task"])
        judge.Judge(runner, config).serve()
    except Closed:
        pass
    os._exit(0)
