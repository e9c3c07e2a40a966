"""Every test has a user folder of its own, and no test reaches a model hub."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, empty."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GENOPT_HOME", str(folder))
    return folder
