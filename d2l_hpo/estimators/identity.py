"""What makes a search of scikit-learn's the same one: data, estimator, folds, as plain values.

A journal holds them, so that it is refused where one of them is another one.
"""
import math
import numbers
from collections.abc import Mapping
from pickle import PicklingError
from types import BuiltinFunctionType, FunctionType
from typing import Any

from scipy import sparse

from d2l_hpo.tools.installation import needs

with needs("sklearn", "HPOSearchCV"):
    import joblib

from d2l_hpo.schedulers.scheduler import HPOScheduler
from d2l_hpo.schedulers.wrapper import SchedulerWrapper
from d2l_hpo.spaces.digest import function_digest


class IdentifiedScheduler(SchedulerWrapper):
    """A scheduler that also describes the `task` to which it is applied, a dictionary."""

    def __init__(self, scheduler: HPOScheduler, task: dict[str, Any]) -> None:
        super().__init__(scheduler)
        self.task = task

    def describe(self) -> dict[str, Any]:
        """Return the description of the scheduler inside, with that of the task."""
        return {**self.scheduler.describe(), **self.task}


def describe_data(data: Any) -> Any:
    """Describe data by their shape and a digest of their values; None stays None."""
    if data is None:
        return None
    if sparse.issparse(data):
        matrix = data.tocsr().sorted_indices()  # equal matrices may be stored in several ways
        matrix.sum_duplicates()
        parts = [matrix.shape, matrix.data, matrix.indices, matrix.indptr]
        return {"shape": list(matrix.shape), "digest": joblib.hash(parts)}
    shape = getattr(data, "shape", None)
    if shape is None and hasattr(data, "__len__"):
        shape = (len(data),)
    return {"shape": None if shape is None else list(shape), "digest": digest(data)}


def describe_estimator(estimator: Any) -> dict[str, Any]:
    """Describe an estimator by its class and all its parameters, those of its parts included."""
    parameters = estimator.get_params(deep=True)
    return {"class": name_of(type(estimator)),
            **{name: spell_value(parameters[name]) for name in sorted(parameters)}}


def spell_value(value: Any) -> Any:
    """Write a parameter's value such that equal values, and they only, are written equally.

    Estimators go by their class, since their parameters stand beside them; so do objects that
    cannot be pickled.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, bool | numbers.Integral | float | str):
        return value
    if isinstance(value, list | tuple):
        return [spell_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): spell_value(item) for key, item in value.items()}
    if isinstance(value, FunctionType):
        return f"{name_of(value)} {digest(value)}"
    if isinstance(value, type | BuiltinFunctionType):
        return name_of(value)
    name = name_of(type(value))
    return name if hasattr(value, "get_params") else f"{name} {digest(value)}"


def digest(value: Any) -> str:
    """Return a digest of a value; of an object that cannot be pickled, the name of its class."""
    try:
        return function_digest(value) if isinstance(value, FunctionType) else joblib.hash(value)
    except (PicklingError, TypeError, AttributeError):  # whatever the value's class raises
        return name_of(type(value))


def name_of(kind: Any) -> str:
    """Return the name of a class or function without its module, which may be a script."""
    return kind.__qualname__
