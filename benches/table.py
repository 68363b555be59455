"""What the benchmarks' tables are made of: medians with their spread, and intervals of rates."""
import json
import math
import statistics
import sys


def median(values, form="{:.3g}"):
    """The median, with the least and the largest of several."""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))}–{form.format(max(values))})"


def ratio(better, worse):
    """How many times the first goes into the second, by medians: above 1 the first is smaller."""
    return f"{statistics.median(worse) / statistics.median(better):.2f}"


def wilson(right, n, z=1.959964):
    """A rate with Wilson's interval at 95 %."""
    p, square = right / n, z * z
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(p * (1 - p) / n + square / (4 * n * n)) / (1 + square / n)
    return f"{100 * p:.2f} % ({100 * (centre - half):.2f}–{100 * (centre + half):.2f}, n = {n:,})"


def rounds(path):
    """One JSON object a line, one line a round, as lists by key."""
    with open(path, encoding="utf-8") as file:
        all_rounds = [json.loads(line) for line in file if line.strip()]
    return {key: [one[key] for one in all_rounds] for key in all_rounds[0]}


if __name__ == "__main__":
    sys.exit("imported by the benchmarks; prints nothing by itself")
