"""Which trial of which bracket a free worker gets, while several brackets are open."""
import math
from collections import deque
from dataclasses import dataclass, field
from operator import itemgetter

from d2l_hpo.schedulers.rungs import MultiFidelityScheduler
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.tools.arguments import check_int, finite_or_nan


@dataclass(eq=False)
class Bracket:
    """Trials that climb the same rungs, and where they stand on the present one."""

    vacancies: int
    """Places of the first rung that no trial has taken yet."""
    rungs: list[int]
    running: int = 0
    finished: list[tuple[float, Trial]] = field(default_factory=list)
    """Errors and trials of the present rung, in the order of reports; nan: it failed."""
    promoted: deque[Trial] = field(default_factory=deque)
    """Trials that go on and wait for a worker."""


class BracketScheduler(MultiFidelityScheduler):
    """Runs brackets whose rungs wait for all their trials; meanwhile the next bracket begins.

    A subclass defines `brackets`, those of a round, and `winners`, who goes on when a rung is
    complete. Rounds follow one another `rounds` times, or without end. At most `open_brackets`
    run at a time (None: any number).
    """

    def __init__(self, searcher: HPOSearcher, eta: int, r_min: int, r_max: int,
                 rounds: int | None = None, open_brackets: int | None = None):
        super().__init__(searcher, eta, r_min, r_max)
        self.rounds = None if rounds is None else check_int("rounds", rounds)
        self.open_brackets = (None if open_brackets is None
                              else check_int("open_brackets", open_brackets))
        self.rounds_begun, self.exhausted = 0, False
        self.upcoming: deque = deque()  # brackets of this round: number of trials, rungs
        self.open: list[Bracket] = []  # the oldest first
        self.places: dict[int, Bracket] = {}  # of each trial that is running

    def brackets(self) -> list[tuple[int, list[int]]]:
        """Return the brackets of a round: for each the number of trials, and the rungs."""
        raise NotImplementedError(f"{type(self).__name__} must define brackets")

    def winners(self, reports: list[tuple[float, Trial]]) -> list[Trial]:
        """Return who goes on, the first one first, of the errors and trials on a complete rung.

        The error of a trial that failed is nan.
        """
        raise NotImplementedError(f"{type(self).__name__} must define winners")

    def suggest(self) -> Trial | None:
        """Return a trial of the oldest bracket that has one; None while all wait, and at the end.
        """
        while True:
            for bracket in self.open:
                if trial := self.next_trial(bracket):
                    bracket.running += 1
                    self.places[trial.trial_id] = bracket
                    return trial
            self.open = [bracket for bracket in self.open if bracket.running]
            if len(self.open) == self.open_brackets or not self.begin_bracket():
                return None

    def next_trial(self, bracket: Bracket) -> Trial | None:
        """Return a new or a promoted trial; None while the rung waits, and at the bracket's end."""
        if bracket.vacancies:
            if trial := self.start(bracket.rungs):
                bracket.vacancies -= 1
                return trial
            bracket.vacancies, self.exhausted = 0, True
        if not bracket.promoted and not bracket.running:
            self.promote(bracket)
        return self.resume(bracket.promoted.popleft()) if bracket.promoted else None

    def update(self, trial: Trial, error: float, info: dict | None = None) -> None:
        """Note the error that a trial has on its rung; one that is not finite is a failure."""
        error = finite_or_nan(error)
        if self.accept(trial, error, info):
            bracket = self.places.pop(trial.trial_id)
            bracket.running -= 1
            if trial.max_epochs != self.r_max:
                bracket.finished.append((error, trial))

    def promote(self, bracket: Bracket) -> None:
        """Close the bracket's rung: the winners go on, and the others never do."""
        winners = self.winners(bracket.finished)
        bracket.promoted.extend(winners)
        valid = [report for report in bracket.finished if math.isfinite(report[0])]
        promoted = {trial.trial_id for trial in winners}
        self.over.extend(trial.trial_id for _, trial in sorted(valid, key=itemgetter(0))
                         if trial.trial_id not in promoted)
        bracket.finished = []

    def begin_bracket(self) -> bool:
        """Open the next bracket of this round or the next round; False if that was the last."""
        if self.exhausted or not self.upcoming and self.rounds_begun == self.rounds:
            return False
        if not self.upcoming:
            self.rounds_begun += 1
            self.upcoming.extend(self.brackets())
        self.open.append(Bracket(*self.upcoming.popleft()))
        return True
