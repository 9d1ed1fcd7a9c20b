"""Trials of another search that inform a new one."""
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import check_configuration
from d2l_hpo.tools.arguments import finite_or_nan, is_number

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


class Known(NamedTuple):
    """What another search has found: a configuration's error after `epoch` (nan: it failed)."""

    config: dict[str, Any]
    error: float
    epoch: int | None
    info: dict[str, Any]


def learn_known(tuner: "HPOTuner") -> None:
    """Let a search learn the trials of its `warm_start`, once; the journal keeps them."""
    if tuner.warm_start is None or tuner.books.is_informed:
        return
    known, reasons = fitting(tuner, read_known(tuner.warm_start))
    tuner.log("known", trials=[trial._asdict() for trial in known])
    inform(tuner, known)
    if not known:
        reasons["no trial is left"] += 1
    elif type(tuner.scheduler.searcher).update is HPOSearcher.update:
        reasons[f"{type(tuner.scheduler.searcher).__name__} does not learn from trials"] += 1
    if reasons:
        text = "; ".join(f"{reason} ({n} trials)" if n > 1 else reason
                         for reason, n in reasons.items())
        warnings.warn(f"warm_start: {len(known)} results were learned. {text}", stacklevel=3)


def inform(tuner: "HPOTuner", known: Iterable[Known]) -> None:
    """Tell the searcher, live or replayed."""
    tuner.books.is_informed = True
    for config, error, epoch, info in known:
        tuner.scheduler.searcher.update(config, error, epoch, info)


def fitting(tuner: "HPOTuner", known: list[Known]) -> tuple[list[Known], Counter]:
    """Return what fits the space and the searcher, and why how many of the others do not.

    Hyperparameters that the space lacks are left out. ValueError without a searcher.
    """
    searcher = getattr(tuner.scheduler, "searcher", None)
    if searcher is None:
        raise ValueError("warm_start needs a scheduler with a searcher, which is to learn")
    found: list[Known] = []
    reasons: Counter = Counter()
    for trial in known:
        space = searcher.config_space
        for name in sorted(set(trial.config) - set(space)):
            reasons[f"the space lacks {name!r}, which was left out"] += 1
        config = {name: value for name, value in trial.config.items() if name in space}
        try:
            config = check_configuration(space, config)
            if math.isfinite(trial.error):
                tuner.scheduler.check_report(trial.error, trial.info)
        except (TypeError, ValueError) as error:
            reasons[f"not used: {error}"] += 1
        else:
            found.append(trial._replace(config=config))
    return found, reasons


def read_known(source: Any) -> list[Known]:
    """Return the results of a search: its tuner, its records or rows, or the path of its journal.

    TypeError for anything else, ValueError for a row without a configuration or an error.
    """
    if isinstance(source, str | os.PathLike):
        return read_journal_results(Path(source))
    if hasattr(source, "to_dict"):  # a DataFrame
        source = source.to_dict("records")
    rows = getattr(source, "rows", source)
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise TypeError(f"warm_start is {source!r}, expected records, rows, a tuner, or the path "
                        "of a journal")
    return [known_row(row, f"warm_start, row {number}") for number, row in enumerate(rows)]


def known_row(row: Any, place: str) -> Known:
    """Return what a row of records says; ValueError if it has no configuration or error."""
    row = row._asdict() if hasattr(row, "_asdict") else row
    if not isinstance(row, Mapping) or not isinstance(row.get("config"), Mapping):
        raise ValueError(f"{place}: {row!r} has no 'config', expected a dictionary with the keys "
                         "config, error and, where they are known, max_epochs and info")
    error: Any = row.get("error")
    epoch: Any = row.get("max_epochs")
    info: Any = row.get("info")
    if not is_number(error):
        raise ValueError(f"{place}: error is {error!r}, expected a number, nan for a failure")
    number = finite_or_nan(float(error))
    epoch = int(epoch) if is_number(epoch) and math.isfinite(epoch) else None
    info = dict(info) if isinstance(info, Mapping) else {}
    return Known(dict(row["config"]), number, epoch, info)


def read_journal_results(path: Path) -> list[Known]:
    """Return the results that a journal holds, also of a search that is still running.

    The file is only read; a torn last line is passed over.
    """
    from d2l_hpo.tuning.journal import parse  # it loads locks of files
    trials: dict[int, dict[str, Any]] = {}
    found = []
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        event = parse(line, f"{path}, line {number}", "search" if number == 1 else None)
        kind = event["event"]
        if kind == "suggested" and event["trial"] is not None:
            trials[event["trial"]["trial_id"]] = event["trial"]
        elif kind in ("reported", "finished", "failed") and not event.get("retry"):
            trial = trials[event["trial_id"]]
            epoch = event.get("reached", event.get("last_epoch", trial["max_epochs"]))
            found.append(known_row({"config": trial["config"], "error": event.get(
                "error", math.nan), "max_epochs": epoch, "info": event["info"]}, str(path)))
    return found
