"""A repository's slow function and the script that times it."""

SLOW = """def sort(values):
    values = list(values)
    for _ in values:
        for i in range(len(values) - 1):
            if values[i + 1] < values[i]:
                values[i : i + 2] = values[i + 1], values[i]
    return values
"""
BENCH = """import sys, time
from src.sorter import sort
values = [(i * 7919) % 1009 for i in range(int(sys.argv[1]))]
began = time.perf_counter()
sort(values)
print("took", time.perf_counter() - began)
"""
