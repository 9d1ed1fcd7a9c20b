"""What a search knows of another one, live or from its journal."""
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


class Known(NamedTuple):
    """What another search has found: a configuration's error after `epoch` (nan: it failed)."""

    config: dict[str, Any]
    error: float
    epoch: int | None
    info: dict[str, Any]


def inform(tuner: "HPOTuner", known: Iterable[Known]) -> None:
    """Tell the searcher, live or replayed."""
    tuner.books.is_informed = True
    for config, error, epoch, info in known:
        tuner.scheduler.searcher.update(config, error, epoch, info)
