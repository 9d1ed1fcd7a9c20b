"""The Gaussian process: against scikit-learn and finite differences, and on degenerate data."""
import math

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from d2l_hpo import GaussianProcess, fit_gaussian_process, matern52
from d2l_hpo.searchers import theta_prior


def data(n, p, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.random((n, p))
    return points, np.sin(4 * points).sum(axis=1) + 0.1 * rng.standard_normal(n)


def theta_of(p, seed):
    mean, deviation = theta_prior(p)
    return mean + 0.5 * deviation * np.random.default_rng(seed).standard_normal(len(mean))


# -- values ---------------------------------------------------------------------------------------

@pytest.mark.parametrize(("n", "p"), [(1, 1), (7, 2), (40, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_scikit_learns(n, p, seed):
    points, targets = data(n, p, seed)
    theta = theta_of(p, seed)
    ours = GaussianProcess(points, targets, theta)
    kernel = ConstantKernel(ours.variance) * Matern(ours.lengths, nu=2.5)
    theirs = GaussianProcessRegressor(kernel, alpha=ours.noise, optimizer=None)
    theirs.fit(points, targets)
    new = np.random.default_rng(9).random((25, p))
    mean, deviation = ours.predict(new)
    expected_mean, expected_deviation = theirs.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected_mean, rtol=0, atol=1e-8)
    np.testing.assert_allclose(deviation**2, expected_deviation**2, rtol=0, atol=1e-8)
    assert ours.log_likelihood()[0] == pytest.approx(theirs.log_marginal_likelihood(), abs=1e-8)


def test_the_kernels_length_scale_divides_distances():
    assert matern52(np.array(0.0)) == 1
    s = math.sqrt(5) * 0.7
    assert matern52(np.array(0.7)) == pytest.approx((1 + s + s * s / 3) * math.exp(-s))


def test_without_noise_the_mean_passes_through_the_targets():
    points, targets = data(12, 2)
    model = GaussianProcess(points, targets, np.log([0.3, 0.3, 1, 1e-10]))
    mean, deviation = model.predict(points)
    np.testing.assert_allclose(mean, targets, atol=1e-6)
    assert deviation.max() < 1e-4
    far_mean, far_deviation = model.predict(points + 100)
    np.testing.assert_allclose(far_mean, 0, atol=1e-12)
    np.testing.assert_allclose(far_deviation, 1)


def test_several_targets_are_several_processes():
    points, targets = data(9, 2)
    both = GaussianProcess(points, np.column_stack([targets, -2 * targets]), theta_of(2, 0))
    one = GaussianProcess(points, targets, theta_of(2, 0))
    mean, deviation = both.predict(points + 0.1)
    single, single_deviation = one.predict(points + 0.1)
    np.testing.assert_allclose(mean, np.column_stack([single, -2 * single]), atol=1e-10)
    np.testing.assert_allclose(deviation, single_deviation)


# -- gradients and the fit ------------------------------------------------------------------------

@pytest.mark.parametrize("groups", [[0, 1, 2], [0, 0, 1], [0, 0, 0]])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_equals_finite_differences(groups, seed):
    points, targets = data(15, 3, seed)
    theta = theta_of(max(groups) + 1, seed)

    def value(theta):
        return GaussianProcess(points, targets, theta, groups).log_likelihood()[0]

    def gradient(theta):
        return GaussianProcess(points, targets, theta, groups).log_likelihood()[1]

    assert check_grad(value, gradient, theta, epsilon=1e-6) < 1e-4 * np.linalg.norm(gradient(theta))


def test_the_fit_is_a_maximum_of_the_posterior_density():
    points, targets = data(40, 3)
    mean, deviation = theta_prior(3)

    def density(theta):
        prior = norm.logpdf(theta, mean, deviation).sum()
        return GaussianProcess(points, targets, theta).log_likelihood()[0] + prior

    fitted = fit_gaussian_process(points, targets, starts=[mean, mean + deviation])
    best = density(fitted.theta)
    assert best > density(mean)
    for j in range(5):
        for step in (-0.05, 0.05):
            assert density(fitted.theta + step * np.eye(5)[j]) < best + 1e-6


def test_the_fit_finds_which_input_matters():
    rng = np.random.default_rng(0)
    points = rng.random((50, 2))
    fitted = fit_gaussian_process(points, np.sin(8 * points[:, 0]))
    assert 4 * fitted.lengths[0] < fitted.lengths[1]
    assert fitted.noise < 1e-3
    noise = fit_gaussian_process(points, rng.standard_normal(50)).noise
    assert noise > 0.05


def test_the_fit_does_not_depend_on_the_order_of_starts():
    points, targets = data(20, 2)
    starts = [theta_of(2, seed) for seed in range(3)]
    one, other = (fit_gaussian_process(points, targets, starts=order)
                  for order in (starts, starts[::-1]))
    assert one.log_likelihood()[0] == pytest.approx(other.log_likelihood()[0], abs=1e-3)


# -- fantasies ------------------------------------------------------------------------------------

def test_fantasies_are_draws_from_the_posterior():
    points, targets = data(8, 2)
    model, pending = GaussianProcess(points, targets, theta_of(2, 1)), np.full((3, 2), 0.4)
    pending[1:] = [[0.9, 0.1], [0.2, 0.8]]
    imagined = model.fantasise(pending, 20_000, np.random.default_rng(0))
    draws = imagined.targets[8:]
    mean, deviation = model.predict(pending)
    np.testing.assert_allclose(draws.mean(axis=1), mean, atol=0.03)
    np.testing.assert_allclose(draws.std(axis=1), np.hypot(deviation, model.noise**0.5), atol=0.03)
    assert (imagined.targets[:8] == targets[:, np.newaxis]).all()
    assert (imagined.predict(pending)[1] < deviation).all()


def test_the_mean_over_fantasies_is_the_mean():
    points, targets = data(8, 2)
    model = GaussianProcess(points, targets, theta_of(2, 1))
    imagined = model.fantasise(np.array([[0.5, 0.5]]), 50_000, np.random.default_rng(0))
    new = np.random.default_rng(1).random((20, 2))
    np.testing.assert_allclose(imagined.predict(new)[0].mean(axis=1), model.predict(new)[0],
                               atol=0.02)


# -- degenerate data ------------------------------------------------------------------------------

@pytest.mark.parametrize("points", [
    np.zeros((1, 2)), np.zeros((6, 2)), np.full((30, 1), 0.5),
    np.random.default_rng(0).random((20, 3)).round(1) + 1e-13 * np.arange(60).reshape(20, 3),
])
@pytest.mark.parametrize("kind", ["zeros", "alternating", "one outlier"])
def test_near_duplicates_and_constant_targets_can_be_fitted(points, kind):
    n = len(points)
    targets = {"zeros": np.zeros(n), "alternating": np.arange(n) % 2 - 0.5,
               "one outlier": np.eye(1, n)[0] * 8}[kind]
    fitted = fit_gaussian_process(points, targets)
    mean, deviation = fitted.predict(np.random.default_rng(1).random((50, points.shape[1])))
    assert np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all()
    assert np.isfinite(fitted.theta).all()


def test_five_hundred_observations():
    points, targets = data(500, 6)
    points[250:], targets[250:] = points[:250] + 1e-9, targets[:250] + 0.01
    fitted = fit_gaussian_process(points, (targets - targets.mean()) / targets.std())
    new, truth = data(200, 6, seed=5)
    error = fitted.predict(new)[0] * targets.std() + targets.mean() - truth
    assert np.sqrt(np.mean(error**2)) < 0.3 * truth.std()


@pytest.mark.parametrize(("arguments", "message"), [
    ((np.zeros(3), np.zeros(3), np.zeros(3)), r"points has shape \(3,\)"),
    ((np.zeros((0, 2)), np.zeros(0), np.zeros(4)), r"points has shape \(0, 2\)"),
    ((np.zeros((2, 0)), np.zeros(2), np.zeros(2)), r"points has shape \(2, 0\)"),
    ((np.zeros((2, 1)), np.zeros(3), np.zeros(3)), r"targets \(3,\)"),
    ((np.zeros((2, 1)), np.zeros(2), np.zeros(4)), r"theta \(4,\)"),
    ((np.zeros((2, 2)), np.zeros(2), np.zeros(4), [0]), r"groups has shape \(1,\)"),
    ((np.zeros((2, 1)), np.array([0, np.nan]), np.zeros(3)), "leave failed trials out"),
    ((np.full((2, 1), np.inf), np.zeros(2), np.zeros(3)), "must be finite"),
])
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianProcess(*arguments)


def test_the_prior_is_around_half_the_cube_a_variance_of_one_and_little_noise():
    mean, deviation = theta_prior(2)
    np.testing.assert_allclose(np.exp(mean), [0.5, 0.5, 1, 0.001])
    assert deviation.shape == mean.shape and (deviation > 0).all()


def test_a_prior_needs_a_length_scale():
    with pytest.raises(ValueError, match="groups is 0"):
        theta_prior(0)
