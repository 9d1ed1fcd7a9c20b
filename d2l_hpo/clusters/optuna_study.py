"""Optuna: a search as a study, for its dashboard, its samplers and its plots."""
import datetime
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from d2l_hpo.spaces.described import described_range
from d2l_hpo.tools.arguments import is_number
from d2l_hpo.tools.installation import needs
from d2l_hpo.tuning.journal import plain
from d2l_hpo.tuning.records import Attempt
from d2l_hpo.tuning.sources import SearchView, view_search

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from d2l_hpo.measures.records import Job
    from d2l_hpo.tuning.reading import JournaledSearch
    from d2l_hpo.tuning.tuner import HPOTuner


def to_optuna(source: Union["HPOTuner", "JournaledSearch", "pd.DataFrame", str, os.PathLike],
              storage: Any = None, study_name: str | None = None) -> "optuna.Study":
    """Return an Optuna study with the trials of a search, in the order of their ids.

    Arguments:

    - `source`: an `HPOTuner`, the table of its `records`, the path of a journal, or what
      `read_journal` returned.
    - `storage`: where Optuna keeps the study, such as "sqlite:///search.db", which
      `optuna-dashboard sqlite:///search.db` opens; None: in memory.
    - `study_name`: one that the storage does not have yet, else ValueError; None: Optuna's choice.

    A trial that reached the last epoch (`r_max`, all folds, or else the largest of the records) is
    complete, one that stopped before is pruned, with its last error as its value. One that failed,
    or was interrupted, is a failed one; one that is running in a journal is running. Errors after
    fewer epochs are intermediate values. Trial id, worker, seconds, epochs, the further numbers
    and a failure's traceback are user attributes. Several objectives become a study with as many
    directions, and limits become constraints. Times are true to each other.

    Constants are choices of one. Choices that Python holds for equal, such as 1 and True, become
    their `repr`. A domain that Optuna lacks becomes a uniform one over the same range, and where
    records or a class of your own do not say the range, it is that of the values.

    ImportError without Optuna, TypeError or ValueError for a source that cannot be read.

    For example::

        study = to_optuna("search.jsonl", "sqlite:///search.db", "first try")
        study.best_trial.params
    """
    with needs("optuna", "to_optuna"):
        import optuna
    view = view_search(source)
    trials = _Converter(optuna, view).trials()
    try:
        study = optuna.create_study(storage=storage, study_name=study_name,
                                    directions=["minimize"] * len(view.objectives))
    except optuna.exceptions.DuplicatedStudyError as error:
        raise ValueError(f"the storage has a study {study_name!r} already; give another "
                         "study_name") from error
    study.set_user_attr("objective", view.objective)
    study.set_user_attr("scheduler", plain(view.description, "the description", strict=False))
    study.add_trials(trials)
    return study


