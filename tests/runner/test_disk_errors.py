"""What the disk refuses fails one command; the runner lives on and takes it up no more."""

import pytest
from conftest import Make

from genopt_tui.config import settings_file
from genopt_tui.errors import GenoptError
from genopt_tui.session.lock import runner_pid


def test_a_command_that_the_disk_refuses_is_answered_and_ends_no_runner(make: Make) -> None:
    bench = make()
    bench.start(steps=1, mode="ask")
    bench.wait("decision_wanted")
    pid = runner_pid(bench.path)
    file = settings_file(bench.path)
    temporary = file.with_name(f".{file.name}.{pid}.tmp")  # what the runner writes first
    temporary.mkdir()
    with pytest.raises(GenoptError, match="Free space"):
        bench.tell("set", pairs=["workers=1"])
    temporary.rmdir()
    assert runner_pid(bench.path) == pid and not bench.journal.read_commands()
    bench.tell("approve")
    bench.wait("step_ended")
