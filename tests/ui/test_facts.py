"""What is asked of a process of its own is what this one would say."""

from pathlib import Path

import pytest

from genopt_tui.errors import UsageError
from genopt_tui.session import queries
from genopt_tui.session.history.repository import Repository
from genopt_tui.ui.platform.notifications import AppSettings, read_app_settings
from genopt_tui.ui.state.reader import read_settings


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process does not hold the models of settings."""
    monkeypatch.setattr(queries, "has_models_loaded", lambda: False)


def test_what_holds_without_a_file_is_what_the_settings_say(home: Path) -> None:
    without = read_app_settings()
    (home / "settings.toml").write_text("[interface]\n")
    assert read_app_settings() == without == AppSettings()


def test_the_users_settings_come_from_another_process(home: Path, elsewhere: None) -> None:
    (home / "settings.toml").write_text(
        '[interface]\nbell = false\ntheme = "light"\n[keys]\napprove = "y"\n'
    )
    assert read_app_settings() == AppSettings("light", bell=False, keys={"approve": "y"})


def test_what_is_wrong_with_the_file_is_told(home: Path) -> None:
    (home / "settings.toml").write_text("[interface]\nbel = false\n")
    assert "interface.bel" in read_app_settings().error and read_app_settings().bell


def test_the_state_of_a_task_comes_from_another_process(
    lived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Repository.open(lived) as repository:
        choices = repository.read_choices_text(repository.head())
    here = queries.run_query("task", str(lived), choices)
    monkeypatch.setattr(queries, "has_models_loaded", lambda: False)
    assert queries.run_query("task", str(lived), choices) == here
    assert here["fingerprint"] and any(place.endswith("task.py") for place in here["places"])


def test_an_error_that_a_person_is_to_read_arrives_as_one(session: Path, elsewhere: None) -> None:
    with pytest.raises(UsageError, match="horizn"):
        queries.run_query("task", str(session), "horizn = 1\n")


def test_settings_are_read_as_they_were_checked(session: Path, home: Path) -> None:
    (home / "settings.toml").write_text('[session]\nmode = "auto"\nworkers = 3\n')
    assert read_settings(session) == {"mode": "auto", "workers": 3}
    (home / "settings.toml").write_text("[session\n")
    assert read_settings(session) == {}
