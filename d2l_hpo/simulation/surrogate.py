"""A surrogate of a recorded task: error and seconds of configurations that were never trained.

Two Gaussian processes are fitted to the recorded rows: one to the normal scores of the validation
errors of all epochs, one to the logarithm of the seconds of an epoch. The normal score of an error
is the standard normal quantile of its rank; it makes cliffs between good and useless configurations
less steep, and what is predicted stays between the smallest and the largest error. Inputs are the
hyperparameters, scaled to [0, 1], and the logarithm of how far a single example moves the weights:
learning rate over batch size and over 1 - momentum. Predictions are the processes' means, hence
without noise.
"""
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import kendalltau, rankdata

from d2l_hpo.spaces.domains import Categories
from d2l_hpo.spaces.space import check_space
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.installation import needs

with needs("sklearn", "the surrogate of a recorded benchmark"):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold

GUESSING = 0.9  # the error of guessing among ten classes, which stands for a diverged training
DECIMALS = 6  # of predictions; the last bits depend on how many are predicted together


class Surrogate:
    """Predicts learning curves; fitted to recorded `configs`, `errors` and `seconds`.

    `errors` and `seconds` have shape (rows, epochs), with nan where a training had diverged.
    `kernels` are the kernels' parameters of an earlier fit to the same rows (`self.kernels`);
    without them they are found by maximum likelihood, which takes some seconds.
    """

    def __init__(self, space: Mapping[str, Any], configs: Sequence[Mapping[str, Any]],
                 errors: np.ndarray, seconds: np.ndarray,
                 kernels: Mapping[str, list[float]] | None = None):
        self.space = check_space(space)
        self.epochs = errors.shape[1]
        self.points = self.features(configs)
        filled = np.where(np.isfinite(errors), errors, GUESSING)
        self.sorted_errors = np.sort(filled, axis=0)
        self.scores = ndtri((rankdata(filled, axis=0) - 0.5) / len(filled))
        trained = np.isfinite(seconds).sum(1)
        self.log_seconds = np.log(np.nanmax(seconds, 1) / trained)
        kernels = kernels or {}
        self.error_model = fit(self.points, self.scores, kernels.get("error"))
        self.seconds_model = fit(self.points, self.log_seconds, kernels.get("seconds"))
        # given ones as they are: a model takes exponentials, whose logarithms may differ in a bit
        self.kernels = {"error": self.error_model.kernel_.theta.tolist(),
                        "seconds": self.seconds_model.kernel_.theta.tolist(), **kernels}

    @classmethod
    def of_rows(cls, space: Mapping[str, Any], rows: Iterable[Mapping[str, Any]],
                kernels: Mapping[str, list[float]] | None = None) -> "Surrogate":
        """Fit to the rows of a recording."""
        rows = list(rows)
        configs, errors, seconds = ([row[name] for row in rows]
                                    for name in ("config", "error", "seconds"))
        return cls(space, configs, np.array(errors, float), np.array(seconds, float), kernels)

    def features(self, configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the inputs of the regression, shape (configurations, inputs)."""
        columns = []
        for hyperparameter in self.space.varying:
            values = [config[hyperparameter.name] for config in configs]
            columns += scaled_columns(hyperparameter.domain, values)
        step = [config["learning_rate"] / config["batch_size"] / (1 - config.get("momentum", 0))
                for config in configs]
        return np.column_stack([*columns, np.log(step) / 10])

    def predict(self, configs: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """Return validation errors and elapsed seconds, each of shape (configurations, epochs).

        Errors and seconds an epoch are rounded to a millionth.
        """
        points = self.features(configs)
        errors = self.errors_of(mean(self.error_model, points))
        seconds = np.exp(mean(self.seconds_model, points))
        errors, seconds = errors.round(DECIMALS), seconds.clip(10.0 ** -DECIMALS).round(DECIMALS)
        return errors, np.outer(seconds, np.arange(1, self.epochs + 1))

    def errors_of(self, scores: np.ndarray) -> np.ndarray:
        """Turn normal scores, shape (n, epochs), into errors by interpolating the recorded ones."""
        last = len(self.sorted_errors) - 1
        ranks = np.clip(ndtr(scores) * (last + 1) - 0.5, 0, last)
        lower = ranks.astype(int)
        below, above = (np.take_along_axis(self.sorted_errors, np.minimum(index, last), axis=0)
                        for index in (lower, lower + 1))
        return below + (ranks - lower) * (above - below)

    def quality(self, groups: Sequence[int], folds: int = 8) -> dict[str, np.ndarray | float]:
        """Cross-validate: Kendall's tau and R2 of the errors of each epoch and of log seconds.

        Rows with an equal number in `groups` (repetitions of a configuration) stay together. The
        kernels keep the parameters that all rows gave them. `best_tau` and `best_error`, a mean
        absolute difference, are of the best fifth of the rows after the last epoch. ValueError if
        there are fewer groups than `folds`.
        """
        if check_int("folds", folds, 2) > len(set(groups)):
            raise ValueError(f"folds is {folds}, but only {len(set(groups))} configurations are "
                             "recorded; give fewer folds or go on recording")
        errors, seconds = np.empty_like(self.scores), np.empty_like(self.log_seconds)
        for train, test in GroupKFold(folds).split(self.points, groups=groups):
            for model, targets, out in ((self.error_model, self.scores, errors),
                                        (self.seconds_model, self.log_seconds, seconds)):
                again = regressor(model.kernel_, optimizer=None)
                again.fit(self.points[train], targets[train])
                out[test] = mean(again, self.points[test])
        truth, predicted = self.errors_of(self.scores), self.errors_of(errors)
        taus = [kendalltau(*pair).statistic for pair in zip(truth.T, predicted.T, strict=True)]
        best = truth[:, -1] <= np.quantile(truth[:, -1], 0.2)
        return {"error_tau": np.array(taus),
                "best_tau": kendalltau(truth[best, -1], predicted[best, -1]).statistic,
                "best_error": np.abs(truth[best, -1] - predicted[best, -1]).mean(),
                "error_r2": r2_score(truth, predicted, multioutput="raw_values"),
                "seconds_tau": kendalltau(self.log_seconds, seconds).statistic,
                "seconds_r2": r2_score(self.log_seconds, seconds)}


def scaled_columns(domain: Any, values: list) -> list[np.ndarray]:
    """Return a column in [0, 1] for a number, and a column of 0 and 1 for each choice."""
    if isinstance(domain, Categories):
        indices = np.array([domain.index(value) for value in values])
        return [(indices == i).astype(float) for i in range(len(domain.choices))]
    logarithmic = domain.frozen.dist.name.startswith("log")
    scale = np.log if logarithmic else np.asarray
    low, high = scale(domain.low), scale(domain.high)
    return [(scale(np.array(values, float)) - low) / (high - low)]


def regressor(kernel: Any, **settings: Any) -> GaussianProcessRegressor:
    """Return a Gaussian process with this kernel and standardised targets."""
    return GaussianProcessRegressor(kernel, normalize_y=True, **settings)


def mean(model: GaussianProcessRegressor, points: np.ndarray) -> np.ndarray:
    """Return what `model.predict` does, without its checks, which take longer for one point."""
    standardised = model.kernel_(points, model.X_train_) @ model.alpha_
    return standardised * model._y_train_std + model._y_train_mean


def fit(points: np.ndarray, targets: np.ndarray,
        theta: list[float] | None) -> GaussianProcessRegressor:
    """Fit a Gaussian process with a Matern-3/2 kernel, one length scale an input, and noise.

    `theta` are the logarithms of the kernel's parameters; None: find them by maximum likelihood.
    """
    lengths = Matern(np.full(points.shape[1], 1.0), (0.05, 100), nu=1.5)
    kernel = ConstantKernel(1.0) * lengths + WhiteKernel(0.05, (1e-6, 10))
    if theta is not None:
        return regressor(kernel.clone_with_theta(theta), optimizer=None).fit(points, targets)
    with warnings.catch_warnings():  # an input that does not matter has no longest length scale
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regressor(kernel).fit(points, targets)
