"""The records of a search: what a row says, and the table of all rows."""
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Job(NamedTuple):
    """One row: a trial that was trained from `epoch` up to `max_epochs`, from `start` to `end`.

    `error` is nan and `status` "failed" where it failed, and `traceback` says why. `info` holds the
    objective's further numbers. Times are seconds since the search began.
    """

    trial_id: int
    config: dict[str, Any]
    epoch: int
    max_epochs: int | None
    error: float
    status: str
    attempt: int
    worker: int
    start: float
    end: float
    info: dict[str, Any]
    traceback: str | None


OBJECTS = ("config", "status", "info", "traceback")
"""Columns of Python objects, which pandas is not to guess a type for."""


def job_table(jobs: Sequence[Job]) -> "pd.DataFrame":
    """Return the jobs as a table, a row a job; all columns are there if there are no rows, too."""
    import pandas as pd  # a tuner runs without it
    columns = dict(zip(Job._fields, zip(*jobs, strict=True) if jobs else [()] * len(Job._fields),
                       strict=True))
    return pd.DataFrame({name: pd.Series(list(values), dtype=object if name in OBJECTS else None)
                         for name, values in columns.items()})
