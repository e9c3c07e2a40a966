"""A pipeline that predicts who was transported."""

import numpy as np
import pandas as pd


def train_model(x, y=None, test_data=None):
    """Fit on the rows `x` (DataFrame) with labels `y` (Series) and return predictions for the rows of `test_data`.

    Preprocessing:
    - Fill missing values; those who sleep (CryoSleep) spend nothing.
    - Cabin is deck/number/side; PassengerId is group_number: parts of both, and the size of a group, are features.
    - Amounts spent are skewed: a logarithm and their sum may help. Both calls must give the same columns.
    Features:
    - Drop names and identifiers once their parts are used.
    - Keep what tells the classes apart, or let a model choose.
    Model:
    - Gradient boosting, random forests and logistic regression complement each other; voting or stacking several may be better than one.
    Training:
    - Regularize: the table is small. Probabilities may be calibrated.
    Prediction:
    - Return 1 or 0 (or a probability) a row.
    Other methods are welcome. Import what is needed inside the function; scikit-learn is there.
    """
    return [0] * len(test_data)


def fit_predict(x, y, test_data):
    return train_model(x, y, test_data)
