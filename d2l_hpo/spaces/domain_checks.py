"""From a domain as the user writes it to its checked form in :mod:`d2l_hpo.spaces.domains`."""
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy  # its `stats`, which takes long to load, when it is used

from d2l_hpo.spaces.domains import (
    CategoricalDomain,
    Categories,
    ConditionalDomain,
    Constant,
    Distribution,
    Hyperparameter,
    as_plain,
    is_finite,
    spell,
)

PLAIN_TYPES = (str, bool, int, float)
LARGEST_INTEGER = 2**40  # beyond it, bins of the unit interval are narrower than a float resolves

EXPECTED_BOUNDS = {
    "loguniform": "stats.loguniform(low, high) with 0 < low < high",
    "reciprocal": "stats.reciprocal(low, high) with 0 < low < high",
    "uniform": "stats.uniform(low, high - low) with high - low > 0",
    "randint": "stats.randint(low, high) with integers low < high (high itself is excluded)",
    "lograndint": "lograndint(low, high) with integers 1 <= low <= high (both included)",
}
EXPECTED_DOMAIN = ("expected a frozen scipy.stats distribution, categorical([...]), "
                   "lograndint(low, high), when(test, domain) or a constant")


def check_hyperparameter(name: str, domain: Any) -> Hyperparameter:
    """Check one entry of a configuration space, with its name in every error."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a hyperparameter is a non-empty str, got {name!r}")
    tests = []
    while isinstance(domain, ConditionalDomain):
        if not callable(domain.test):
            raise TypeError(f"hyperparameter {name!r}: the test in when(test, domain) is "
                            f"{domain.test!r}, expected a function of the configuration")
        tests.append(domain.test)
        domain = domain.domain
    try:
        return Hyperparameter(name, _check_domain(domain), tuple(tests))
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"hyperparameter {name!r}: {error}") from None


def _check_domain(domain: Any) -> Distribution | Categories | Constant:
    domain = as_plain(domain)
    if isinstance(domain, CategoricalDomain):
        return _check_categories(domain.choices)
    if hasattr(domain, "dist") and isinstance(domain, scipy.stats.distributions.rv_frozen):
        return _check_distribution(domain)
    if type(domain) in PLAIN_TYPES:
        return _check_constant(domain)
    if isinstance(domain, (list, tuple, set, frozenset, range)):
        raise TypeError(f"{domain!r} is no domain; for choices use categorical({list(domain)}), "
                        "for a range of numbers stats.uniform(low, high - low), "
                        "stats.loguniform(low, high) or stats.randint(low, high + 1)")
    if hasattr(domain, "freeze"):
        raise TypeError(f"the distribution {domain.name} has no parameters; call it with them, "
                        f"for example {EXPECTED_BOUNDS.get(domain.name, domain.name + '(...)')}")
    raise TypeError(f"{domain!r} is no domain; {EXPECTED_DOMAIN}")


def _check_constant(value: str | bool | float) -> Constant:
    if not is_finite(value):
        raise ValueError(f"the constant {value} is not finite")
    return Constant(value)


def _check_categories(choices: Sequence[Any]) -> Categories:
    if not isinstance(choices, (list, tuple, range, np.ndarray)):
        raise TypeError(f"categorical({choices!r}): expected a list of choices")
    choices = tuple(as_plain(choice) for choice in choices)
    if not choices:
        raise ValueError("categorical([]) has no choices; give it at least one")
    for i, choice in enumerate(choices):
        if type(choice) not in (*PLAIN_TYPES, type(None)):
            raise TypeError(f"the choice {choice!r} is not a str, bool, int, float or None")
        if not is_finite(choice):
            raise ValueError(f"the choice {choice} is not finite")
        if Categories(choices[:i]).index(choice) is not None:
            raise ValueError(f"the choice {choice!r} appears twice in categorical({[*choices]})")
    return Categories(choices)


def _check_distribution(frozen: Any) -> Distribution:
    expected = EXPECTED_BOUNDS.get(frozen.dist.name, "bounds in order")
    for parameter in map(as_plain, (*frozen.args, *frozen.kwds.values())):
        if type(parameter) not in (int, float):
            raise TypeError(f"{spell(frozen)} has the parameter {parameter!r}, expected a number")
    low, high = map(float, frozen.support())
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"{spell(frozen)} has invalid bounds; expected {expected}")
    if math.isinf(low) or math.isinf(high):
        raise ValueError(f"{spell(frozen)} is unbounded, from {low} to {high}; expected bounded "
                         "support, for example stats.truncnorm")
    if not hasattr(frozen.dist, "pdf"):
        return _check_integers(frozen, low, high)
    if not low < high:
        raise ValueError(f"{spell(frozen)} holds no range of floats; expected {expected}")
    return Distribution(frozen, low, high, is_integer=False)


def _check_integers(frozen: Any, low: float, high: float) -> Distribution:
    if hasattr(frozen.dist, "xk") or not low.is_integer() or not high.is_integer():
        raise ValueError(f"{spell(frozen)} is not over consecutive integers; use "
                         "categorical([...])")
    if max(abs(low), abs(high)) > LARGEST_INTEGER:
        raise ValueError(f"{spell(frozen)} reaches beyond 2**40, where a float in [0, 1] no longer "
                         "tells integers apart; use a continuous distribution")
    return Distribution(frozen, int(low), int(high), is_integer=True)
