"""Pictures over time: errors and the incumbent's, and what each worker did."""
import math
from collections.abc import Sequence

import numpy as np

from d2l_hpo.measures.records import Job
from d2l_hpo.pages.axes import NumberAxis
from d2l_hpo.pages.charts import BOTTOM, TOP, Chart, clipped, cross, padded, point, short, steps
from d2l_hpo.pages.markup import number, seconds
from d2l_hpo.pages.trials import SearchPicture, error_axis
from d2l_hpo.tools.words import count

NARROWEST = 0.5
"""Width of a bar, in pixels of a phone."""
UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))


def time_axis(end: float) -> tuple[NumberAxis, float, str]:
    """Return an axis from 0 to `end` seconds, the seconds of its unit, and the unit."""
    unit, size = next(((unit, size) for unit, size in UNITS if end >= 2 * size), ("s", 1.0))
    return NumberAxis(0.0, max(end / size, 1e-9)), size, unit


def any_time(picture: SearchPicture) -> str:
    """Draw the incumbent's error over time, with what each trial has reported last."""
    results, jobs = picture.view.results, picture.view.jobs
    x_axis, size, unit = time_axis(max((job.end for job in jobs), default=1.0))
    improvements = []
    best = math.inf
    for job, error in zip(jobs, results.incumbent_trajectory, strict=True):
        if error < best:
            best = error
            improvements.append((job.end, error))
    errors = np.array([*picture.errors, *(error for _, error in improvements)], float)
    axis, above = error_axis(errors)
    y_axis = padded(axis)
    chart = Chart(_any_time_words(picture, improvements), height=190)
    chart.x_axis(x_axis, f"time since the search began ({unit})")
    chart.y_axis(y_axis, "error" + (", logarithmic" if y_axis.is_log else ""))

    def at(end: float, error: float) -> tuple[float, float]:
        return chart.x(x_axis.place(end / size) or 0.0), chart.y(clipped(y_axis, error))

    for name, class_ in LAST_CLASSES.items():
        lasts = [picture.shown[row].last for row in last_rows(picture, name)]
        dots = [cross(at(job.end, 0)[0], chart.y(1)) if name == "last-failed"
                else point(*at(job.end, job.error)) for job in lasts]
        chart.path("".join(dots), class_, name)
    if improvements:
        chart.path(steps([at(*step) for step in improvements],
                         chart.x(1)), "curve")
    return chart.markup(above_words(above, errors), "chart wide")


LAST_CLASSES = {"last-exceeding": "dots exceeding", "last": "dots pale", "last-failed": "failed"}
"""How `any_time` draws trials whose last job exceeds a limit, does not, and failed."""


def last_rows(picture: SearchPicture, name: str) -> list[int]:
    """Return the places of the shown trials of one of `LAST_CLASSES`."""
    def class_of(job: Job) -> str:
        if not math.isfinite(job.error):
            return "last-failed"
        return "last-exceeding" if picture.exceeds(job) else "last"
    return [i for i, trial in enumerate(picture.shown) if class_of(trial.last) == name]


def _any_time_words(picture: SearchPicture, improvements: list[tuple[float, float]]) -> str:
    if not improvements:
        return "The error of the best trial over time: there is no best trial."
    (first_time, first), (last_time, last) = improvements[0], improvements[-1]
    return (f"The error of the best trial over time. It falls in "
            f"{count(len(improvements), 'step')} from {number(first)} after "
            f"{seconds(first_time)} to {number(last)} after {seconds(last_time)}.")


def above_words(above: int, errors: np.ndarray) -> str:
    """Say how many trials have errors above the axis; nothing where none has."""
    if not above:
        return ""
    verb = "lies" if above == 1 else "lie"
    return (f"{count(above, 'trial')} with larger errors, up to {number(errors.max())}, {verb} at "
            "the upper edge.")


def timeline(picture: SearchPicture) -> str:
    """Draw one bar a job, workers upward and time to the right.

    Jobs of a trial that follow each other at once, as reports do, are one bar.
    """
    jobs = picture.view.jobs
    end = max(job.end for job in jobs)
    x_axis, size, unit = time_axis(end)
    workers = max(job.worker for job in jobs) + 1
    row = max(1.2, min(16.0, 320 / workers))
    busy = sum(max(job.end - job.start, 0.0) for job in jobs)
    part = busy / (workers * end) if end > 0 else 1.0
    chart = Chart(f"{count(len(jobs), 'job')} on {count(workers, 'worker')} in {seconds(end)}. "
                  f"The workers were busy {part:.0%} of the time.",
                  height=row * workers + TOP + BOTTOM, left=34)
    chart.x_axis(x_axis, f"time since the search began ({unit})")
    every = max(1, math.ceil(12 / row))
    for worker in range(0, workers, every * max(1, workers // (8 * every) or 1)):
        chart.text(chart.left - 5, chart.y((worker + 0.5) / workers) + 3.5, str(worker), "tick",
                   "end")
    chart.text(4, 10, "worker", "title")
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    for failed in (False, True):
        bars = []
        for bar in bars_of(jobs, failed):
            left, right = (chart.x(min(max(t / size / x_axis.high, 0.0), 1.0))
                           for t in (bar.start, bar.end))
            y = chart.y((bar.worker + 0.5) / workers)
            stop = max(right, left + NARROWEST)
            bars.append((bar.trial_id, y, left, stop))
        shown = "".join(bar_path(*bar[1:]) for bar in bars if bar[0] in places)
        others = "".join(bar_path(*bar) for bar in
                         joined([bar[1:] for bar in bars if bar[0] not in places]))
        class_ = "bars failed-bars" if failed else "bars"
        size_ = f"--row: {short(max(row - 2 if row > 6 else row * 0.85, 1))}px"
        for d, rows in ((shown, f"bars-{'failed' if failed else 'done'}"), (others, None)):
            if d:
                chart.parts.append(f'<path d="{d}" class="{class_}" style="{size_}"'
                                   + (f' data-rows="{rows}"' if rows else "") + "/>")
    return chart.markup(class_="chart wide")


def bar_path(y: float, left: float, right: float) -> str:
    """Return a bar of a path."""
    return f"M{short(left)} {short(y)}H{short(right)}"


def joined(bars: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return bars, each a height and two ends, with those as one that no eye can tell apart."""
    found: list[tuple[float, float, float]] = []
    for y, left, right in sorted(bars):
        if found and found[-1][0] == y and left - found[-1][2] < NARROWEST:
            found[-1] = y, found[-1][1], max(right, found[-1][2])
        else:
            found.append((y, left, right))
    return found


def bars_of(jobs: Sequence[Job], failed: bool) -> list[Job]:
    """Return the jobs that failed, or all others; those that follow each other at once as one."""
    bars: list[Job] = []
    latest: dict[int, int] = {}  # by trial, its last bar
    for job in jobs:
        if (job.status == "failed") != failed:
            continue
        at = latest.get(job.trial_id)
        if at is not None and (bars[at].end, bars[at].worker) == (job.start, job.worker):
            bars[at] = bars[at]._replace(end=job.end)
        else:
            latest[job.trial_id] = len(bars)
            bars.append(job)
    return bars


def bar_rows(picture: SearchPicture, failed: bool) -> list[int]:
    """Return the places of the trials whose bars `timeline` draws, in its order."""
    places = {trial.trial_id: i for i, trial in enumerate(picture.shown)}
    return [places[bar.trial_id] for bar in bars_of(picture.view.jobs, failed)
            if bar.trial_id in places]
