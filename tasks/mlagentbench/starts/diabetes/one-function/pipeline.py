"""A pipeline that predicts the progress of the disease."""

import numpy as np
import pandas as pd


def train_model(x, y=None, test_data=None):
    """Fit on the rows `x` (DataFrame) with labels `y` (Series) and return predictions for the rows of `test_data`.

    Preprocessing:
    - All columns are numbers and already scaled; nothing is missing.
    - Squares and products of columns (bmi, bp, s5) may help.
    Features:
    - With so few rows, fewer columns can be better.
    Model:
    - Ridge, lasso, elastic net and shallow boosting suit a small table; an average of them is steadier than one.
    Training:
    - Regularize strongly; choose its strength by cross-validation within the rows given.
    Prediction:
    - Return one finite number a row.
    Other methods are welcome. Import what is needed inside the function; scikit-learn is there.
    """
    return [0] * len(test_data)


def fit_predict(x, y, test_data):
    return train_model(x, y, test_data)
