"""Checks of arguments: what is wrong is said in one way, with the argument's name and value."""
import math
import numbers
from typing import Any

import numpy as np


def check_int(name: str, value: Any, minimum: int = 1) -> int:
    """Return `value` as a Python int; ValueError unless it is an integer of at least `minimum`."""
    valid = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not valid or value < minimum:
        expected = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
        raise ValueError(f"{name} is {value!r}, expected {expected}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a Python float; ValueError unless it is a positive number."""
    if not is_real(value) or not value > 0:
        raise ValueError(f"{name} is {value!r}, expected a positive number")
    return float(value)


def check_between(name: str, value: Any, low: float, high: float) -> float:
    """Return `value` as a Python float; ValueError unless it is a number from `low` to `high`."""
    if not is_real(value) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, expected a number from {low} to {high}")
    return float(value)


def check_nonnegative(name: str, values: Any) -> Any:
    """Return a number or an array; ValueError where a value is below 0."""
    if np.any(np.asarray(values) < 0):
        raise ValueError(f"{name} has the minimum {np.min(values)}, expected at least 0")
    return values


def finite_or_nan(error: float) -> float:
    """Return an error; nan, which says that its trial has failed, for one that is not finite."""
    return error if math.isfinite(error) else math.nan


def is_number(value: Any) -> bool:
    """Say whether a result is a real number, of whatever library; no truth value, no text."""
    odd = isinstance(value, (str, bytes, bool, np.bool_, complex, np.complexfloating))
    return hasattr(value, "__float__") and not odd and np.ndim(value) == 0


def is_real(value: Any) -> bool:
    """Say whether an argument is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
