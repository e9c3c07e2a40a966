"""A pipeline that predicts house prices."""

import numpy as np
import pandas as pd


def train_model(x, y=None, test_data=None):
    """Fit on the rows `x` (DataFrame) with labels `y` (Series) and return predictions for the rows of `test_data`.

    Preprocessing:
    - Fill missing values: many mean that the house has no such part (no garage, no pool), so a value of their own is often right; medians for numbers.
    - Ordered qualities (Ex, Gd, TA, Fa, Po) can become numbers; other categories one-hot columns. Both calls must give the same columns.
    - Skewed columns (areas) may gain from a logarithm. New columns may help: total area, age at sale, number of baths.
    Features:
    - Drop identifiers and columns that are almost always missing or constant.
    - Keep what correlates with the price, or let a model choose.
    Model:
    - Gradient boosting, random forests, ridge and lasso complement each other; averaging or stacking several is often better than one.
    Training:
    - Fitting the logarithm of the price fits relative errors and tames expensive houses.
    - Very large cheap houses are outliers.
    Prediction:
    - Undo what was done to the target. Return one finite number a row.
    Other methods are welcome. Import what is needed inside the function; scikit-learn is there.
    """
    return [0] * len(test_data)


def fit_predict(x, y, test_data):
    return train_model(x, y, test_data)
