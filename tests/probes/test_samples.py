"""The statistics, against numbers worked out elsewhere."""

import itertools
import math
import random

import pytest
from hypothesis import given, strategies as st

from releases.probes.samples import mann_whitney, percentile

SAMPLES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=60)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 3), (95, 4.8), (100, 5), (25, 2)])
def test_percentiles_are_interpolated(percent: float, value: float) -> None:
    assert percentile([5, 1, 4, 2, 3], percent) == pytest.approx(value)


def test_one_sample_is_every_percentile() -> None:
    assert percentile([7.0], 95) == 7.0


def test_u_counts_the_pairs_and_ties_as_half() -> None:
    """As the definition of U says."""
    before, after = [1, 2, 2, 3, 4, 5], [3, 4, 5, 6, 6, 7]
    comparison = mann_whitney(before, after)
    assert comparison.u == pytest.approx(sum((b > a) + (b == a) / 2 for a, b in itertools.product(before, after)))
    assert comparison.effect == pytest.approx(2 * comparison.u / 36 - 1)


def test_p_agrees_with_counting_all_arrangements() -> None:
    """The exact test: of all ways to split 14 samples, how many favour `after` at least as much."""
    generator = random.Random(7)
    before, after = [generator.gauss(10, 2) for _ in range(7)], [generator.gauss(12, 2) for _ in range(7)]
    u = mann_whitney(before, after).u
    pooled = before + after
    splits = [set(split) for split in itertools.combinations(range(14), 7)]
    at_least = sum(
        mann_whitney([pooled[i] for i in range(14) if i not in split], [pooled[i] for i in sorted(split)]).u >= u
        for split in splits
    )
    assert mann_whitney(before, after).p_slower == pytest.approx(at_least / math.comb(14, 7), abs=0.01)


@given(before=SAMPLES, after=SAMPLES)
def test_the_two_directions_mirror_each_other(before: list[float], after: list[float]) -> None:
    there, back = mann_whitney(before, after), mann_whitney(after, before)
    assert there.u + back.u == pytest.approx(len(before) * len(after))
    assert there.effect == pytest.approx(-back.effect)
    assert 0 <= there.p_slower <= 1


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([2.0] * 9, [2.0] * 9)])
def test_nothing_to_compare_is_never_slower(before: list[float], after: list[float]) -> None:
    assert mann_whitney(before, after).p_slower == 1


def test_the_same_distribution_is_seldom_called_slower() -> None:
    generator = random.Random(1)
    draws = [[generator.lognormvariate(3, 0.4) for _ in range(30)] for _ in range(800)]
    alarms = sum(mann_whitney(a, b).p_slower < 0.01 for a, b in zip(draws[::2], draws[1::2], strict=True))
    assert alarms <= 10  # of 400, where 4 are to be expected
