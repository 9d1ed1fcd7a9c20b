"""Learning curves, and a scheduler, that follow a script."""
from scripted_trials import Listed

from d2l_hpo import BasicScheduler, HPOScheduler, Trial


class Curves:
    """Configuration x has the x-th pair of curves: errors, and elapsed seconds."""

    def __init__(self, *pairs):
        self.pairs = pairs

    def curve(self, config):
        return self.pairs[config["x"]]


def lasting(*seconds):
    """Curves of one epoch with these durations; the error of configuration x is x."""
    return Curves(*(([float(x)], [duration]) for x, duration in enumerate(seconds)))


def basic(n):
    """A scheduler that runs x = 0, 1, ..., n - 1 once each."""
    return BasicScheduler(Listed(n))


class Scripted(HPOScheduler):
    """Suggests a list of trials (or None) and keeps a log of all calls."""

    def __init__(self, *suggestions):
        self.suggestions = list(suggestions)
        self.log = []

    def suggest(self):
        trial = self.suggestions.pop(0) if self.suggestions else None
        self.log.append("none" if trial is None else f"suggest {trial.trial_id}")
        return trial

    def update(self, trial, error, info=None):
        self.log.append(f"update {trial.trial_id}")


def trial(x, max_epochs=None, epoch=0):
    """Trial x of configuration x."""
    return Trial(x, {"x": x}, max_epochs, epoch)


def columns(records, *names):
    """The rows of some columns, as tuples."""
    return list(records[list(names)].itertuples(index=False, name=None))
