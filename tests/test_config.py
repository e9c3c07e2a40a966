"""Settings: which key belongs where, and what a wrong one says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genopt_tui.config import (
    DesignChoices,
    Sandbox,
    SessionSettings,
    assign,
    format_exclusion,
    from_toml,
    parse_size,
    settings_file,
    to_toml,
)
from genopt_tui.errors import UsageError
from genopt_tui.session.progress import PendingInput


def test_keys_reach_the_model_that_has_them() -> None:
    choices, settings = DesignChoices(), SessionSettings()
    pairs = [
        "horizon.steps=10",
        "sandbox=none",
        "limits.memory=1G",
        "sticky=0.5",
        "budget.steps=5",
        "params.max_tokens=3",
        "scope=a.py,b.py:f",
    ]
    assign(choices, settings, pairs, {"sticky": 0.25})
    assert choices.horizon.steps == 10
    assert choices.scope == ["a.py", "b.py:f"]
    assert choices.task == {"sticky": 0.5}
    assert (
        settings.sandbox.kind,
        settings.limits.memory,
        settings.budget.steps,
        settings.params,
    ) == (
        "none",
        1024**3,
        5,
        {"max_tokens": 3},
    )


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("horizn.steps=3", "Did you mean horizon.steps?"),
        ("horizon.steps=many", "horizon.steps"),
        ("gate.rule=best", "'better' or 'always'"),
        ("nonsense", "not KEY=VALUE"),
        ("task.stiky=1", "Did you mean task.sticky?"),
        ("horizon.kind=middle", "horizon.kind"),
    ],
)
def test_a_wrong_pair_says_what_to_do_and_changes_nothing(pair: str, said: str) -> None:
    choices, settings = DesignChoices(), SessionSettings()
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        assign(choices, settings, ["horizon.steps=7", pair], {"sticky": 0.25})
    assert choices == DesignChoices()


def test_an_empty_value_unsets() -> None:
    choices, settings = DesignChoices(), SessionSettings()
    assign(choices, settings, ["budget.steps=5"])
    assign(choices, settings, ["budget.steps="])
    assert settings.budget.steps is None


def test_settings_lie_outside_the_session_and_come_back(tmp_path: Path, home: Path) -> None:
    settings = SessionSettings(model="search", mode="auto")
    settings.save(tmp_path)
    assert home in settings_file(tmp_path).parents
    assert SessionSettings.load(tmp_path) == settings
    assert SessionSettings.load(tmp_path / "other").mode == "ask"


def test_the_users_defaults_hold_where_the_session_says_nothing(tmp_path: Path, home: Path) -> None:
    (home / "settings.toml").write_text(
        '[session]\nmodel = "manual"\n[session.budget]\nsteps = 9\n'
    )
    assert SessionSettings.load(tmp_path).budget.steps == 9
    SessionSettings(model="search").save(tmp_path)
    assert SessionSettings.load(tmp_path).model == "search"


def test_a_broken_file_names_itself(tmp_path: Path, home: Path) -> None:
    (home / "settings.toml").write_text("[session\n")
    with pytest.raises(UsageError, match=r"settings\.toml is not valid TOML"):
        SessionSettings.load(tmp_path)
    (home / "settings.toml").write_text("[session]\nmodle = 'x'\n")
    with pytest.raises(UsageError, match="modle"):
        SessionSettings.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 512 * 1024**2), ("2G", 2 * 1024**3), ("64kB", 65536), ("17", "17"), (5, 5)],
)
def test_sizes(text: object, size: object) -> None:
    assert parse_size(text) == size


@given(
    st.builds(
        DesignChoices,
        task=st.dictionaries(
            st.text(min_size=1),
            st.one_of(
                st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text()
            ),
        ),
        scope=st.lists(st.text(min_size=1)),
        candidates=st.integers(1, 16),
    )
)
def test_choices_survive_their_file(choices: DesignChoices) -> None:
    assert from_toml(to_toml(choices)) == choices


def test_a_bare_value_stands_for_the_main_key_of_its_table_as_on_the_command_line(
    tmp_path: Path, home: Path
) -> None:
    (home / "settings.toml").write_text('[session]\nsandbox = "none"\nworkers = 3\n')
    assert (
        SessionSettings.from_user_defaults().sandbox.kind,
        SessionSettings.from_user_defaults().workers,
    ) == ("none", 3)
    assert SessionSettings.load(tmp_path).sandbox.kind == "none"
    assert from_toml('horizon = "last"\nmemory = 3\n').horizon.kind == "last"
    SessionSettings(sandbox=Sandbox(read=["/data"])).save(tmp_path)
    assert SessionSettings.load(tmp_path).sandbox == Sandbox(kind="auto", read=["/data"])


def test_what_new_sessions_begin_with_names_file_and_key(home: Path) -> None:
    (home / "settings.toml").write_text('[session]\nsandbox = "nothing"\n')
    with pytest.raises(UsageError, match=r"settings\.toml: \[session\]: sandbox\.kind"):
        SessionSettings.from_user_defaults()


@pytest.mark.parametrize(
    "example", ["n=100", "seed-3", "a.b=c", 'say "x"', '"quoted"', '."=', "=="]
)
def test_an_example_of_any_name_is_excluded_by_that_name(example: str) -> None:
    choices, settings = DesignChoices(), SessionSettings()
    pair = format_exclusion(example, "why = not")
    assign(choices, settings, [pair])
    assert choices.exclude == {example: "why = not"}
    assert PendingInput(staged=[pair]).excluded({}) == {example: "why = not"}
    assign(choices, settings, [format_exclusion(example, "")])
    assert choices.exclude == {}
