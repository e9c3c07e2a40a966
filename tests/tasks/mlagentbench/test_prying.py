"""Labels of the rows to predict are nowhere that a pipeline can reach."""

import json
from pathlib import Path
from typing import Any

import pytest

from genopt_tui.__main__ import call

HERE = Path(__file__).parent
PIPELINE = HERE / "prying.py"
BASE, STEP = 7_000_000, 13


def test_no_object_frame_or_file_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "house-price").mkdir()
    rows = [f"{n},{n % 7},{BASE + STEP * n}" for n in range(1, 121)]
    (tmp_path / "house-price" / "train.csv").write_text("\n".join(["Id,LotArea,SalePrice", *rows]) + "\n")
    monkeypatch.setenv("GENOPT_MLAGENTBENCH_DIR", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pipeline.py").write_text(PIPELINE.read_text())
    arguments = ["eval", "mlagentbench/house-price", "--artifact", str(tmp_path / "mine"), "--split", "gate"]
    assert call([*arguments, "--examples", "1", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["status"] == "ok", score["error"]


def test_a_pipeline_that_loads_the_table_itself_has_no_score(tmp_path: Path, capsys: Any) -> None:
    line = "from sklearn.datasets import load_diabetes"
    (tmp_path / "pipeline.py").write_text(f"{line}\ndef fit_predict(x, y, test_data): return [0.0] * len(test_data)\n")
    arguments = ["eval", "mlagentbench/diabetes", "--artifact", str(tmp_path), "--examples", "1", "--json"]
    call(arguments)
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["status"] == "error" and "sklearn.datasets" in score["error"]
