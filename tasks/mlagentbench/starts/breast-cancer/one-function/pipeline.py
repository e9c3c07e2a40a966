"""A pipeline that predicts the class of tumours."""

import numpy as np
import pandas as pd


def train_model(x, y=None, test_data=None):
    """Fit on the rows `x` (DataFrame) with labels `y` (Series) and return predictions for the rows of `test_data`.

    Preprocessing:
    - All columns are numbers on very different scales; nothing is missing. Scale them.
    Features:
    - Many columns say the same; dropping some is harmless.
    Model:
    - Logistic regression, support vectors and boosting all suit; an average may be steadier than one.
    Training:
    - Regularize; choose its strength by cross-validation within the rows given.
    Prediction:
    - Return 1 or 0 (or a probability) a row.
    Other methods are welcome. Import what is needed inside the function; scikit-learn is there.
    """
    return [0] * len(test_data)


def fit_predict(x, y, test_data):
    return train_model(x, y, test_data)
