"""A pipeline that looks for the labels of the rows it is to predict: in every object, frame, file
and variable it can reach.

Its table's label is a number that follows from the row's Id, so it knows what it looks for; finding
the labels that it was
given to fit on shows that it can look.
"""

import gc
import os
import sys

import numpy as np

BASE, STEP = 7_000_000, 13


def fit_predict(x, y, test_data):
    wanted = np.asarray(BASE + STEP * test_data["Id"].to_numpy())
    known = np.asarray(BASE + STEP * x["Id"].to_numpy())
    mine = {id(wanted), id(known)}
    if not held(known, mine):
        raise ValueError("the search is blind")
    places = held(wanted, mine) + in_text(wanted)
    if places:
        raise ValueError(f"found in {places[:5]}")
    return [0.0] * len(test_data)


def held(labels, mine):
    """Kinds of the reachable objects that hold one of the labels as a number."""
    frames = [frame.f_locals for frame in sys._current_frames().values()]
    waiting, seen, found = [*gc.get_objects(), *frames], set(mine), []
    while waiting and len(seen) < 3_000_000:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            numeric = thing.dtype.kind in "iuf" and thing.size
            if numeric and np.isin(thing, labels).any() and not np.shares_memory(thing, labels):
                found.append(f"array {thing.shape}")
            continue
        if type(thing) in (int, float) and thing >= BASE and thing in labels:
            found.append("number")
        waiting.extend(gc.get_referents(thing))
    return found


def in_text(labels):
    """Files and variables that hold one of the labels as text."""
    words = [str(label).encode() for label in labels]
    found = [
        name for name, value in os.environ.items() if any(word in value.encode() for word in words)
    ]
    named = [value for name, value in os.environ.items() if "GENOPT" in name]
    roots = [
        ".",
        "/tmp",
        "/home",
        "/root",
        "/work",
        "/dev/shm",
        os.path.expanduser("~"),
        *sys.path,
        *named,
    ]
    for root in dict.fromkeys(roots):
        for folder, inner, files in os.walk(root):
            inner[:] = [name for name in inner if name not in {"site-packages", "proc", "sys"}]
            for file in files:
                if file.endswith((".csv", ".json", ".db", ".txt", ".pkl", ".npy")):
                    found += [file] if holds(os.path.join(folder, file), words) else []
    return found


def holds(path, words):
    try:
        with open(path, "rb") as file:
            text = file.read(5_000_000)
    except OSError:
        return False
    return any(word in text for word in words)
