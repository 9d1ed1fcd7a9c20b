"""What a trial returns beside its error: reading and checking several objectives, and limits."""
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from d2l_hpo.tools.arguments import is_number

if TYPE_CHECKING:
    import pandas as pd


def read_objectives(names: Sequence[str], error: float,
                    info: Mapping[str, Any] | None = None) -> list[float]:
    """Return the named objectives of a trial, all nan if it failed.

    `names` are "error" and keys of `info`, the further numbers that the objective returned.
    ValueError for one that is missing, TypeError for one that is no number.
    """
    if not math.isfinite(error):
        return [math.nan] * len(names)
    values = {**(info or {}), "error": error}
    for name in names:
        if name not in values:
            raise ValueError(f"the objective {name!r} is missing from {sorted(values)}; return it "
                             "beside 'error' in the dictionary of results")
        if not is_number(values[name]):
            raise TypeError(f"the objective {name!r} is {values[name]!r}, expected a number")
    return [float(values[name]) for name in names]


def objective_table(records: "pd.DataFrame", names: Sequence[str]) -> np.ndarray:
    """Return the named objectives, shape (rows, objectives), with nan where a trial failed.

    ValueError for records without the columns `error` and `info`, or with an `info` that is no
    dictionary.
    """
    if lacking := [name for name in ("error", "info") if name not in records]:
        raise ValueError(f"the records lack {' and '.join(lacking)}; give a table such as "
                         "HPOTuner.records")
    values = np.empty((len(records), len(names)))
    for number, (error, info) in enumerate(zip(records["error"], records["info"], strict=True)):
        if names and math.isfinite(error) and not isinstance(info, Mapping):
            raise ValueError(f"row {number} of the records has info {info!r}, expected a dict; a "
                             "table that was read from a file lost it")
        values[number] = read_objectives(names, error, info)
    return values


def check_points(points: ArrayLike, objectives: int = 1) -> np.ndarray:
    """Return points as floats, shape (n, objectives); rows with a number that is not finite as nan.

    A list without points does not say how many objectives there are: `objectives`. ValueError
    unless all points have equally many numbers, at least one.
    """
    try:
        points = np.array(points, float)
    except ValueError as error:
        raise ValueError(f"points are {points!r}; expected equally many numbers in each") from error
    if points.shape == (0,):
        points = points.reshape(0, objectives)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"points have shape {points.shape}, expected (points, objectives)")
    points[~np.isfinite(points).all(axis=1)] = np.nan
    return points


def feasible(records: "pd.DataFrame", limits: Mapping[str, float]) -> np.ndarray:
    """Say of each row whether its trial succeeded with all numbers in `info` below their limits.

    Arguments:

    - `records`: the table of a search, with the columns `error` and `info`.
    - `limits`: from names in `info` to upper limits, in the unit of what they limit. A number
      that equals its limit is not below it. Without limits each trial that succeeded keeps them.

    It returns truth values, shape (rows,). ValueError for a number that is missing in a row that
    did not fail, and for a table that lacks a column; TypeError for what is no number or no
    dictionary.

    >>> import pandas as pd
    >>> records = pd.DataFrame({"error": [0.1, 0.2, np.nan],
    ...                         "info": [{"memory": 3.0}, {"memory": 1.0}, {}]})
    >>> feasible(records, {"memory": 2.0}).tolist()
    [False, True, False]
    """
    if not isinstance(limits, Mapping):
        raise TypeError(f"limits are {limits!r}, expected a dict such as {{'memory': 2.0}}")
    for name, limit in limits.items():
        if not is_number(limit) or math.isnan(limit):
            raise TypeError(f"the limit of {name!r} is {limit!r}, expected a number; leave the "
                            "name out if it has no limit")
    kept = np.less(objective_table(records, list(limits)), list(limits.values()))
    return kept.all(axis=1) & np.isfinite(records["error"].to_numpy(float))


def feasible_errors(records: "pd.DataFrame", limits: Mapping[str, float]) -> np.ndarray:
    """Return the smallest error of a feasible trial up to each row, inf before the first.

    Arguments: `records` and `limits` as in `feasible`, also its errors. The rows count in their
    order; the result has shape (rows,).

    >>> import pandas as pd
    >>> records = pd.DataFrame({"error": [0.1, 0.3, 0.2],
    ...                         "info": [{"memory": 3.0}, {"memory": 1.0}, {"memory": 1.5}]})
    >>> feasible_errors(records, {"memory": 2.0}).tolist()
    [inf, 0.3, 0.2]
    """
    return np.minimum.accumulate(np.where(feasible(records, limits), records["error"], np.inf))
