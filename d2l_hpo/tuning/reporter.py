"""What an objective is given as `report`: in the tuner's process, or in one of its workers."""
import math
import numbers
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from d2l_hpo.tools.arguments import is_number


class TrialStopped(BaseException):
    """Ends a trial that was told to stop and reports once more.

    It is no `Exception`, so that an objective that survives errors of its own does not survive it.
    """


class Report(NamedTuple):
    """What an objective has said: its error after `epoch`, and further numbers."""

    error: float
    epoch: int
    info: dict[str, Any]


class Reporter:
    """Checks the reports of one call of an objective, sends them, and returns the decision.

    `send` takes a `Report` and says whether the trial goes on; `last_epoch` is the largest epoch
    that may be reported, None: any.
    """

    def __init__(self, send: Callable[[Report], bool], last_epoch: int | None) -> None:
        self.send, self.last_epoch = send, last_epoch
        self.home = os.getpid(), threading.get_ident()
        self.has_ended = self.is_stopped = False

    def __call__(self, error: float, epoch: int, **info: float) -> bool:
        """Report the error after an epoch, and further numbers; return whether to go on."""
        if (os.getpid(), threading.get_ident()) != self.home:
            raise RuntimeError("report was called in another thread or process than the objective; "
                               "call it where the tuner called the objective")
        if self.has_ended:
            raise RuntimeError("report was called after its trial had ended; call it before the "
                               "objective returns")
        if self.is_stopped:
            raise TrialStopped("report said that the trial is over, and it has gone on")
        go_on = self.send(checked(error, epoch, info, self.last_epoch))
        self.is_stopped = not go_on
        return go_on

    def __reduce__(self) -> tuple:
        raise TypeError("report cannot be sent to another process; call it where the tuner called "
                        "the objective")


def checked(error: Any, epoch: Any, info: dict[str, Any], last_epoch: int | None) -> Report:
    """Return a report of plain numbers; TypeError or ValueError names what is none, or too large.
    """
    if not is_number(error):
        raise TypeError(f"report: error is {error!r}, expected a number")
    if not isinstance(epoch, numbers.Integral) or isinstance(epoch, bool):
        raise TypeError(f"report: epoch is {epoch!r}, expected an integer")
    limit = math.inf if last_epoch is None else last_epoch
    if not 1 <= int(epoch) <= limit:
        raise ValueError(f"report: epoch is {epoch}, expected an epoch from 1"
                         f"{'' if last_epoch is None else f' to max_epochs, {last_epoch}'}; count "
                         "the epochs that are done")
    return Report(float(error), int(epoch), {name: plain_number(name, value)
                                             for name, value in info.items()})


def plain_number(name: str, value: Any) -> float:
    """Return a further number of a report as Python's; TypeError if it is none."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if not is_number(value):
        raise TypeError(f"report: {name} is {value!r}, expected a number; return other results")
    return float(value)
