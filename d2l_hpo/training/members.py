"""The trainings of a batch: those of one shape go together, and who fails goes alone."""
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from d2l_hpo.training.base import reproducible
from d2l_hpo.training.stacks import Stack
from d2l_hpo.training.trainer import HPOTrainer


class Member:
    """One of the trainings of a batch: its trainer, and why it failed, if it has."""

    trainer: HPOTrainer
    failure: Exception | SystemExit | None = None

    def attempt(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function for this member alone: what it raises is this member's failure."""
        try:
            return function(*arguments)
        except (Exception, SystemExit) as failure:
            self.failure = failure
            return None

    @property
    def goes_on(self) -> bool:
        """Whether it has an epoch to train."""
        return self.failure is None and self.trainer.goes_on


def train_together(members: Sequence[Member], warns: bool = True) -> None:
    """Train members of one shape until each has come to its end.

    Who diverges or fails leaves the others. Where the program of several fails as a whole, its two
    halves are trained one after the other, from the last epoch that is done: so what only one
    training cannot do, or a lack of memory, does not end all of them. It `warns` of the first such
    failure.
    """
    while going := [member for member in members if member.goes_on]:
        if len(going) == 1:
            going[0].attempt(going[0].trainer.train)
        elif reason := why_failed(going):
            if warns:
                warnings.warn(f"{len(going)} networks could not be trained in one program, and are "
                              f"trained in two halves ({reason})", stacklevel=2)
            middle, warns = len(going) // 2, False
            train_together(going[:middle], warns)
            train_together(going[middle:], warns)


def why_failed(members: Sequence[Member]) -> str:
    """Train several members until one of them has come to its end; return what stopped them all.

    It is a text, empty where nothing did: an exception would keep the stack in memory.
    """
    try:
        with reproducible(seed=0):  # one thread; the members' own seeds choose all random numbers
            stack = Stack([member.trainer for member in members])
            while all(member.goes_on for member in members):
                stack.fit_epoch()
                for member in members:
                    if member.trainer.checkpoint is not None:
                        member.attempt(member.trainer.save_checkpoint)
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    return ""
