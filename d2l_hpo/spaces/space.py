"""Configuration spaces: what may be tuned, sampled, checked and mapped to the unit cube.

A configuration space is a dictionary from a hyperparameter's name to its domain: a frozen
distribution of `scipy.stats` with bounded support, `categorical([...])`, `lograndint(low, high)`,
a constant (str, bool, int or finite float), or `when(test, domain)`. A configuration is a
dictionary from the names that are active to plain Python values.

Every function takes a space as the user wrote it or as `check_space` returned it; the latter is
not checked again. The unit cube has one axis for each hyperparameter that is no constant, in the
order of the space (`varying_names`).
"""
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from d2l_hpo.spaces.domain_checks import check_hyperparameter
from d2l_hpo.spaces.digest import function_digest
from d2l_hpo.spaces.domains import (
    CategoricalDomain,
    ConditionalDomain,
    Constant,
    Hyperparameter,
    as_plain,
)
from d2l_hpo.tools.arguments import check_int

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen


def categorical(choices: Sequence[Any]) -> CategoricalDomain:
    """A domain of unordered choices (str, bool, int, float or None) of equal probability.

    Arguments:

    - `choices`: a list of at least one, all different; 1, 1.0 and True are different choices.

    `check_space` checks them: ValueError for no choice, for equal ones and for nan, TypeError for
    what is no list or for a choice of another type.

    >>> space = {"activation": categorical(["relu", "tanh"])}
    >>> from_unit_cube(space, [0.3])
    {'activation': 'relu'}
    """
    return CategoricalDomain(choices)


def lograndint(low: int, high: int) -> "rv_frozen":
    """A domain of integers from `low` to `high`, both included, log-uniform.

    It is a frozen distribution like those of `scipy.stats`: the floor of a log-uniform float in
    [low, high + 1), P(k) = log((k + 1) / k) / log((high + 1) / low).

    Arguments:

    - `low`: the smallest value, at least 1.
    - `high`: the largest value, at least `low`.

    `check_space` raises ValueError for other bounds.

    >>> lograndint(1, 3).pmf([1, 2, 3]).round(3).tolist()
    [0.5, 0.292, 0.208]
    """
    from d2l_hpo.spaces.log_randint import LOG_RANDINT  # it loads scipy.stats
    return LOG_RANDINT(low, high)


def when(test: Callable[[Mapping[str, Any]], bool], domain: Any) -> ConditionalDomain:
    """A domain that is active only where `test(config)` is true.

    `test` sees the active hyperparameters that come before this one in the space. An inactive
    hyperparameter is absent from the configuration. Tests may be nested; the outer runs first.

    Arguments:

    - `test`: a function of a configuration, which returns True or False.
    - `domain`: what the hyperparameter may be where it is active, as in `check_space`.

    `check_space` raises TypeError for a `test` that is no function or returns something else,
    ValueError for one that fails: it uses `config.get(name)` for what may be inactive, too.

    >>> space = {"optimizer": categorical(["adam", "sgd"]),
    ...          "momentum": when(lambda c: c["optimizer"] == "sgd", stats.uniform(0, 1))}
    >>> from_unit_cube(space, [0.2, 0.9]), from_unit_cube(space, [0.8, 0.5])
    ({'optimizer': 'adam'}, {'optimizer': 'sgd', 'momentum': 0.5})
    """
    return ConditionalDomain(test, domain)


class CheckedSpace(dict[str, Any]):
    """A configuration space that has been checked; it cannot be changed.

    `hyperparameters` holds the checked form, `varying` the hyperparameters that are no constants.
    """

    def __init__(self, space: Mapping[str, Any], hyperparameters: tuple[Hyperparameter, ...]):
        super().__init__(space)
        self.hyperparameters = hyperparameters
        self.varying = tuple(h for h in hyperparameters if h.varies)
        self.is_conditional = any(h.tests for h in hyperparameters)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a checked configuration space cannot be changed; change dict(space) "
                        "and check that")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple:
        return check_space, (dict(self),)


