"""The records of a search: what a row says, and the table of all rows."""
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from d2l_hpo.tools.copies import copied

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

    def row(self) -> dict[str, Any]:
        """Return the row as a dictionary; what it holds may be changed."""
        return {**self._asdict(), "config": copied(self.config), "info": copied(self.info)}


NUMBERS = {"trial_id": int, "epoch": int, "error": float, "attempt": int, "worker": int,
           "start": float, "end": float}
"""Columns of numbers; pandas is to guess the type of no column, whatever is in it."""


def job_table(jobs: Sequence[Job]) -> "pd.DataFrame":
    """Return the jobs as a table, a row a job; all columns are there if there are no rows, too.

    `max_epochs` are integers, or Python's objects where some are None. Configurations and further
    numbers are copies.
    """
    import pandas as pd  # a tuner runs without it
    jobs = [job._replace(config=copied(job.config), info=copied(job.info)) for job in jobs]
    rows = zip(*jobs, strict=True) if jobs else [()] * len(Job._fields)
    columns = dict(zip(Job._fields, map(list, rows), strict=True))
    types = NUMBERS if None in columns["max_epochs"] else NUMBERS | {"max_epochs": int}
    return pd.DataFrame({name: pd.Series(values, dtype=types.get(name, object))
                         for name, values in columns.items()})
