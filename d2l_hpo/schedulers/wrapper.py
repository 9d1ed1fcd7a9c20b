"""A scheduler around another one."""
from typing import Any

from d2l_hpo.schedulers.base import SchedulerBase
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial


def check_scheduler(scheduler: Any) -> Any:
    """Return the scheduler; TypeError if it is something else."""
    if not isinstance(scheduler, SchedulerBase):
        raise TypeError(f"scheduler is {scheduler!r}, expected a scheduler such as "
                        "BasicScheduler(searcher)")
    return scheduler


class SchedulerWrapper(HPOScheduler):
    """Passes everything on to the `scheduler` inside; a subclass changes what it is there for."""

    def __init__(self, scheduler: HPOScheduler) -> None:
        self.scheduler: HPOScheduler = check_scheduler(scheduler)
        self.needs_checkpoints = scheduler.needs_checkpoints
        self.needs_reports = scheduler.needs_reports
        if hasattr(scheduler, "searcher"):
            self.searcher = scheduler.searcher

    def suggest(self) -> Trial | None:
        """Return the next trial of the scheduler inside."""
        return self.scheduler.suggest()

    def update(self, trial: Trial, error: float, info: dict[str, Any] | None = None) -> None:
        """Report to the scheduler inside."""
        self.scheduler.update(trial, error, info)

    def ended(self) -> list[int]:
        """Return which trials of the scheduler inside never go on."""
        return self.scheduler.ended()

    def check_report(self, error: float, info: dict[str, Any]) -> None:
        """Raise ValueError or TypeError where the scheduler inside lacks a number."""
        self.scheduler.check_report(error, info)

    def last_epoch(self, trial: Trial) -> int | None:
        """Return up to which epoch the scheduler inside lets one call train."""
        return self.scheduler.last_epoch(trial)

    def report(self, trial: Trial, error: float, epoch: int,
               info: dict[str, Any] | None = None) -> bool:
        """Pass a running trial's report on to the scheduler inside, and back what it decides."""
        return self.scheduler.report(trial, error, epoch, info)

    def score(self, trial: Trial, error: float, info: dict[str, Any]) -> float:
        """Return what a trial counts for the scheduler inside."""
        return self.scheduler.score(trial, error, info)

    def describe(self) -> dict[str, Any]:
        """Return the description of the scheduler inside, and this one's settings around it."""
        inner = self.scheduler.describe()
        return {**inner, "class": type(self).__name__,
                "settings": {**self.own_settings(), "scheduler": inner}}
