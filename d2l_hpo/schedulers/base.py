"""What the engine asks of a scheduler, beside which trial runs next and how far."""
from typing import TYPE_CHECKING, Any

from d2l_hpo.searchers.base import SearcherBase
from d2l_hpo.spaces.space import describe_space
from d2l_hpo.tools.copies import copied

if TYPE_CHECKING:
    from d2l_hpo.schedulers.scheduler import Trial
    from d2l_hpo.searchers.searcher import HPOSearcher


def is_trial(value: Any) -> bool:
    """Say whether a value is a trial: of the class `Trial`, or of one with its fields."""
    return all(hasattr(value, name)
               for name in ("trial_id", "config", "max_epochs", "epoch", "source"))


def check_suggested(trial_id: int, number_of_trials: int) -> None:
    """Raise ValueError for a trial that is none of the first `number_of_trials`."""
    if not 0 <= trial_id < number_of_trials:
        raise ValueError(f"a report for trial {trial_id}, which was never suggested; report the "
                         "trials that suggest returned")


class SchedulerBase:
    """Hooks with defaults that suit a scheduler of one searcher, which it keeps as `searcher`."""

    searcher: "HPOSearcher"
    setting_names: tuple[str, ...] = ()
    """Attributes that, beside the searcher, make a search what it is."""
    needs_checkpoints = False
    """Whether trials begin with the checkpoints of others."""
    needs_reports = False
    """Whether it decides on reports from inside the objective only."""
    over: list[int]
    """Ids of the trials that, since the last call of `ended`, were found never to go on."""

    def describe(self) -> dict[str, Any]:
        """Return the class, space, seed and settings as plain values: what a repetition needs."""
        if not isinstance(getattr(self, "searcher", None), SearcherBase):
            raise NotImplementedError(f"{type(self).__name__} must define describe")
        return describe_search(self, **self.own_settings())

    def own_settings(self) -> dict[str, Any]:
        """Return the values of `setting_names`; a function goes by its name."""
        values = {name: getattr(self, name) for name in self.setting_names}
        return {name: getattr(value, "__name__", value) for name, value in values.items()}

    def ended(self) -> list[int]:
        """Return the ids of trials that, since the last call, were found never to go on.

        Their checkpoints are removed, so no later suggestion may have them as its source.
        """
        over, self.over = list(getattr(self, "over", [])), []
        return over

    def check_report(self, error: float, info: dict[str, Any]) -> None:
        """Raise ValueError or TypeError where a success lacks a number that the searcher needs."""
        if isinstance(searcher := getattr(self, "searcher", None), SearcherBase):
            searcher.check_report(error, info)

    def is_first_report(self, trial: "Trial", number_of_trials: int) -> bool:
        """Say whether a trial reports from its `max_epochs` for the first time, and note that.

        ValueError for a trial that is none of the first `number_of_trials`.
        """
        check_suggested(trial.trial_id, number_of_trials)
        known, report = self.__dict__.setdefault("known_reports", set()), trial.max_epochs
        is_first = (trial.trial_id, report) not in known
        known.add((trial.trial_id, report))
        return is_first

    def last_epoch(self, trial: "Trial") -> int | None:
        """Return up to which epoch one call of an objective that reports may train a trial.

        None: the objective decides. By default it is the trial's `max_epochs`.
        """
        return trial.max_epochs

    def report(self, trial: "Trial", error: float, epoch: int,
               info: dict[str, Any] | None = None) -> bool:
        """Learn a running trial's error after `epoch`; say whether it goes on.

        An objective that takes `report` calls it in the middle of a trial, which `suggest` has
        returned and `update` will end. nan: the trial has failed. By default all go on.
        """
        return True

    def score(self, trial: "Trial", error: float, info: dict[str, Any]) -> float:
        """Return what is smallest for the best trial: its error; inf where it cannot be the best.

        Tuner, checkpoints, progress bar and report take this for the one meaning of *best*.
        """
        if isinstance(searcher := getattr(self, "searcher", None), SearcherBase):
            return searcher.score(copied(trial.config), error, copied(info))
        return error


def describe_search(scheduler: SchedulerBase, **settings: Any) -> dict[str, Any]:
    """Return a scheduler's class, the space and seed of its searcher, and the settings of both."""
    searcher = scheduler.searcher
    return {"class": type(scheduler).__name__, "space": describe_space(searcher.config_space),
            "seed": searcher.seed, "settings": {**searcher.settings(), **settings}}
