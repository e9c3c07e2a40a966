"""Tabular machine learning: the artifact fits on labelled rows and predicts others; only this
process knows their labels."""

import math

from tables import TABLES, load_table, make_folds
from tabular_scores import compute_metrics, format_metrics

from genopt_tui.task.contract import Context, Example, Result


def examples(split: str, settings: dict) -> list[Example]:
    """Folds of one split: which rows to fit on and which to predict. Raises TaskError where the
    data are not at hand."""
    labels = load_table(settings["member"])[1]
    return [
        Example(name, {"fit": fit, "predict": predict})
        for name, fit, predict in make_folds(
            split, settings["split"], len(labels), settings["split_seed"]
        )
    ]


def run(artifact: dict[str, str], example: Example, ctx: Context) -> Result:
    """Fit and predict in the player, score here. Predictions of the wrong length or kind have no
    score."""
    member = str(ctx.settings["member"])
    rows, labels = load_table(member)
    fit, predict = rows.iloc[example.data["fit"]], rows.iloc[example.data["predict"]]
    predictions = ctx.call(
        "pipeline.fit_predict",
        fit.reset_index(drop=True),
        labels.iloc[example.data["fit"]].reset_index(drop=True),
        predict.reset_index(drop=True),
    )
    try:
        found = compute_metrics(
            TABLES[member].kind, labels.iloc[example.data["predict"]].to_numpy(), predictions
        )
    except ValueError as error:
        return Result(math.nan, str(error))
    ctx.step(
        {"rows fitted": len(fit), "rows predicted": len(predict)},
        action="fit_predict",
        reward=None,
        **found,
    )
    return Result(found[str(ctx.settings["scoring"])], format_metrics(found), found)
