"""Labels of the rows to predict are nowhere that a pipeline can reach."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import run_command
from genopt_tui.config import Sandbox
from genopt_tui.evaluate.sandbox_hints import find_hint
from tests.evaluate.conftest import KINDS

HERE = Path(__file__).parent
PIPELINE = HERE / "prying.py"
LOOKING_UP = HERE / "looking_up.py"
BASE, STEP = 7_000_000, 13


@pytest.mark.slow
def test_no_object_frame_or_file_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "house-price").mkdir()
    rows = [f"{n},{n % 7},{BASE + STEP * n}" for n in range(1, 121)]
    (tmp_path / "house-price" / "train.csv").write_text(
        "\n".join(["Id,LotArea,SalePrice", *rows]) + "\n"
    )
    monkeypatch.setenv("GENOPT_MLAGENTBENCH_DIR", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pipeline.py").write_text(PIPELINE.read_text())
    arguments = [
        "eval",
        "mlagentbench/house-price",
        "--artifact",
        str(tmp_path / "mine"),
        "--split",
        "gate",
    ]
    assert run_command([*arguments, "--examples", "1", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["status"] == "ok", score["error"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_the_bundled_tables_are_out_of_reach(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if kind == "landlock":
        monkeypatch.setattr(shutil, "which", lambda *_: None)
    (tmp_path / "pipeline.py").write_text(LOOKING_UP.read_text())
    run_command(
        ["eval", "mlagentbench/diabetes", "--artifact", str(tmp_path), "--examples", "1", "--json"]
    )
    document = json.loads(capsys.readouterr().out)
    assert document["sandbox"].startswith(kind)
    (score,) = document["scores"]
    assert score["status"] == "ok" and 30 < score["score"] < 90, score["error"]


def test_without_a_sandbox_the_same_pipeline_finds_them_in_each_way() -> None:
    names: dict[str, Any] = {}
    exec(LOOKING_UP.read_text(), names)
    with pytest.raises(ValueError, match=r"loaded.*read.*searched"):
        names["fit_predict"](None, None, None)


def test_the_error_says_that_the_task_hides_them(tmp_path: Path) -> None:
    (tmp_path / "diabetes.csv").write_text("1")
    error = f"FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/diabetes.csv'"
    assert "the task hides" in find_hint(error, Sandbox(), 0, "", [str(tmp_path)])
    assert "sandbox.read" in find_hint(error, Sandbox(), 0, "")
