"""The tables, and which rows are fitted on and predicted in each fold."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from genopt_tui.errors import TaskError


@dataclass(frozen=True)
class Table:
    """Where a table comes from: `bundled` with scikit-learn, else the user's `train.csv` or
    OpenML."""

    kind: str
    target: str
    bundled: str = ""
    openml: str = ""


TABLES = {
    "house-price": Table("regression", "SalePrice", openml="house_prices"),
    "spaceship-titanic": Table("classes", "Transported", openml="spaceship-titanic"),
    "diabetes": Table("regression", "target", bundled="load_diabetes"),
    "breast-cancer": Table("classes", "target", bundled="load_breast_cancer"),
}
PAPER_SEED = 42
FOLDS = {"train": 5, "gate": 10, "test": 10}


@cache
def load_table(name: str) -> tuple[pd.DataFrame, pd.Series]:
    """(rows, labels) of a table in file order. Raises TaskError, naming both ways, where the data
    are not at hand."""
    table = TABLES[name]
    frame = _load_bundled(table) if table.bundled else _load_csv_or_openml(name, table)
    return frame.drop(columns=[table.target]), _encode_labels(frame[table.target])


def _load_bundled(table: Table) -> pd.DataFrame:
    from sklearn import datasets

    return getattr(datasets, table.bundled)(as_frame=True).frame


def _load_csv_or_openml(name: str, table: Table) -> pd.DataFrame:
    if folder := os.environ.get("GENOPT_MLAGENTBENCH_DIR"):
        file = Path(folder) / name / "train.csv"
        if not file.is_file():
            why = f"GENOPT_MLAGENTBENCH_DIR holds no {name}/train.csv"
            raise TaskError(f"the {name} table is not here", why, _format_source_advice(name))
        return pd.read_csv(file, dtype={"PassengerId": str})
    from sklearn.datasets import fetch_openml

    try:
        return fetch_openml(name=table.openml, as_frame=True, parser="auto").frame
    except (OSError, ValueError) as error:
        why = "OpenML could not be reached"
        raise TaskError(
            f"the {name} table is not here", why, _format_source_advice(name)
        ) from error


def _format_source_advice(name: str) -> str:
    return (
        f"Set GENOPT_MLAGENTBENCH_DIR to a folder with {name}/train.csv (from the Kaggle "
        "competition), or allow network access so that scikit-learn can fetch it from OpenML. "
        "diabetes and breast-cancer need neither"
    )


def _encode_labels(labels: pd.Series) -> pd.Series:
    if labels.dtype == object or str(labels.dtype) in {
        "bool",
        "boolean",
        "category",
        "str",
        "string",
    }:
        return labels.map({True: 1, False: 0, "True": 1, "False": 0, "true": 1, "false": 0}).astype(
            int
        )
    return labels


def make_folds(
    split: str, kind: str, rows: int, seed: int
) -> Iterator[tuple[str, list[int], list[int]]]:
    """(example id, rows to fit on, rows to predict).

    rows: 60 % are train rows, 20 % gate, 20 % test. Train examples are folds within the train rows;
    gate and test examples fit on
    all train rows and predict a tenth of theirs, so labels of gate and test rows never reach a
    player.
    paper: one 80/20 cut (seed 42) whose 20 % serve train and gate alike, as published; there is no
    test split then.
    """
    if kind == "paper":
        if split != "test":
            order = np.random.RandomState(PAPER_SEED).permutation(rows)
            held = -(-rows // 5)  # as sklearn's train_test_split(test_size=0.2, random_state=42)
            yield "seed-42", order[held:].tolist(), order[:held].tolist()
        return
    order = np.random.default_rng(seed).permutation(rows)
    train, gate, test = np.split(order, [int(rows * 0.6), int(rows * 0.8)])
    parts = np.array_split({"train": train, "gate": gate, "test": test}[split], FOLDS[split])
    for number, part in enumerate(parts):
        fit = np.setdiff1d(train, part) if split == "train" else train
        yield f"{split}-{number}", np.sort(fit).tolist(), np.sort(part).tolist()