class _Converter:
    """Makes Optuna's trials; all before the first is stored, so that no study is half done."""

    def __init__(self, optuna: Any, view: SearchView) -> None:
        self.optuna, self.view = optuna, view
        self.jobs: dict[int, list[Job]] = {}
        for job in view.jobs:
            self.jobs.setdefault(job.trial_id, []).append(job)
        self.configs = {i: jobs[0].config for i, jobs in self.jobs.items()} | {
            i: attempt.trial.config for i, attempt in view.running.items()}
        self.last_epoch = self._last_epoch()
        self.begin = self._begin()
        names = dict.fromkeys([*(domain["name"] for domain in view.space),
                               *(name for config in self.configs.values() for name in config)])
        self.distributions = {name: self._distribution(name) for name in names}

    def trials(self) -> list[Any]:
        """Return all trials that have begun."""
        return [self._trial(i, self.jobs.get(i, []), self.view.running.get(i))
                for i in sorted(self.configs)]

    def _last_epoch(self) -> int | None:
        """Return after how many epochs a trial is complete; None: after any."""
        settings = (self.view.setting(name) for name in ("r_max", "folds", "max_epochs"))
        known = [value for value in settings if isinstance(value, int)]
        reached = [job.max_epochs for job in self.view.jobs if job.max_epochs is not None]
        return known[0] if known else max(reached, default=None)

    def _begin(self) -> datetime.datetime:
        """Return about when the search began: its last event was when its journal last changed."""
        is_file = self.view.path is not None and os.path.exists(self.view.path)
        end = (datetime.datetime.fromtimestamp(os.path.getmtime(str(self.view.path)))
               if is_file else datetime.datetime.now())
        return end - datetime.timedelta(seconds=self.view.results.books.elapsed)

    def _distribution(self, name: str) -> tuple[Any, bool]:
        """Return Optuna's distribution, and whether the values go by their `repr`."""
        domain = next((d for d in self.view.space if d["name"] == name), None)
        values = [config[name] for config in self.configs.values() if name in config]
        if domain is not None and domain["kind"] in ("categorical", "constant"):
            given = domain["choices"] if domain["kind"] == "categorical" else [domain["value"]]
            return self._choices([*given, *values])
        numbers = all(is_number(value) and math.isfinite(value) for value in values)
        known = None if domain is None else described_range(domain)
        if not numbers or (known is None and not values):
            return self._choices(values or [None])
        low, high = min(map(float, values), default=math.inf), max(map(float, values),
                                                                   default=-math.inf)
        if known is None:
            is_integer, is_log = all(isinstance(value, int) for value in values), False
        else:
            is_integer, is_log = known.is_integer, known.is_log
            low, high = min(low, known.low), max(high, known.high)
        kind = self.optuna.distributions
        if is_integer:
            return kind.IntDistribution(int(low), int(high), log=is_log and low >= 1), False
        return kind.FloatDistribution(low, high, log=is_log and low > 0), False

    def _choices(self, values: Sequence[Any]) -> tuple[Any, bool]:
        """Return a distribution of choices, and whether they go by their `repr`."""
        words = {repr(value): value for value in values}
        are_plain = all(value is None or isinstance(value, bool | int | float | str)
                        for value in words.values())
        is_spelled = not are_plain or len(set(words.values())) < len(words)
        choices = list(words) if is_spelled else list(words.values())
        return self.optuna.distributions.CategoricalDistribution(choices), is_spelled

    def _trial(self, trial_id: int, jobs: "list[Job]", running: Attempt | None) -> Any:
        config, states = self.configs[trial_id], self.optuna.trial.TrialState
        reports = {job.max_epochs: job.error for job in jobs
                   if job.max_epochs is not None and math.isfinite(job.error)}
        params = {name: repr(value) if self.distributions[name][1] else value
                  for name, value in config.items()}
        state, values = self._state(jobs, running)
        last = jobs[-1] if jobs else None
        trial = self.optuna.trial.create_trial(
            state=state, values=values, params=params,
            distributions={name: self.distributions[name][0] for name in config},
            user_attrs=self._attributes(trial_id, jobs, running, state),
            intermediate_values=reports, system_attrs=self._constraints(last))
        first = jobs[0].start if jobs else running.start if running else 0.0
        trial.datetime_start = self.begin + datetime.timedelta(seconds=first)
        if state != states.RUNNING:
            end = last.end if last else self.view.results.books.elapsed
            trial.datetime_complete = self.begin + datetime.timedelta(seconds=end)
        return trial

    def _state(self, jobs: "list[Job]", running: Attempt | None) -> tuple[Any, list[float] | None]:
        """Return how a trial stands, and its values."""
        states = self.optuna.trial.TrialState
        if running is not None and self.view.is_running:
            return states.RUNNING, None
        if not jobs or jobs[-1].status == "failed" or not math.isfinite(jobs[-1].error):
            return states.FAIL, None
        last = jobs[-1]
        numbers = {**last.info, "error": last.error}
        values: list[Any] = [numbers.get(name) for name in self.view.objectives]
        if not all(is_number(value) and math.isfinite(value) for value in values):
            return states.FAIL, None
        is_early = (self.last_epoch is not None and last.max_epochs is not None
                    and last.max_epochs < self.last_epoch)
        return states.PRUNED if is_early else states.COMPLETE, [float(v) for v in values]

    def _attributes(self, trial_id: int, jobs: "list[Job]", running: Attempt | None,
                    state: Any) -> dict[str, Any]:
        """Return what Optuna has no place for, as plain values."""
        found: dict[str, Any] = {"trial_id": trial_id}
        if jobs:
            last = jobs[-1]
            found |= {str(name): value for name, value in last.info.items()}
            found |= {"trial_id": trial_id, "worker": last.worker, "epochs": last.max_epochs,
                      "seconds": sum(job.end - job.start for job in jobs)}
            if last.traceback is not None:
                found["traceback"] = last.traceback.encode("utf-8", "replace").decode()
        if running is not None and state == self.optuna.trial.TrialState.FAIL:
            found["interrupted"] = True
        return plain(found, "user attributes", strict=False)

    def _constraints(self, last: "Job | None") -> dict[str, Any] | None:
        """Return by how much a trial exceeds its limits, which it is to stay below."""
        limits = self.view.setting("limits")
        if last is None or not isinstance(limits, Mapping) or not math.isfinite(last.error):
            return None
        numbers = {**last.info, "error": last.error}
        if not all(is_number(numbers.get(name)) for name in limits):
            return None
        over = [float(numbers[name]) - limit for name, limit in limits.items()]
        return {"constraints": [excess or 5e-324 for excess in over]}
