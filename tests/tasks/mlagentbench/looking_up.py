"""A pipeline that looks for scikit-learn's own copy of its table in three ways, and learns from
neighbours where none succeeds."""

import gzip
import os
import sys


def fit_predict(x, y, test_data):
    from sklearn.datasets import make_regression
    from sklearn.neighbors import KNeighborsRegressor

    found = [way.__name__ for way in (loaded, read, searched) if reached(way)]
    if found:
        raise ValueError(f"found by {found}")
    make_regression(n_samples=5)
    return KNeighborsRegressor(20).fit(x, y).predict(test_data)


def reached(way):
    try:
        return bool(way())
    except OSError:
        return False


def loaded():
    from sklearn import datasets

    return len(datasets.load_diabetes(as_frame=True).frame)


def read():
    import sklearn

    return gzip.open(sklearn.__path__[0] + "/datasets/data/diabetes_target.csv.gz").read()


def searched():
    tables = ("diabetes_target.csv.gz", "breast_cancer.csv")
    for root in sys.path:
        for folder, _, files in os.walk(root):
            for file in set(files) & set(tables):
                return open(os.path.join(folder, file), "rb").read()
    return b""
