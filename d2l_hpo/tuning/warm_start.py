"""Trials of another search that inform a new one."""
import math
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import check_configuration
from d2l_hpo.tools.arguments import finite_or_nan, is_number
from d2l_hpo.tools.copies import copied
from d2l_hpo.tools.words import count
from d2l_hpo.tuning.known import Known, inform
from d2l_hpo.tuning.outcomes import objective_name

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner


def learn_known(tuner: "HPOTuner") -> None:
    """Let a search learn the trials of its `warm_start`, once; the journal keeps them."""
    if tuner.warm_start is None or tuner.books.is_informed:
        return
    source = opened(tuner.warm_start)
    known = read_known(source)
    found, reasons = fitting(tuner, known)
    tuner.log("known", trials=[trial._asdict() for trial in found])
    inform(tuner, found)
    searcher = tuner.scheduler.searcher
    if not found:
        reasons.append("no trial is left")
    elif type(searcher).update is HPOSearcher.update:
        reasons.append(f"{type(searcher).__name__} does not learn from trials")
    before, now = objective_of(source), objective_of(tuner)
    if before not in (None, now):
        reasons.append(f"they are of the objective {before!r}, this search is of {now!r}")
    if reasons:
        warnings.warn(f"warm_start: {len(found)} of {count(len(known), 'result')} can be used. "
                      f"{'; '.join(reasons)}", stacklevel=3)


def fitting(tuner: "HPOTuner", known: list[Known]) -> tuple[list[Known], list[str]]:
    """Return what fits the space and the searcher, and why how many of the others do not.

    Hyperparameters that the space lacks are left out. ValueError without a searcher.
    """
    searcher = getattr(tuner.scheduler, "searcher", None)
    if searcher is None:
        raise ValueError("warm_start needs a scheduler with a searcher, which is to learn")
    found: list[Known] = []
    lacking: Counter = Counter()
    unfit: dict[str, list[str]] = {}
    for trial in known:
        space = searcher.config_space
        lacking.update(sorted(set(trial.config) - set(space)))
        config = {name: value for name, value in trial.config.items() if name in space}
        try:
            config = check_configuration(space, config)
            if math.isfinite(trial.error):
                tuner.scheduler.check_report(trial.error, copied(trial.info))
        except (TypeError, ValueError) as error:
            unfit.setdefault(kind_of(str(error)), []).append(str(error))
        else:
            found.append(trial._replace(config=config))
    reasons = [f"the space lacks {name!r}, which was left out of {n}"
               for name, n in lacking.items()]
    reasons += [f"{len(errors)} cannot, the first one since {errors[0]}"
                for errors in unfit.values()]
    if any(kind.startswith("hyperparameter") and kind.endswith("missing") for kind in unfit):
        reasons.append("give a hyperparameter that the other search lacked to its configurations, "
                       "with the value that it had then")
    return found, reasons


def kind_of(reason: str) -> str:
    """Return what reasons have in common that differ in the value which does not fit only."""
    name = re.match(r".*?'[^']*'", reason)
    return reason if name is None else name[0] + ("missing" if "is missing" in reason else "")


def opened(source: Any) -> Any:
    """Return what the journal at a path holds, and anything else as it is; the file is only read.
    """
    if isinstance(source, str | os.PathLike):
        from d2l_hpo.tuning.reading import read_journal  # it loads locks of files
        return read_journal(source)
    return source


def objective_of(source: Any) -> str | None:
    """Return the name of the objective of a tuner or a journal, None where it is not known."""
    objective = getattr(source, "objective", None)
    return objective_name(objective) if callable(objective) else objective


def read_known(source: Any) -> list[Known]:
    """Return the results of a search: its tuner, its records or rows, or its journal.

    A journal is a path, or what `read_journal` returned; the file is only read. TypeError for
    anything else, ValueError for a row without a configuration or an error.
    """
    source = opened(source)
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
    info = copied(info) if isinstance(info, Mapping) else {}
    return Known(copied(row["config"]), number, epoch, info)
