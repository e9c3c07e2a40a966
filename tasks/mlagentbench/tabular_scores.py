"""Measures of predictions against labels."""

import math
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
)


def compute_metrics(kind: str, labels: np.ndarray, predictions: Any) -> dict[str, float]:
    """All measures by name. Raises ValueError for predictions of the wrong length or kind."""
    try:
        values = np.asarray(predictions, dtype=float).reshape(-1)
    except (TypeError, ValueError) as error:
        raise ValueError("predictions are not numbers, one a row") from error
    if len(values) != len(labels):
        raise ValueError(f"{len(values)} predictions for {len(labels)} rows")
    if not np.isfinite(values).all():
        raise ValueError("predictions hold values that are not finite")
    return (
        _compute_regression_metrics(labels.astype(float), values)
        if kind == "regression"
        else _compute_classification_metrics(labels.astype(int), values)
    )


def _compute_regression_metrics(labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    logs = np.log1p(np.maximum(values, 0)) - np.log1p(np.maximum(labels, 0))
    return {
        "rmse": math.sqrt(float(np.mean((values - labels) ** 2))),
        "log_rmse": math.sqrt(float(np.mean(logs**2))),
        "mae": float(mean_absolute_error(labels, values)),
        "r2": float(r2_score(labels, values)),
    }


def _compute_classification_metrics(labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    said = (values > 0.5).astype(int)
    return {
        "accuracy": float(accuracy_score(labels, said)),
        "f1": float(f1_score(labels, said, zero_division=0.0)),
        "precision": float(precision_score(labels, said, zero_division=0.0)),
        "recall": float(recall_score(labels, said, zero_division=0.0)),
    }


def format_metrics(found: dict[str, float]) -> str:
    """The measures in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())