def check_space(space: Mapping[str, Any]) -> CheckedSpace:
    """Check a configuration space and return an unchangeable copy that is not checked again.

    Raises ValueError or TypeError naming the hyperparameter, the bad value and the remedy.

    Arguments:

    - `space`: a dictionary from names to domains. A domain is a frozen distribution of
      `scipy.stats` with bounded support, `categorical`, `lograndint`, `when`, or a constant (str,
      bool, int or finite float).

    >>> space = check_space({"learning_rate": stats.loguniform(1e-4, 1), "epochs": 3})
    >>> check_space(space) is space
    True
    >>> check_space({"x": [1, 2]})
    Traceback (most recent call last):
        ...
    TypeError: hyperparameter 'x': [1, 2] is no domain; for choices use categorical([1, 2]), ...
    """
    if isinstance(space, CheckedSpace):
        return space
    if not isinstance(space, Mapping):
        raise TypeError(f"a configuration space is a dict from names to domains, got {space!r}")
    if not space:
        raise ValueError("the configuration space is empty; give it at least one hyperparameter")
    checked = CheckedSpace(space, tuple(check_hyperparameter(*item) for item in space.items()))
    if checked.is_conditional:  # tests that fail should fail here, not in the middle of a search
        sample_configurations(checked, 32, np.random.default_rng(0))
    return checked


def varying_names(space: Mapping[str, Any]) -> list[str]:
    """Name the hyperparameters that are no constants: the axes of the unit cube, in order."""
    return [hyperparameter.name for hyperparameter in check_space(space).varying]


def sample_configurations(space: Mapping[str, Any], n: int,
                          rng: np.random.Generator) -> list[dict[str, Any]]:
    """Draw `n` configurations; the same as `n` calls of `sample_configuration`, but faster.

    Arguments:

    - `space`: a configuration space, as in `check_space`.
    - `n`: an integer of at least 0, else ValueError.
    - `rng`: NumPy's generator, `np.random.default_rng(seed)`; TypeError for anything else.

    >>> space = {"learning_rate": stats.loguniform(1e-4, 1), "batch_size": lograndint(16, 256)}
    >>> configs = sample_configurations(space, 3, np.random.default_rng(0))
    >>> [config["batch_size"] for config in configs]
    [33, 16, 201]
    """
    checked = check_space(space)
    check_int("n", n, 0)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}, expected a generator: numpy.random.default_rng(seed)")
    return _configurations(checked, rng.random((int(n), len(checked.varying))))


