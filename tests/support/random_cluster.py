"""A cluster whose trials end in random order with scripted or random errors, some of them nan."""
import math

from scipy import stats

from d2l_hpo import HPOSearcher


class Numbered(HPOSearcher):
    """Proposes x = 0, 1, ..., n - 1 (None: without end) and keeps what it is told."""

    def __init__(self, n=None):
        super().__init__({"x": stats.randint(0, 10 ** 9)})
        self.n, self.proposed, self.told = n, 0, []

    def propose(self):
        if self.proposed == self.n:
            return None
        self.proposed += 1
        return {"x": self.proposed - 1}

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["x"], error, {**(info or {}), "epoch": epoch}))


def random_error(rng, failures):
    """An error with many ties; nan with probability `failures`."""
    return math.nan if rng.random() < failures else float(rng.integers(50)) / 50


def drive(scheduler, rng, workers, jobs=math.inf, failures=0.2):
    """Run up to so many jobs; return a list of ("suggest", trial) and ("report", trial, error).

    Stops when the scheduler has nothing to suggest while nothing runs.
    """
    log, running, started = [], [], 0
    while True:
        while len(running) < workers and started < jobs:
            if (trial := scheduler.suggest()) is None:
                break
            assert trial.trial_id not in {other.trial_id for other in running}
            running.append(trial)
            started += 1
            log.append(("suggest", trial))
        if not running:
            return log
        trial = running.pop(int(rng.integers(len(running))))
        error = random_error(rng, failures)
        scheduler.update(trial, error, {"extra": 1})
        log.append(("report", trial, error))


def jobs_of(log):
    """The suggested jobs: (trial id, from epoch, up to epoch)."""
    return [(entry[1].trial_id, entry[1].epoch, entry[1].max_epochs) for entry in log
            if entry[0] == "suggest"]


def ask(scheduler, n):
    """The next n suggestions, which must not be None."""
    trials = [scheduler.suggest() for _ in range(n)]
    assert None not in trials
    return trials


def ids(trials):
    """The ids of trials, None where there is no trial."""
    return [trial and trial.trial_id for trial in trials]
