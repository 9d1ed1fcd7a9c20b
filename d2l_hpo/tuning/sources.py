"""Whatever a search is kept in, a tuner, records or a journal, seen in one way."""
import math
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2l_hpo.measures.records import Job
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tuning.outcomes import Outcome, objective_name
from d2l_hpo.tuning.reading import JournaledSearch, all_settings, read_journal
from d2l_hpo.tuning.records import Attempt, Books, Results
from d2l_hpo.tuning.tuner import HPOTuner

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class SearchView:
    """A search with its results, and what is known of it.

    `description` is what the scheduler says of itself, or None, and then `unknown` says why.
    """

    results: Results
    description: dict[str, Any] | None
    unknown: str = ""
    objective: str | None = None
    running: dict[int, Attempt] = field(default_factory=dict)
    """Attempts that have begun and not ended, by trial id."""
    is_running: bool = False
    path: str | None = None
    """The journal's, if there is one."""

    @property
    def jobs(self) -> list[Job]:
        """One entry a job, in the order in which they ended."""
        return self.results.books.jobs

    @property
    def space(self) -> list[dict[str, Any]]:
        """The described domains, as `describe_space` returns them; none if they are unknown."""
        return (self.description or {}).get("space", [])

    def setting(self, name: str) -> Any:
        """Return a setting of the scheduler or of one inside it; None if there is none."""
        found = (settings[name] for settings in all_settings(self.description or {})
                 if name in settings)
        return next(found, None)

    @property
    def objectives(self) -> list[str]:
        """The names of what is minimised: those of a searcher of several, else the error."""
        names = self.setting("objectives")
        return [str(name) for name in names] if isinstance(names, list | tuple) else ["error"]


def view_search(source: Any) -> SearchView:
    """Return the search of a tuner, of records, or of a journal, which is given or named.

    TypeError for anything else; ValueError for records that lack a column or hold what cannot be,
    and the errors of `read_journal`.
    """
    if isinstance(source, HPOTuner):
        return _view_tuner(source)
    if isinstance(source, str | os.PathLike):
        source = read_journal(source)
    if isinstance(source, JournaledSearch):
        return SearchView(source, source.description, "The search has not begun.",
                          source.objective, source.running, source.is_running, str(source.path))
    if hasattr(source, "columns") and hasattr(source, "to_dict"):
        return SearchView(_results(source), None, "The records do not say what was searched.")
    raise TypeError(f"source is {source!r}, expected an HPOTuner, its records, a journal's path, "
                    "or what read_journal returned")


def _view_tuner(tuner: HPOTuner) -> SearchView:
    """Return a tuner's search, also where its scheduler cannot be described."""
    name = objective_name(tuner.objective)
    path = None if tuner.journal is None else str(tuner.journal.path)
    running = {attempt.trial.trial_id: attempt for attempt in tuner.books.running.values()}
    try:
        description, unknown = tuner.scheduler.describe(), ""
    except (NotImplementedError, TypeError) as error:  # a class, or a test in when, of the user's
        description, unknown = None, f"The scheduler cannot be described: {error}."
    return SearchView(tuner, description, unknown, name, running, bool(running), path)


def _results(records: "pd.DataFrame") -> Results:
    """Return the results that a table of records holds; the smallest error is the best."""
    missing = [name for name in Job._fields if name not in records.columns]
    if missing:
        raise ValueError(f"the records lack {', '.join(missing)}; give a table such as "
                         "HPOTuner.records, with all its columns")
    results = Results()
    results.books = Books()
    for index, row in enumerate(records[list(Job._fields)].to_dict("records")):
        job = _job(row, index)
        trial = Trial(job.trial_id, job.config, job.max_epochs, job.epoch)
        attempt = Attempt(trial, job.attempt, job.worker, job.start, job.epoch)
        reason = None if job.status != "failed" else job.traceback or "no traceback in the records"
        results.books.end(attempt, Outcome(job.error, job.info, reason), job.end, job.error)
    return results


def _job(row: Mapping[Hashable, Any], index: int) -> Job:
    """Return a row of a table as a job; ValueError names the row and the value that cannot be."""
    values = {str(name): value for name, value in row.items()}
    for name in ("config", "info"):
        if not isinstance(values[name], Mapping):
            raise ValueError(f"row {index} of the records has {name} {values[name]!r}, expected a "
                             "dict; a table that was read from a file lost it")
        values[name] = dict(values[name])
    for name, convert in (("trial_id", int), ("epoch", int), ("attempt", int), ("worker", int),
                          ("error", float), ("start", float), ("end", float)):
        try:
            values[name] = convert(values[name])
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {index} of the records has {name} {values[name]!r}, expected "
                             f"{'an integer' if convert is int else 'a number'}") from error
    epochs = values["max_epochs"]
    absent = epochs is None or (isinstance(epochs, float) and math.isnan(epochs))
    values["max_epochs"] = None if absent else int(epochs)
    values["traceback"] = values["traceback"] if isinstance(values["traceback"], str) else None
    values["status"] = str(values["status"])
    return Job(**values)
