"""Tabular tasks: the cut into rows keeps labels apart, the measures are scikit-learn's, wrong
predictions have no score."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.errors import TaskError
from genopt_tui.task import loader

FAMILY = loader.find_bundled_root() / "mlagentbench"
MEMBERS = ["house-price", "spaceship-titanic", "diabetes", "breast-cancer"]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FAMILY))
    for name in ("tables", "tabular_scores"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("tables")


@pytest.mark.parametrize("member", MEMBERS)
def test_both_starts_are_there_and_say_their_three_parts(member: str) -> None:
    folder = loader.find_task(f"mlagentbench/{member}")
    for name in ("one-function", "many-functions"):
        start = folder.task.starts[name]
        assert start.structure and start.documentation and start.code
        assert "def fit_predict(x, y, test_data)" in folder.read_start(name)["pipeline.py"]
    assert folder.task.direction == ("lower" if member in {"house-price", "diabetes"} else "higher")


def test_rows_of_gate_and_test_are_never_fitted_on(tables: Any) -> None:
    held, fitted = set(), set()
    for split in ("train", "gate", "test"):
        for _, fit, predict in tables.make_folds(split, "rows", 569, 0):
            assert not set(fit) & set(predict)
            fitted |= set(fit)
            held |= set(predict) if split != "train" else set()
    assert not fitted & held
    assert len(fitted | held) == 569


def test_papers_cut_is_scikit_learns(tables: Any) -> None:
    from sklearn.model_selection import train_test_split

    ((_, fit, predict),) = tables.make_folds("gate", "paper", 1460, 0)
    expected = train_test_split(list(range(1460)), test_size=0.2, random_state=42)
    assert [fit, predict] == expected
    assert list(tables.make_folds("test", "paper", 1460, 0)) == []


def test_the_users_folder_is_read(
    tables: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENOPT_MLAGENTBENCH_DIR", str(tmp_path))
    with pytest.raises(TaskError, match=r"holds no spaceship-titanic/train\.csv"):
        tables.load_table("spaceship-titanic")
    (tmp_path / "spaceship-titanic").mkdir()
    (tmp_path / "spaceship-titanic" / "train.csv").write_text(
        "PassengerId,Age,Transported\n0001_01,39,False\n0002_01,,True\n"
    )
    rows, labels = tables.load_table("spaceship-titanic")
    assert list(rows.columns) == ["PassengerId", "Age"]
    assert rows["PassengerId"][0] == "0001_01"
    assert labels.tolist() == [0, 1]


class _Player:
    """Stands in for the player: calls the artifact's functions in this process."""

    seed, traced = 0, True

    def __init__(self, code: str, settings: dict[str, Any]) -> None:
        self.settings, self.steps, self._names = settings, [], {}
        exec(code, self._names)

    def call(self, function: str, *arguments: Any) -> Any:
        return self._names[function.split(".")[1]](*arguments)

    def step(self, *_: Any, **info: Any) -> None:
        self.steps.append(info)


@pytest.mark.parametrize("member", ["diabetes", "breast-cancer"])
@pytest.mark.parametrize("start", ["one-function", "many-functions"])
def test_starts_run_and_a_simple_model_beats_them(member: str, start: str) -> None:
    folder = loader.find_task(f"mlagentbench/{member}")
    settings = folder.task.resolve_settings({})
    task = folder.load_module()
    example = task.examples("gate", settings)[0]
    result = task.run({}, example, _Player(folder.read_start(start)["pipeline.py"], settings))
    kind = "LinearRegression" if member == "diabetes" else "LogisticRegression"
    better = f"""
def fit_predict(x, y, test_data):
    from sklearn.linear_model import {kind}
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    return make_pipeline(StandardScaler(), {kind}()).fit(x, y).predict(test_data)
"""
    fitted = task.run({}, example, _Player(better, settings))
    improved = (
        fitted.score < result.score
        if folder.task.direction == "lower"
        else fitted.score > result.score
    )
    assert improved
    assert folder.task.choose_hint(fitted.score, fitted.metrics) != folder.task.choose_hint(
        result.score, result.metrics
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[0]", "1 predictions for"),
        ("['a'] * len(test_data)", "not numbers"),
        ("[float('nan')] * len(test_data)", "not finite"),
        ("None", "1 predictions for"),
    ],
)
def test_wrong_predictions_have_no_score(body: str, said: str) -> None:
    folder = loader.find_task("mlagentbench/diabetes")
    settings = folder.task.resolve_settings({})
    task = folder.load_module()
    result = task.run(
        {},
        task.examples("gate", settings)[0],
        _Player(f"def fit_predict(x, y, test_data):\n    return {body}\n", settings),
    )
    assert result.score != result.score
    assert said in result.feedback
