"""Expected improvement and its logarithm, the lower bound, softened errors, encoded choices."""
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.integrate import quad

from d2l_hpo import (
    categorical, expected_improvement, log_expected_improvement, lower_confidence_bound, when,
)
from d2l_hpo.searchers import encode_choices, numbers_of_choices, soften_errors


def integrated(mean, deviation, best):
    """The expectation of the improvement, by numerical integration."""
    density = stats.norm(mean, deviation).pdf
    low = min(best, mean) - 12 * deviation
    return quad(lambda y: (best - y) * density(y), low, best, epsabs=1e-13, limit=200)[0]


def exact_log(z):
    """The logarithm of the standard normal's expected improvement, with fifty digits."""
    with mpmath.workdps(50):
        z = mpmath.mpf(z)
        return float(mpmath.log(mpmath.npdf(z) + z * mpmath.ncdf(z)))


# -- expected improvement -------------------------------------------------------------------------

@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.3, 2.0])
@pytest.mark.parametrize("deviation", [0.01, 0.5, 3.0])
@pytest.mark.parametrize("best", [-0.5, 0.31])
def test_it_is_the_expectation_of_the_improvement(mean, deviation, best):
    expected = integrated(mean, deviation, best)
    assert expected_improvement(mean, deviation, best) == pytest.approx(expected, abs=1e-9)


def test_without_uncertainty_it_is_the_improvement():
    gains = expected_improvement(np.array([0.2, 0.5, 0.7]), 0.0, 0.5)
    np.testing.assert_array_equal(gains, [0.3, 0, 0])
    near = expected_improvement(np.array([0.2, 0.5, 0.7]), 1e-14, 0.5)
    np.testing.assert_allclose(near, gains, atol=1e-13)
    logarithm = log_expected_improvement(np.array([0.2, 0.5, 0.7]), 0.0, 0.5)
    assert logarithm[0] == pytest.approx(math.log(0.3))
    assert logarithm[1] < -25 and logarithm[2] < -1e10


@pytest.mark.parametrize("z", [30, 5, 0.5, 0, -0.9999, -1.0001, -4, -30, -900, -99_999, -1e5, -3e6])
def test_the_logarithm_is_exact(z):
    assert log_expected_improvement(-z, 1.0, 0.0) == pytest.approx(exact_log(z), rel=1e-9)


@settings(deadline=None)
@given(mean=st.floats(-1e6, 1e6), deviation=st.floats(0, 1e6), best=st.floats(-1e6, 1e6))
def test_both_are_finite_consistent_and_grow_with_the_best(mean, deviation, best):
    value = expected_improvement(mean, deviation, best)
    logarithm = log_expected_improvement(mean, deviation, best)
    assert value >= max(best - mean, 0) * (1 - 1e-9) - 1e-99 and np.isfinite(value)
    assert np.isfinite(logarithm) and logarithm.shape == ()
    if value > 1e-250 and deviation > 1e-9:
        assert math.exp(logarithm) == pytest.approx(value, rel=1e-6, abs=1e-12)
    assert log_expected_improvement(mean, deviation, best + 1) >= logarithm


def test_shapes_are_broadcast():
    mean, best = np.zeros((5, 3)), np.arange(3.0)
    assert log_expected_improvement(mean, np.ones((5, 1)), best).shape == (5, 3)
    assert expected_improvement(mean, np.ones((5, 1)), best).shape == (5, 3)


def test_bad_deviations_and_weights_are_named():
    with pytest.raises(ValueError, match="deviation has the minimum -1"):
        expected_improvement(0.0, np.array([1.0, -1.0]), 0.0)
    with pytest.raises(ValueError, match="beta is 0"):
        lower_confidence_bound(0.0, 1.0, 0)


def test_the_lower_bound_is_below_the_mean():
    np.testing.assert_allclose(lower_confidence_bound([1.0, 2.0], [0.5, 0.0], 3), [-0.5, 2.0])


# -- softened errors ------------------------------------------------------------------------------

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ERRORS = arrays(float, st.integers(1, 30), elements=FINITE)


@settings(deadline=None)
@given(ERRORS)
def test_softened_errors_are_standardised_and_in_the_same_order(errors):
    soft = soften_errors(errors)
    assert np.isfinite(soft).all()
    assert (np.diff(soft[np.argsort(errors, kind="stable")]) >= 0).all()
    if soft.any():
        assert soft.mean() == pytest.approx(0, abs=1e-9) and soft.std() == pytest.approx(1)


def test_errors_below_the_median_keep_their_differences_and_large_ones_shrink():
    soft = soften_errors([0.1, 0.15, 0.2, 0.3, 0.9])
    assert soft[2] - soft[1] == pytest.approx(soft[1] - soft[0])
    assert soft[4] - soft[3] < 3 * (soft[3] - soft[2])
    np.testing.assert_array_equal(soften_errors([0.4] * 7), np.zeros(7))


def test_a_distance_above_the_median_counts_by_its_logarithm():
    errors = np.array([0.0, 0.25, 0.5, 0.51, 0.6, 0.75, 1.0])  # the median, 0.51, is the unit
    distances = errors / 0.51 - 1
    expected = np.where(distances > 0, np.log1p(np.maximum(distances, 0)), distances)
    np.testing.assert_allclose(soften_errors(errors),
                               (expected - expected.mean()) / expected.std(), atol=1e-12)


def test_softening_does_not_depend_on_units_of_small_errors():
    errors = np.random.default_rng(0).exponential(size=20)
    errors /= errors.max()
    np.testing.assert_allclose(soften_errors(errors / 100), soften_errors(errors), atol=1e-12)


# -- choices --------------------------------------------------------------------------------------

def test_choices_become_columns_at_equal_distances():
    space = {"kind": categorical(["a", "b", "c"]), "x": stats.uniform(0, 1), "fixed": 3,
             "y": when(lambda config: config["kind"] == "a", stats.uniform(0, 1)),
             "z": when(lambda config: config["kind"] == "a", categorical([1, 2]))}
    choices = numbers_of_choices(space)
    assert choices == [3, 0, 0, 2]
    points = np.array([[1 / 6, 0.2, 0.7, 0.75], [0.5, 0.2, np.nan, np.nan],
                       [5 / 6, 0.2, np.nan, np.nan]])
    encoded = encode_choices(points, choices)
    assert encoded.shape == (3, 3 + 1 + 1 + 2)
    assert encoded[0, 4] == 0.7 and encoded[1, 4] == 0.5
    np.testing.assert_array_equal(encoded[1, 5:], 0)
    hot = encoded[:, :3]
    distances = np.linalg.norm(hot[:, np.newaxis] - hot, axis=2)
    np.testing.assert_allclose(distances, 1 - np.eye(3))
    assert encode_choices(np.empty((0, 4)), choices).shape == (0, 7)