def sample_configuration(space: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Draw one configuration.

    Arguments:

    - `space`: a configuration space, as in `check_space`.
    - `rng`: NumPy's generator, `np.random.default_rng(seed)`; TypeError for anything else. It
      moves on by one number for each hyperparameter that is no constant.

    >>> sample_configuration({"batch_size": lograndint(16, 256)}, np.random.default_rng(0))
    {'batch_size': 93}
    """
    return sample_configurations(space, 1, rng)[0]


def check_configuration(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration and return it in the space's order, with plain Python values.

    Raises ValueError or TypeError naming the hyperparameter that is unknown, missing, inactive,
    outside its domain or of the wrong type.

    Arguments:

    - `space`: a configuration space, as in `check_space`.
    - `config`: a dictionary from the names that are active to values; NumPy's scalars are
      accepted, and an int where a float is expected.

    >>> space = {"x": stats.uniform(0, 1), "batch_size": lograndint(16, 256)}
    >>> check_configuration(space, {"batch_size": np.int64(32), "x": 1})
    {'x': 1.0, 'batch_size': 32}
    >>> check_configuration(space, {"batch_size": 32, "x": 2.0})
    Traceback (most recent call last):
        ...
    ValueError: hyperparameter 'x': 2.0 is outside uniform(0, 1), expected a float from 0.0 to 1.0
    """
    checked = check_space(space)
    if not isinstance(config, Mapping):
        raise TypeError(f"a configuration is a dict from names to values, got {config!r}")
    for name in config:
        if name not in checked:
            raise ValueError(f"unknown hyperparameter {name!r}; the space has {list(checked)}")
    values: dict[str, Any] = {}
    for hyperparameter in checked.hyperparameters:
        if _must_be_given(hyperparameter, values, config):
            values[hyperparameter.name] = _check_value(hyperparameter, config)
    return values


def configuration_key(space: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return a text that identifies a configuration, for dictionaries and sets.

    Configurations with the same values have the same key, in whatever order they stand and also if
    NumPy's scalars are among them; 1, 1.0 and True are different choices. The errors are those of
    `check_configuration`.

    >>> space = {"x": stats.uniform(0, 1), "n": categorical([1, True])}
    >>> configuration_key(space, {"n": 1, "x": np.float64(0.5)})
    "{'x': 0.5, 'n': 1}"
    """
    return repr(check_configuration(space, config))


def _must_be_given(hyperparameter: Hyperparameter, before: dict[str, Any],
                   config: Mapping[str, Any]) -> bool:
    name, active = hyperparameter.name, hyperparameter.is_active(before)
    if active and name not in config:
        raise ValueError(f"hyperparameter {name!r} is missing from {dict(config)}")
    if not active and name in config:
        raise ValueError(f"hyperparameter {name!r} is inactive where the ones before it are "
                         f"{before}; leave {name}={config[name]!r} out")
    return active


def _check_value(hyperparameter: Hyperparameter, config: Mapping[str, Any]) -> Any:
    try:
        return hyperparameter.domain.check(as_plain(config[hyperparameter.name]))
    except (TypeError, ValueError) as error:
        raise type(error)(f"hyperparameter {hyperparameter.name!r}: {error}") from None


def to_unit_cube(space: Mapping[str, Any], config: Mapping[str, Any]) -> np.ndarray:
    """Map a configuration to [0, 1]^d, shape (d,), by its domains' cdf.

    An integer or a choice goes to the middle of its bin, an inactive hyperparameter to 0.5.

    Arguments:

    - `space`: a configuration space, as in `check_space`; d of its hyperparameters are no
      constants.
    - `config`: a configuration, as in `check_configuration`, also its errors.

    >>> space = {"x": stats.loguniform(1e-4, 1), "kind": categorical(["a", "b"]), "epochs": 3}
    >>> to_unit_cube(space, {"x": 0.01, "kind": "b", "epochs": 3}).round(6).tolist()
    [0.5, 0.75]
    """
    return np.nan_to_num(configurations_to_unit_cube(space, [config])[0], nan=0.5)


def configurations_to_unit_cube(space: Mapping[str, Any],
                                configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Map n configurations to points of [0, 1]^d, shape (n, d), by their domains' cdf.

    An integer or a choice goes to the middle of its bin, an inactive hyperparameter to nan.
    """
    checked = check_space(space)
    configs = [check_configuration(checked, config) for config in configs]
    points = np.full((len(configs), len(checked.varying)), np.nan)
    for column, hyperparameter in zip(points.T, checked.varying, strict=True):
        name = hyperparameter.name
        active = [i for i, config in enumerate(configs) if name in config]
        column[active] = hyperparameter.side.to_unit([configs[i][name] for i in active])
    return points


def snap_unit_cube(space: Mapping[str, Any], points: ArrayLike) -> np.ndarray:
    """Move points of [0, 1]^d, shape (n, d), to where their configurations map back to.

    An integer or a choice goes to the middle of its bin, an inactive hyperparameter to nan.
    """
    checked, points = check_space(space), _check_points(space, points)
    columns = zip(points.T, checked.varying, strict=True)
    snapped = np.array([h.side.snap(column) for column, h in columns])
    snapped = snapped.T if len(snapped) else points
    if checked.is_conditional:
        configs = _configurations(checked, points)
        for column, hyperparameter in zip(snapped.T, checked.varying, strict=True):
            column[[hyperparameter.name not in config for config in configs]] = np.nan
    return snapped


def from_unit_cube(space: Mapping[str, Any], u: ArrayLike) -> dict[str, Any]:
    """Map a point of [0, 1]^d, shape (d,), to a configuration by its domains' ppf.

    Arguments:

    - `space`: a configuration space, as in `check_space`; d of its hyperparameters are no
      constants.
    - `u`: the point; ValueError for another shape or a number outside [0, 1].

    Uniform points become draws of `sample_configuration`.

    >>> space = {"batch_size": lograndint(16, 256), "kind": categorical(["a", "b"]), "epochs": 3}
    >>> from_unit_cube(space, [0.5, 0.5])
    {'batch_size': 64, 'kind': 'b', 'epochs': 3}
    """
    return configurations_from_unit_cube(space, np.asarray(u, dtype=float)[np.newaxis])[0]


def configurations_from_unit_cube(space: Mapping[str, Any],
                                  points: ArrayLike) -> list[dict[str, Any]]:
    """Map points of [0, 1]^d, shape (n, d), to n configurations by their domains' ppf."""
    return _configurations(check_space(space), _check_points(space, points))


def _check_points(space: Mapping[str, Any], points: ArrayLike) -> np.ndarray:
    """Return points of the unit cube as an array, or raise a ValueError that says what is wrong."""
    names, points = varying_names(space), np.asarray(points, dtype=float)
    if points.shape == (0,):
        points = points.reshape(0, len(names))
    if points.ndim != 2 or points.shape[1] != len(names):
        raise ValueError(f"points of the unit cube have shape {points.shape[1:]}, expected "
                         f"{(len(names),)}: one number for each of {names}")
    for row, column in np.argwhere(~((points >= 0) & (points <= 1))):
        raise ValueError(f"hyperparameter {names[column]!r}: {points[row, column]} is outside "
                         "[0, 1], the side of the unit cube")
    return points


def _configurations(checked: CheckedSpace, points: np.ndarray) -> list[dict[str, Any]]:
    n, axes = len(points), iter(points.T)
    columns = [[h.domain.value] * n if isinstance(h.domain, Constant)
               else h.domain.values(next(axes)) for h in checked.hyperparameters]
    if checked.is_conditional:
        return [_active_values(checked, row) for row in zip(*columns, strict=True)]
    return [dict(zip(checked, row, strict=True)) for row in zip(*columns, strict=True)]


def _active_values(checked: CheckedSpace, row: tuple) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for hyperparameter, value in zip(checked.hyperparameters, row, strict=True):
        if hyperparameter.is_active(config):
            config[hyperparameter.name] = value
    return config


def list_unit_cube(space: Mapping[str, Any], limit: int) -> np.ndarray | None:
    """Return the points of all configurations, shape (n, d), as `snap_unit_cube` returns them.

    None if there are more than `limit` combinations, as of any hyperparameter that is a float.
    """
    checked, limit = check_space(space), check_int("limit", limit)
    sizes = [h.side.size for h in checked.varying]
    if math.prod(sizes) > limit:
        return None
    sides = [h.side.to_unit(h.side.all_values()) for h in checked.varying]
    snapped = snap_unit_cube(checked, list(product(*sides)))
    return snapped[np.unique(np.nan_to_num(snapped, nan=-1), axis=0, return_index=True)[1]]


def describe_space(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe a space as plain values for JSON, equal for equal spaces only.

    A test in `when` is described by a digest of its code and of the values it carries.

    Arguments:

    - `space`: a configuration space, as in `check_space`; TypeError for a test that carries what
      cannot be written down.

    >>> describe_space({"batch_size": 64})
    [{'name': 'batch_size', 'kind': 'constant', 'value': 64, 'type': 'int'}]
    """
    return [_describe(hyperparameter) for hyperparameter in check_space(space).hyperparameters]


def _describe(hyperparameter: Hyperparameter) -> dict[str, Any]:
    description = {"name": hyperparameter.name, **hyperparameter.domain.describe()}
    try:
        tests = [function_digest(test) for test in hyperparameter.tests]
    except TypeError as error:
        raise TypeError(f"hyperparameter {hyperparameter.name!r}: its test: {error}") from error
    return description | ({"tests": tests} if tests else {})
