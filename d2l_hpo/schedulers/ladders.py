"""Ladders of rungs that never close: a report is ranked at once, among those that are there."""
import math
from collections import deque
from heapq import heappop, heappush

import numpy as np
from sortedcontainers import SortedList

from d2l_hpo.schedulers.hyperband import hyperband_brackets
from d2l_hpo.schedulers.rungs import MultiFidelityScheduler
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.tools.arguments import check_int, finite_or_nan


class Rung:
    """The reports at one epoch: all of them in order, and those not promoted yet.

    A sorted list keeps the order at a cost that grows with the logarithm of the number of reports,
    and a heap has the best of those that wait on top.
    """

    def __init__(self) -> None:
        self.ranking = SortedList()  # (error, arrival, trial); a failure's error is infinite
        self.waiting: list[tuple] = []  # a heap of the same tuples
        self.settled = True  # no promotion is possible before the next report

    def add(self, error: float, trial: Trial) -> None:
        """Note a trial's error (nan: it failed)."""
        report = (error if math.isfinite(error) else math.inf, len(self.ranking), trial)
        self.ranking.add(report)
        heappush(self.waiting, report)
        self.settled = False

    def promote(self, eta: int) -> Trial | None:
        """Take the best waiting trial if it is among the best floor(n / eta) of all; else None."""
        if self.settled:
            return None
        quota = len(self.ranking) // eta
        if self.waiting and self.waiting[0][0] < math.inf:
            if self.ranking.bisect_left(self.waiting[0]) < quota:
                return heappop(self.waiting)[-1]
        self.settled = True
        return None

    def survives(self, error: float, eta: int) -> bool:
        """Say whether at most 1/eta of all reports, this error's included, are better than it."""
        better = self.ranking.bisect_left((error, -1))
        return math.isfinite(error) and better * eta <= len(self.ranking)


class LadderScheduler(MultiFidelityScheduler):
    """Puts each new trial on a ladder of rungs, one of `brackets`, and reports on its rungs.

    A subclass defines `suggest`, which starts trials on `draw_ladder()`, and `update`, which calls
    `note`. Ladders are drawn in proportion to the sizes of Hyperband's brackets.
    """

    def __init__(self, searcher: HPOSearcher, eta: int, r_min: int, r_max: int,
                 mode: str = "promotion", brackets: int = 1, seed: int = 0):
        super().__init__(searcher, eta, r_min, r_max)
        if mode not in ("promotion", "stopping"):
            raise ValueError(f"mode is {mode!r}, expected 'promotion' or 'stopping'")
        if check_int("brackets", brackets) > len(self.rungs):
            raise ValueError(f"brackets is {brackets}, but there are {len(self.rungs)} rungs; "
                             "give at most that")
        self.mode, self.brackets = mode, int(brackets)
        self.bracket_seed = check_int("seed", seed, 0)
        self.rng = np.random.default_rng(self.bracket_seed)
        sizes = [n for n, _ in hyperband_brackets(self.rungs, self.eta)[:brackets]]
        self.shares = np.cumsum(sizes) / sum(sizes)  # of new trials, up to each bracket
        self.boards: list[dict] = [{epoch: Rung() for epoch in self.rungs[s:-1]}
                                   for s in range(brackets)]
        self.survivors: deque[Trial] = deque()
        """Trials that go on and wait for a worker, where a trial that reports goes on at once."""

    def last_epoch(self, trial: Trial) -> int | None:
        """Return the last rung by stopping, since a trial that goes on does so at once.

        By promotion it is the trial's next rung: there it pauses, and its worker takes another.
        """
        return trial.max_epochs if self.mode == "promotion" else self.r_max

    def report(self, trial: Trial, error: float, epoch: int, info: dict | None = None) -> bool:
        """Put a running trial on the rungs up to `epoch`, until it is stopped; say if it goes on.

        A rung takes the first report at its epoch or later. The decisions are those of `update` and
        `suggest` for a trial that pauses on each rung and goes on at once.
        """
        if self.mode == "promotion":
            return True
        name = trial.trial_id
        while name in self.running:
            level = self.reports[name]
            rung = self.plans[name][level]
            if math.isfinite(error) and epoch < rung:
                break
            begin = self.plans[name][level - 1] if level else 0
            self.update(Trial(name, trial.config, rung, begin), error, info)
            if self.survivors and self.survivors[-1].trial_id == name:
                self.resume(self.survivors.pop())
        return name in self.running

    def draw_ladder(self) -> list[int]:
        """Return the rungs of a new trial."""
        bracket = int(self.shares.searchsorted(self.rng.random(), side="right"))
        return self.rungs[bracket:]

    def highest_first(self) -> list[Rung]:
        """Return the rungs that a trial can leave, of all ladders, the highest first."""
        return [board[epoch] for epoch in reversed(self.rungs[:-1]) for board in self.boards
                if epoch in board]

    def note(self, trial: Trial, error: float, info: dict | None) -> Rung | None:
        """Put a report on its rung and return that; None if nothing follows from the report."""
        error = finite_or_nan(error)
        if not self.accept(trial, error, info) or trial.max_epochs == self.r_max:
            return None
        board = self.boards[len(self.rungs) - len(self.plans[trial.trial_id])]
        rung = board[trial.max_epochs]
        rung.add(error, trial)
        return rung
