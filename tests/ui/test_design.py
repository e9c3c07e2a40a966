"""The forms of design choices know the task of the session, wherever that task is."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from genopt_tui.config import DesignChoices, to_toml
from genopt_tui.session.history import export
from genopt_tui.session.history.record import DecisionRecord, Record
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import utc_timestamp
from genopt_tui.task import loader
from genopt_tui.ui.screens.design import DesignScreen
from genopt_tui.ui.state.store import Store
from tests.ui.scene import snapshot

TASK = """
name = "far"
description = "Far"
objective = "Go far."
failure_score = 0.0
[starts.plain]
description = "Zero"
[settings.depth]
type = "int"
default = 3
help = "How deep."
"""


@pytest.fixture
def travelled(tmp_path: Path) -> Path:
    """A session whose task came along with it and is not on this machine."""
    task = tmp_path / "far"
    (task / "starts" / "plain").mkdir(parents=True)
    (task / "task.toml").write_text(TASK)
    (task / "task.py").write_text("")
    (task / "starts" / "plain" / "a.py").write_text("x = 1\n")
    toml = to_toml(DesignChoices.model_validate({"task": {"name": str(task)}}))
    record = Record(at=utc_timestamp(), task="far", decision=DecisionRecord(decision="start"))
    with Repository.create(tmp_path / "toy", {"a.py": "x = 1\n"}, toml, record) as session:
        export.store_task(session, loader.find_task(str(task)).path)
    task.rename(tmp_path / "elsewhere")
    return tmp_path / "toy"


def test_design_choices_of_a_session_from_another_machine(travelled: Path) -> None:
    here = snapshot()
    screen = DesignScreen(
        replace(here, session=replace(here.session, path=str(travelled))), cast(Store, None)
    )
    assert any(field.key == "task.depth" for field in screen.read_fields())
