"""Tuning tasks of scikit-learn's models, on data that scikit-learn brings.

Each is a function that returns a configuration space and the error of a configuration: one minus
the accuracy, or one minus R squared (at most 2, for settings that fail), by cross-validation with
fixed folds and seeds, so that a configuration always has the same error. An evaluation takes some
ten milliseconds.
"""
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor

from d2l_hpo import categorical, lograndint, when

Config = Mapping[str, Any]
RealTask = tuple[dict[str, Any], Callable[[Config], float]]
WORST = 2.0  # the error of a model that fails, or is worse than this


def only(name: str, values: str | tuple[str, ...], domain: Any) -> Any:
    """Return a domain that is active where an earlier hyperparameter has one of these values.

    The test says which, so that other libraries can be told (conversions.py).
    """
    values = (values,) if isinstance(values, str) else values

    def test(config: Config) -> bool:
        return config.get(name) in values

    test.condition = name, values
    return when(test, domain)


@cache
def data(name: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return features, targets and folds of a data set."""
    load = {"wine": load_wine, "breast": load_breast_cancer, "digits": load_digits,
            "diabetes": load_diabetes}[name]
    X, y = load(return_X_y=True)
    if name == "digits":
        X, y = X[::3], y[::3]
    kind = KFold if name == "diabetes" else StratifiedKFold
    return X, y, kind(3, shuffle=True, random_state=0)


def error_of(dataset: str, build: Callable[[Config], BaseEstimator]) -> Callable[[Config], float]:
    """Return the error of the model that `build(config)` makes."""
    def error(config: Config) -> float:
        X, y, folds = data(dataset)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fits that stop early, folds that a model fails on
            scores = cross_val_score(build(config), X, y, cv=folds, error_score=np.nan)
        mean = 1 - scores.mean()
        return float(min(mean, WORST)) if np.isfinite(mean) else WORST
    return error


def svr_diabetes() -> RealTask:
    """Return three numbers of a support vector regression."""
    space = {"C": stats.loguniform(1e-2, 1e4), "gamma": stats.loguniform(1e-4, 1e1),
             "epsilon": stats.loguniform(1e-1, 1e2)}
    return space, error_of("diabetes", lambda c: make_pipeline(StandardScaler(), SVR(**c)))


def kernel_ridge_diabetes() -> RealTask:
    """Return a kernel ridge regression; each kernel has hyperparameters of its own."""
    space = {"alpha": stats.loguniform(1e-3, 1e2),
             "kernel": categorical(["linear", "rbf", "laplacian", "polynomial"]),
             "gamma": only("kernel", ("rbf", "laplacian", "polynomial"),
                           stats.loguniform(1e-4, 1e1)),
             "degree": only("kernel", "polynomial", stats.randint(2, 5)),
             "coef0": only("kernel", "polynomial", stats.uniform(0, 2))}
    return space, error_of("diabetes", lambda c: make_pipeline(StandardScaler(), KernelRidge(**c)))


def tree_diabetes() -> RealTask:
    """Return a regression tree: a choice, integers and a number."""
    space = {"max_depth": lograndint(1, 30), "min_samples_leaf": lograndint(1, 100),
             "max_features": stats.uniform(0.1, 0.9),
             "criterion": categorical(["squared_error", "friedman_mse", "absolute_error"]),
             "splitter": categorical(["best", "random"])}
    return space, error_of("diabetes", lambda c: DecisionTreeRegressor(random_state=0, **c))


def boosting_diabetes() -> RealTask:
    """Return gradient boosting with few trees."""
    space = {"learning_rate": stats.loguniform(1e-2, 1), "max_iter": lograndint(5, 60),
             "max_leaf_nodes": lograndint(2, 32), "min_samples_leaf": lograndint(2, 60),
             "l2_regularization": stats.loguniform(1e-6, 1e3)}
    return space, error_of("diabetes", lambda c: HistGradientBoostingRegressor(
        random_state=0, early_stopping=False, **c))


def svc_digits() -> RealTask:
    """Return a support vector classifier with a choice of kernels."""
    space = {"C": stats.loguniform(1e-3, 1e3), "kernel": categorical(["rbf", "poly", "sigmoid"]),
             "gamma": stats.loguniform(1e-5, 1e-1),
             "degree": only("kernel", "poly", stats.randint(2, 6)),
             "coef0": only("kernel", ("poly", "sigmoid"), stats.uniform(-1, 2))}
    return space, error_of("digits", lambda c: SVC(**c))


def neighbours_digits() -> RealTask:
    """Return nearest neighbours after a projection."""
    space = {"components": lograndint(1, 64), "n_neighbors": lograndint(1, 100),
             "weights": categorical(["uniform", "distance"]), "p": stats.uniform(1, 4),
             "whiten": categorical([False, True])}

    def build(c: Config) -> BaseEstimator:
        return make_pipeline(
            PCA(c["components"], whiten=c["whiten"], random_state=0),
            KNeighborsClassifier(c["n_neighbors"], weights=c["weights"], p=c["p"]))
    return space, error_of("digits", build)


def sgd_breast() -> RealTask:
    """Return a linear classifier trained by stochastic gradient descent."""
    space = {"loss": categorical(["hinge", "log_loss", "modified_huber"]),
             "penalty": categorical(["l2", "l1", "elasticnet"]),
             "alpha": stats.loguniform(1e-6, 1e0),
             "l1_ratio": only("penalty", "elasticnet", stats.uniform(0, 1)),
             "learning_rate": categorical(["optimal", "constant", "invscaling"]),
             "eta0": only("learning_rate", ("constant", "invscaling"),
                          stats.loguniform(1e-4, 1e1)),
             "power_t": only("learning_rate", "invscaling", stats.uniform(0.1, 0.9))}
    return space, error_of("breast", lambda c: make_pipeline(
        StandardScaler(), SGDClassifier(max_iter=50, random_state=0, **c)))


def mlp_wine() -> RealTask:
    """Return a small perceptron of one or two hidden layers."""
    space = {"layers": categorical(["one", "two"]), "units_1": lograndint(2, 64),
             "units_2": only("layers", "two", lograndint(2, 64)),
             "activation": categorical(["relu", "tanh", "logistic"]),
             "learning_rate_init": stats.loguniform(1e-4, 1), "alpha": stats.loguniform(1e-6, 1e1),
             "batch_size": lograndint(8, 64)}

    def build(c: Config) -> BaseEstimator:
        settings = {name: value for name, value in c.items() if not name.startswith(("layers",
                                                                                     "units"))}
        hidden = tuple(c[name] for name in ("units_1", "units_2") if name in c)
        return make_pipeline(StandardScaler(), MLPClassifier(hidden, max_iter=10, random_state=0,
                                                             **settings))
    return space, error_of("wine", build)


def pipeline(dataset: str) -> RealTask:
    """Return a pipeline of scaler, projection and one of two classifiers."""
    space = {"scaler": categorical(["none", "standard", "minmax"]),
             "pca": categorical(["no", "yes"]),
             "components": only("pca", "yes", stats.uniform(0.05, 0.95)),
             "model": categorical(["neighbours", "logistic"]),
             "n_neighbors": only("model", "neighbours", lograndint(1, 60)),
             "weights": only("model", "neighbours", categorical(["uniform", "distance"])),
             "C": only("model", "logistic", stats.loguniform(1e-4, 1e4)),
             "balanced": only("model", "logistic", categorical(["no", "yes"]))}

    def build(c: Config) -> BaseEstimator:
        steps: list[BaseEstimator] = []
        if c["scaler"] != "none":
            steps.append({"standard": StandardScaler, "minmax": MinMaxScaler}[c["scaler"]]())
        if c["pca"] == "yes":
            features = data(dataset)[0].shape[1]
            steps.append(PCA(max(1, round(c["components"] * features)), random_state=0))
        if c["model"] == "neighbours":
            steps.append(KNeighborsClassifier(c["n_neighbors"], weights=c["weights"]))
        else:
            weight = "balanced" if c["balanced"] == "yes" else None
            steps.append(LogisticRegression(C=c["C"], class_weight=weight, max_iter=200))
        return make_pipeline(*steps)
    return space, error_of(dataset, build)


REAL_TASKS: dict[str, Callable[[], RealTask]] = {
    "svr-diabetes": svr_diabetes,
    "kernel-ridge-diabetes": kernel_ridge_diabetes,
    "tree-diabetes": tree_diabetes,
    "boosting-diabetes": boosting_diabetes,
    "svc-digits": svc_digits,
    "neighbours-digits": neighbours_digits,
    "sgd-breast": sgd_breast,
    "mlp-wine": mlp_wine,
    "pipeline-wine": lambda: pipeline("wine"),
    "pipeline-breast": lambda: pipeline("breast"),
}
