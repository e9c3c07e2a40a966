"""A pipeline that predicts the progress of the disease."""

import numpy as np
import pandas as pd


def preprocess(data):
    """Turn raw rows (DataFrame) into rows that a model can take. Called for the rows to fit on and, apart, for those to predict.

    - All columns are numbers and already scaled; nothing is missing.
    - Squares and products of columns (bmi, bp, s5) may help.
    Other methods are welcome. Import what is needed inside the function; scikit-learn is there.
    """
    return data


def select_features(processed_data):
    """Names of the columns to keep (list).

    - With so few rows, fewer columns can be better.
    """
    return list(processed_data.columns)


def create_ensemble_model(features, data):
    """An unfitted model, or several, for these columns of the preprocessed rows.

    - Ridge, lasso, elastic net and shallow boosting suit a small table; an average of them is steadier than one.
    """
    return None


def train_model(ensemble_model, features, data, results):
    """Fit the model on the columns `features` of `data` with the labels `results` (Series) and return what `predict` needs.

    - Regularize strongly; choose its strength by cross-validation within the rows given.
    """
    return None


def predict(model, data):
    """Predictions for the preprocessed rows `data` (DataFrame with the selected columns), one number a row.

    - Return one finite number a row.
    """
    return [0] * len(data)


def fit_predict(x, y, test_data):
    rows, unseen = preprocess(x), preprocess(test_data)
    features = [name for name in select_features(rows) if name in unseen.columns]
    model = train_model(create_ensemble_model(features, rows), features, rows[features], y)
    return predict(model, unseen[features])
