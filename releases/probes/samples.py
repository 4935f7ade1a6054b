"""Judging samples of response times: percentiles, and whether one set is slower than another. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """The Mann-Whitney U test of two sets of samples."""

    u: float
    """Pairs (before, after) in which `after` is the larger one; ties count half."""
    p_slower: float
    """Probability of at least so many such pairs if nothing had changed (one-sided, normal approximation)."""
    effect: float
    """Cliff's delta, -1 to 1: how much more often a sample of `after` is the larger one than the smaller one."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return a percentile by linear interpolation between the closest ranks; samples must not be empty."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def mann_whitney(before: Sequence[float], after: Sequence[float]) -> Comparison:
    """Compare two sets of samples by their ranks, with corrections for ties and continuity.

    Ranks, as response times are far from normally distributed. The normal approximation is good from about 8 samples
    each (Mann and Whitney 1947). With nothing to compare, or all samples equal, p_slower is 1.
    """
    n, m = len(before), len(after)
    if not n or not m:
        return Comparison(0.0, 1.0, 0.0)
    u = 0.0
    ties = 0
    total = n + m
    merged = sorted([(value, False) for value in before] + [(value, True) for value in after])
    smaller_before = 0
    position = 0
    while position < total:
        end = position
        while end < total and merged[end][0] == merged[position][0]:
            end += 1
        after_here = sum(is_after for _, is_after in merged[position:end])
        before_here = end - position - after_here
        u += after_here * (smaller_before + before_here / 2)
        smaller_before += before_here
        ties += (end - position) ** 3 - (end - position)
        position = end
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    effect = 2 * u / (n * m) - 1
    if variance <= 0:
        return Comparison(u, 1.0, effect)
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance)
    return Comparison(u, 0.5 * math.erfc(z / math.sqrt(2)), effect)
