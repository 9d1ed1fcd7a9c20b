"""Population based training: trials that go on from the checkpoints of others."""

import math
from collections import deque
from dataclasses import replace

import numpy as np

from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.searchers.base import check_searcher
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.moves import perturb
from d2l_hpo.tools.arguments import check_between, check_int, finite_or_nan
from d2l_hpo.tools.copies import copied


class PBTScheduler(HPOScheduler):
    """Trains a population in generations of `step` epochs (Jaderberg et al., 2017; synchronous).

    After each, the worst `fraction` and all that failed go on from the checkpoint of one of the
    best `fraction`, with its configuration perturbed by `width` and `resample`.

    Arguments:

    - `searcher`: it gives the configurations of the first generation; TypeError for no searcher.
    - `max_epochs`: epochs of a member's whole training, at least 1.
    - `step`: epochs of a generation, at least 1. The last one is shorter where they do not fit.
    - `population_size`: how many members there are, at least 2; fewer if the searcher has fewer.
    - `fraction`: from 0 to 0.5. Of n members ceil(fraction n) are replaced, at most half of them.
    - `width`: from 0 to 1; how far a hyperparameter moves up or down on its axis of the unit cube.
    - `resample`: from 0 to 1; the probability that it is drawn anew instead.
    - `seed`: of choices and moves, an integer of at least 0; the searcher has its own.

    ValueError for other values, and when the search begins if the searcher has fewer than two
    configurations. Each member of a generation is a new trial that begins with the checkpoint of
    another: a survivor with its own former one, a loser with a better one. A checkpoint never
    changes after its trial has reported, so that the copy is the same whenever it is made, in
    another order of reports or once more after a crash. So the tuner needs a `checkpoint_dir`, and
    the objective an argument `checkpoint` from which it goes on. `lineage(trial_id)` returns the
    trials whose configurations, one after the other, are the schedule that a trial was trained with
    (equation `eq_schedule` of the section on populations).

    >>> searcher = RandomSearcher({"x": stats.uniform(0, 1)})
    >>> scheduler = PBTScheduler(searcher, max_epochs=2, step=1, population_size=2, fraction=0.5)
    >>> while trial := scheduler.suggest():
    ...     print(trial.trial_id, trial.epoch, trial.max_epochs, trial.source)
    ...     scheduler.update(trial, error=0.1 + trial.trial_id)
    0 0 1 None
    1 0 1 None
    2 1 2 0
    3 1 2 0
    >>> [trial.trial_id for trial in scheduler.lineage(3)]
    [0, 3]
    """
    needs_checkpoints = True
    setting_names = ("max_epochs", "step", "population_size", "fraction", "width", "resample",
                     "seed")

    def __init__(self, searcher: HPOSearcher, max_epochs: int, step: int = 1,
                 population_size: int = 8, fraction: float = 0.25, width: float = 0.1,
                 resample: float = 0.25, seed: int = 0):
        self.searcher, self.seed = check_searcher(searcher), check_int("seed", seed, 0)
        self.max_epochs, self.step = check_int("max_epochs", max_epochs), check_int("step", step)
        self.population_size = check_int("population_size", population_size, 2)
        self.fraction = check_between("fraction", fraction, 0, 0.5)
        self.width = check_between("width", width, 0, 1)
        self.resample = check_between("resample", resample, 0, 1)
        self.rng = np.random.default_rng(self.seed)
        self.trials, self.generation = list[Trial](), list[Trial]()  # all of them, by trial_id
        self.errors: dict[int, float] = {}  # of those that have reported; infinite for failures
        self.waiting, self.running = deque[Trial](), set[int]()
        self.kept: list[int] = []  # trials whose checkpoints may be needed
        self.over = []  # trials that are done with

    def suggest(self) -> Trial | None:
        """Return the generation's next trial; None while its last ones run, and at the end."""
        if not self.waiting and not self.running:
            self.begin_generation(self.breed() if self.trials else self.first_population())
        if not self.waiting:
            return None
        trial = self.waiting.popleft()
        self.running.add(trial.trial_id)
        return _shown(trial)

    def first_population(self) -> list[tuple[dict, Trial | None]]:
        """Return the searcher's configurations, without sources; ValueError if it has only one."""
        drawn = [self.searcher.sample_configuration() for _ in range(self.population_size)]
        members: list = [(config, None) for config in drawn if config is not None]
        if len(members) < 2:
            raise ValueError(f"the searcher has {len(members)} configurations, but a population "
                             "needs at least 2; give a searcher that has more")
        return members

    def breed(self) -> list[tuple[dict, Trial | None]]:
        """Return each member's next configuration and the trial it goes on from; [] at the end."""
        ranked = sorted(self.generation, key=lambda trial: self.errors[trial.trial_id])
        sound = [trial for trial in ranked if math.isfinite(self.errors[trial.trial_id])]
        if not sound or sound[0].max_epochs == self.max_epochs:
            return []
        replaced = min(math.ceil(self.fraction * len(ranked)), len(ranked) // 2)
        worst = {trial.trial_id for trial in ranked[min(len(sound), len(ranked) - replaced):]}
        best = sound[:max(replaced, 1)]
        members: list = []
        for trial in self.generation:
            source = best[self.rng.integers(len(best))] if trial.trial_id in worst else trial
            config = source.config if source is trial else perturb(
                self.searcher.config_space, source.config, self.rng, self.width, self.resample)
            members.append((config, source))
        return members

    def begin_generation(self, members: list[tuple[dict, Trial | None]]) -> None:
        """Make a generation's trials from pairs of a configuration and its weights' source.

        Sources' checkpoints are needed until all copies have reported. At the end, without members,
        the last generation's stay.
        """
        needed = ({source.trial_id for _, source in members if source is not None} if members
                  else {trial.trial_id for trial in self.generation})
        self.over.extend(number for number in self.kept if number not in needed)
        self.kept = sorted(needed)
        self.generation = [] if members else self.generation
        for config, source in members:
            begin, name = (0, None) if source is None else (source.max_epochs or 0, source.trial_id)
            trial = Trial(len(self.trials), copied(config), min(begin + self.step, self.max_epochs),
                          begin, name)
            self.trials.append(trial)
            self.generation.append(trial)
            self.waiting.append(trial)
            self.kept.append(trial.trial_id)

    def update(self, trial: Trial, error: float, info: dict | None = None) -> None:
        """Note a trial's error, once; one that is not finite is a failure."""
        if trial.trial_id in self.errors:
            return
        if trial.trial_id not in self.running:
            raise ValueError(f"a report for trial {trial.trial_id}, which is not running; report "
                             "the trials that suggest returned")
        self.running.remove(trial.trial_id)
        self.errors[trial.trial_id] = error if math.isfinite(error) else math.inf
        self.searcher.update(trial.config, finite_or_nan(error), trial.max_epochs, info)

    def lineage(self, trial_id: int) -> list[Trial]:
        """Return the trials, the oldest first, through which the weights of a trial have come."""
        trials = [self.trials[trial_id]]
        while trials[-1].source is not None:
            trials.append(self.trials[trials[-1].source])
        return [_shown(trial) for trial in reversed(trials)]


def _shown(trial: Trial) -> Trial:
    """Return a copy of a trial, which may be changed."""
    return replace(trial, config=copied(trial.config))
