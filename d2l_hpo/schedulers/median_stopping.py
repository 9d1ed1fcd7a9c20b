"""The median rule: a trial stops that is worse than the others were on average by then."""
import math
from bisect import bisect_left
from fractions import Fraction

from sortedcontainers import SortedList

from d2l_hpo.schedulers.base import check_suggested
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.searchers.base import check_searcher
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.copies import copied


class MedianStoppingScheduler(HPOScheduler):
    """Stops a trial whose best error so far is worse than the median of the others' averages.

    Others count at an epoch if they have reported there, each with the mean of its errors up to
    it (Golovin et al., 2017). The objective has to take `report`.

    Arguments:

    - `searcher`: what chooses configurations, an `HPOSearcher`. TypeError for anything else.
    - `max_epochs`: epochs of a trial that is not stopped, at least 1.
    - `grace_epochs`: no trial stops before this epoch; at least 1.
    - `min_trials`: how many others have to have reported at an epoch before a trial stops there,
      at least 1.

    ValueError for other numbers. The rule needs no rungs and no assumption about the curves but
    that they can be compared epoch by epoch. The searcher learns a trial's last error, and after
    which epoch it had it.

    >>> searcher = RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)
    >>> scheduler = MedianStoppingScheduler(searcher, max_epochs=3, min_trials=2)
    >>> trials = [scheduler.suggest() for _ in range(3)]
    >>> [scheduler.report(trial, error, epoch=1)
    ...  for trial, error in zip(trials, [0.2, 0.4, 0.5])]
    [True, True, False]
    """
    needs_reports = True
    setting_names = ("max_epochs", "grace_epochs", "min_trials")

    def __init__(self, searcher: HPOSearcher, max_epochs: int, grace_epochs: int = 1,
                 min_trials: int = 3) -> None:
        self.searcher = check_searcher(searcher)
        self.max_epochs = check_int("max_epochs", max_epochs)
        self.grace_epochs = check_int("grace_epochs", grace_epochs)
        self.min_trials = check_int("min_trials", min_trials)
        self.number_of_trials = 0
        self.running: set[int] = set()  # trials that were suggested and have not ended
        self.stopped: set[int] = set()  # those of them that were told to stop
        self.over = []
        self.curves: dict[int, Curve] = {}  # of the trials that run
        self.averages: dict[int, SortedList] = {}  # by epoch, of each trial that reported there

    def suggest(self) -> Trial | None:
        """Return a new trial, or None if the searcher has no configuration left."""
        config = self.searcher.sample_configuration()
        if config is None:
            return None
        trial = Trial(self.number_of_trials, copied(config), self.max_epochs)
        self.number_of_trials += 1
        self.running.add(trial.trial_id)
        return trial

    def report(self, trial: Trial, error: float, epoch: int, info: dict | None = None) -> bool:
        """Compare the trial with the others at this epoch; say whether it goes on.

        A trial that was told to stop does not go on, whatever it reports afterwards.
        """
        name = trial.trial_id
        check_suggested(name, self.number_of_trials)
        if name not in self.running or name in self.stopped:
            return False
        curve = self.curves.setdefault(name, Curve())
        if epoch in curve.errors:
            return True
        if not math.isfinite(error) or self.is_behind(curve, error, epoch):
            self.stopped.add(name)
        return name not in self.stopped

    def is_behind(self, curve: "Curve", error: float, epoch: int) -> bool:
        """Note an error, and say whether the best one up to it is worse than the others' median."""
        best, average = curve.add(epoch, error)
        others = self.averages.setdefault(epoch, SortedList())
        is_behind = (epoch >= self.grace_epochs and len(others) >= self.min_trials
                     and best > middle(others))
        others.add(average)
        return is_behind

    def update(self, trial: Trial, error: float, info: dict | None = None) -> None:
        """Tell the searcher, once, how a trial has ended, and after which epoch."""
        name = trial.trial_id
        check_suggested(name, self.number_of_trials)
        if name not in self.running:
            return  # reported before
        self.running.remove(name)
        self.stopped.discard(name)
        curve = self.curves.pop(name, None)
        self.over.append(name)
        last = self.max_epochs if curve is None or not curve.epochs else curve.epochs[-1]
        self.searcher.update(trial.config, error, last, info)


class Curve:
    """A trial's finite errors, with the best one and the sum of those up to each epoch.

    A report costs the same however many there were before it, unless it comes after one of a later
    epoch. Sums are exact, so that an average is the same in any order of reports.
    """

    def __init__(self) -> None:
        self.errors: dict[int, float] = {}
        self.epochs: list[int] = []  # in increasing order, as what follows
        self.bests: list[float] = []
        self.sums: list[Fraction] = []

    def add(self, epoch: int, error: float) -> tuple[float, float]:
        """Note the error after a new epoch; return the best and the mean of those up to it."""
        self.errors[epoch] = error
        place = bisect_left(self.epochs, epoch)
        self.epochs.insert(place, epoch)
        del self.bests[place:], self.sums[place:]
        for reached in self.epochs[place:]:
            value, exact = self.errors[reached], Fraction(float(self.errors[reached]))
            self.bests.append(min(self.bests[-1], value) if self.bests else value)
            self.sums.append(self.sums[-1] + exact if self.sums else exact)
        return self.bests[place], float(self.sums[place]) / (place + 1)


def middle(values: SortedList) -> float:
    """Return the median of sorted numbers."""
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
