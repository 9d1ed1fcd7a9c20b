"""Pictures of several objectives: the trials by each two of them, with the Pareto front."""
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from d2l_hpo.measures.fronts import quick_front
from d2l_hpo.measures.pareto import pareto_front
from d2l_hpo.pages.axes import number_axis
from d2l_hpo.pages.charts import NOWHERE, Chart, clipped, padded, point, steps
from d2l_hpo.pages.markup import number
from d2l_hpo.pages.pictures import kept_words
from d2l_hpo.pages.trials import SearchPicture, TrialRow
from d2l_hpo.tools.words import count


def fronts(picture: SearchPicture) -> list[str]:
    """Draw the trials by each two of the objectives, up to three; the front is marked."""
    return [_front(picture, first, second)
            for first, second in list(combinations(picture.view.objectives, 2))[:3]]


def objective_values(trial: TrialRow, names: Sequence[str]) -> list[float]:
    """Return the objectives of a trial, nan where it failed or a number is missing."""
    if trial.failed or not math.isfinite(trial.error):
        return [math.nan] * len(names)
    values = {**trial.numbers, "error": trial.error}
    return [values.get(name, math.nan) for name in names]


def front_rows(picture: SearchPicture) -> list[TrialRow]:
    """Return the trials of the Pareto front of all objectives, by the first one."""
    names = picture.view.objectives
    trials = [trial for trial in picture.trials if picture.may_be_best(trial)]
    points = np.array([objective_values(t, names) for t in trials]).reshape(-1, len(names))
    complete = np.flatnonzero(np.isfinite(points).all(axis=1))
    front = complete[quick_front(points[complete])] if len(complete) else complete
    return sorted((trials[i] for i in front.tolist()),
                  key=lambda trial: objective_values(trial, names))


def _front(picture: SearchPicture, first: str, second: str) -> str:
    values = [objective_values(trial, (first, second)) for trial in picture.shown]
    finite = [pair for pair in values if all(map(math.isfinite, pair))]
    axes = [padded(number_axis([pair[i] for pair in finite], ratio=100.0)) for i in (0, 1)]
    kept = [values[row] for row in kept_rows(picture) if all(map(math.isfinite, values[row]))]
    on_front = [kept[i] for i in pareto_front(np.array(kept).reshape(-1, 2)).tolist()]
    on_front.sort()
    if on_front:
        low, high = (f"{first} {number(x)} with {second} {number(y)}"
                     for x, y in (on_front[0], on_front[-1]))
        words = (f"{count(len(on_front), 'trial')} of {len(kept)}{kept_words(picture)} on the "
                 f"front of these two, from {low} to {high}.")
    else:
        words = f"no trial has both{' and keeps the limits' if picture.limits else ''}."
    chart = Chart(f"{second} against {first}: {words}", height=240)
    chart.x_axis(axes[0], first)
    chart.y_axis(axes[1], second)

    def place(pair: Sequence[float]) -> tuple[float, float]:
        return chart.x(clipped(axes[0], pair[0])), chart.y(clipped(axes[1], pair[1]))

    def dot(row: int) -> str:
        is_there = all(map(math.isfinite, values[row]))
        return point(*place(values[row])) if is_there else NOWHERE

    chart.path("".join(map(dot, picture.exceeding())), "dots exceeding", "exceeding")
    chart.path("".join(map(dot, kept_rows(picture))), "dots pale", "kept")
    if on_front:
        chart.path(steps([place(pair) for pair in on_front], place(on_front[-1])[0]), "curve thin")
        chart.path("".join(point(*place(pair)) for pair in on_front), "dots front")
    return chart.markup()


def kept_rows(picture: SearchPicture) -> list[int]:
    """Return the places of shown trials that do not exceed a limit."""
    exceeding = {*picture.exceeding()}
    return [i for i in range(len(picture.shown)) if i not in exceeding]
