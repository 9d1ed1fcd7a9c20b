"""Rungs, and what every scheduler with rungs keeps: plans, reports, and who will never go on."""
import math

from d2l_hpo.schedulers.base import check_suggested
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.searchers.base import check_searcher
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.copies import copied


def rung_levels(r_min: int, r_max: int, eta: int) -> list[int]:
    """Return the epochs r_min, r_min * eta, r_min * eta**2, ... below r_max, and r_max.

    Arguments:

    - `r_min`: epochs of the first rung, at least 1.
    - `r_max`: epochs of the last rung, at least `r_min`; it need not be `r_min * eta**k`.
    - `eta`: how many times more epochs the next rung has, at least 2.

    ValueError for a number below its bound. The rungs of successive halving (Jamieson and
    Talwalkar, 2016).

    >>> rung_levels(r_min=1, r_max=27, eta=3)
    [1, 3, 9, 27]
    >>> rung_levels(r_min=1, r_max=20, eta=3)
    [1, 3, 9, 20]
    """
    eta, r_min = check_int("eta", eta, 2), check_int("r_min", r_min)
    if r_min > (r_max := check_int("r_max", r_max)):
        raise ValueError(f"r_min is {r_min}, above r_max, {r_max}; give an r_min of at most that")
    levels = [r_min]
    while levels[-1] * eta < r_max:  # integers: the quotient of two logarithms may be too small
        levels.append(levels[-1] * eta)
    return levels if r_min == r_max else [*levels, r_max]


class MultiFidelityScheduler(HPOScheduler):
    """Starts trials and resumes them rung by rung; every report counts once.

    Arguments:

    - `searcher`: what chooses configurations, an `HPOSearcher`; TypeError for anything else.
    - `eta`, `r_min`, `r_max`: as in `rung_levels`, also their errors. Trials end at `r_max`
      epochs.

    A subclass defines `suggest` and `update`, and uses

    - `rungs`: the epochs of the rungs,
    - `start(rungs)`: a new trial that may reach these rungs,
    - `resume(trial)`: the next part of a trial, up to its next rung,
    - `accept(trial, error, info)`: passes a report on to the searcher; False if it was made
      before, ValueError if the trial was not suggested up to there.

    >>> class Patient(MultiFidelityScheduler):  # trials go on as long as they improve
    ...     def __init__(self, searcher, **rungs):
    ...         super().__init__(searcher, **rungs)
    ...         self.last, self.better = {}, []
    ...     def suggest(self):
    ...         return self.resume(self.better.pop()) if self.better else self.start(self.rungs)
    ...     def update(self, trial, error, info=None):
    ...         if self.accept(trial, error, info) and trial.max_epochs < self.r_max:
    ...             if error < self.last.get(trial.trial_id, 1):
    ...                 self.better.append(trial)
    ...             self.last[trial.trial_id] = error
    >>> scheduler = Patient(RandomSearcher({"x": stats.uniform(0, 1)}), eta=3, r_min=1, r_max=9)
    >>> trial = scheduler.suggest()
    >>> scheduler.update(trial, error=0.5)
    >>> trial = scheduler.suggest()
    >>> trial.trial_id, trial.epoch, trial.max_epochs
    (0, 1, 3)
    """
    setting_names: tuple[str, ...] = ("eta", "r_min", "r_max")

    def __init__(self, searcher: HPOSearcher, eta: int, r_min: int, r_max: int):
        self.searcher = check_searcher(searcher)
        self.rungs = rung_levels(r_min, r_max, eta)
        self.eta, self.r_min, self.r_max = int(eta), int(r_min), int(r_max)
        self.plans: list[list[int]] = []  # of each trial the rungs that it may reach
        self.reports: list[int] = []  # of each trial the number of rungs that it has reached
        self.running: set[int] = set()
        self.over = []  # trials that never go on, since the last call of `ended`

    def start(self, rungs: list[int]) -> Trial | None:
        """Return a new trial, up to the first of `rungs`; None if no configuration is left."""
        config = self.searcher.sample_configuration()
        if config is None:
            return None
        trial = Trial(len(self.plans), copied(config), rungs[0])
        self.plans.append(rungs)
        self.reports.append(0)
        self.running.add(trial.trial_id)
        return trial

    def resume(self, trial: Trial) -> Trial:
        """Return the trial that goes on from the rung which `trial` has reached, up to the next."""
        rungs = self.plans[trial.trial_id]
        level = self.reports[trial.trial_id]
        self.running.add(trial.trial_id)
        return Trial(trial.trial_id, copied(trial.config), rungs[level], rungs[level - 1])

    def accept(self, trial: Trial, error: float, info: dict | None) -> bool:
        """Check a report and pass it on to the searcher; False if it has been made before."""
        name, epoch = trial.trial_id, trial.max_epochs
        check_suggested(name, len(self.plans))
        if epoch not in self.plans[name]:
            raise ValueError(f"trial {name} reports from epoch {epoch}, expected one of its rungs, "
                             f"{self.plans[name]}")
        level = self.plans[name].index(epoch)
        if level < self.reports[name]:
            return False
        if level > self.reports[name] or name not in self.running:
            raise ValueError(f"trial {name} reports from epoch {epoch}, but was not suggested "
                             "up to there; report the trials that suggest returned")
        self.running.remove(name)
        self.reports[name] += 1
        if epoch == self.r_max or not math.isfinite(error):
            self.over.append(name)
        self.searcher.update(copied(trial.config), error, epoch, info)
        return True
